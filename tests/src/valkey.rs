//! A real Valkey or Redis server: alone, with a replica, watched by a Sentinel, or as a cluster.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use redis::{Client, Connection, FromRedisValue};
use tempfile::TempDir;

use crate::authority::Authority;
use crate::database::{free_address, new_directory, unpacked};
use crate::fixtures::root;
use crate::transcript::keep_secret;

/// How often a request is repeated, and the pause between: the servers have no event to wait for.
const PATIENCE: usize = 1200;
const PAUSE: Duration = Duration::from_millis(100);

/// Closes all connections but the one that it is sent on.
const CLOSE: &[&str] = &["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"];

/// Which program runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// Valkey 9.
    Valkey,
    /// Redis 7, as in Debian 12.
    Redis,
}

impl Engine {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Valkey, Self::Redis];

    fn command(self) -> Command {
        let program = match self {
            Self::Valkey => "valkey-server",
            Self::Redis => "redis-server",
        };
        let mut command = Command::new(unpacked(program));
        // Libraries that were unpacked with it, in the directory of the machine's architecture.
        let libraries = root().join("target/tools/servers/usr/lib");
        let directories = fs::read_dir(libraries).into_iter().flatten().flatten();
        let directories: Vec<PathBuf> = directories.map(|entry| entry.path()).collect();
        let path = std::env::join_paths(directories).unwrap_or_default();
        command.env("LD_LIBRARY_PATH", path);
        command
    }
}

/// How to start a server.
pub struct Options {
    engine: Engine,
    flags: Vec<String>,
    password: Option<String>,
    tls: Option<(String, String, String)>,
    is_cluster: bool,
}

impl Options {
    /// A server without a password.
    pub fn new(engine: Engine) -> Self {
        Self { engine, flags: Vec::new(), password: None, tls: None, is_cluster: false }
    }

    /// Sets further flags, such as `--maxmemory 10mb`.
    pub fn flags(mut self, flags: &[&str]) -> Self {
        self.flags.extend(flags.iter().map(|flag| (*flag).to_owned()));
        self
    }

    /// Requires a password, also of replicas.
    pub fn password(mut self, password: &str) -> Self {
        keep_secret(password);
        self.password = Some(password.to_owned());
        self.flags(&["--requirepass", password, "--masterauth", password])
    }

    /// Listens with TLS too, with a certificate for these names. Only Redis: the program of Valkey that is
    /// available has no TLS.
    pub fn tls(mut self, authority: &Authority, names: &[&str]) -> Self {
        let (certificate, key) = authority.sign(names, 30);
        self.tls = Some((authority.pem(), certificate, key));
        self
    }

    /// Makes it a replica.
    pub fn replica_of(self, primary: &Server) -> Self {
        let port = primary.address.port().to_string();
        self.flags(&["--replicaof", "127.0.0.1", &port])
    }

    /// Makes it a node of a cluster, without any slots yet.
    pub fn cluster(mut self) -> Self {
        self.is_cluster = true;
        self.flags(&["--cluster-enabled", "yes"])
    }

    /// Starts the server and waits until it accepts commands.
    pub fn start(self) -> Server {
        let directory = new_directory();
        let address = free_address();
        let mut command = self.engine.command();
        command
            .args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
            .args(["--repl-diskless-sync-delay", "0"])
            .args(["--port", &address.port().to_string()])
            .arg("--dir")
            .arg(directory.path())
            .args(&self.flags);
        if self.is_cluster {
            command.args(["--cluster-port", &free_address().port().to_string()]);
        }
        let tls_address = self.tls.map(|(authority, certificate, key)| {
            let address = free_address();
            for (name, pem) in [("ca", authority), ("cert", certificate), ("key", key)] {
                let path = directory.path().join(name);
                fs::write(&path, pem).unwrap_or_else(|error| panic!("{error}"));
                let flag = if name == "ca" { "ca-cert" } else { name };
                command.arg(format!("--tls-{flag}-file")).arg(path);
            }
            command.args(["--tls-port", &address.port().to_string(), "--tls-auth-clients", "no"]);
            address
        });
        let password = self.password;
        let mut server = Server { command, child: None, address, tls_address, password, directory };
        server.start_again();
        server
    }
}

/// A running server. It is stopped when it is dropped.
pub struct Server {
    command: Command,
    child: Option<Child>,
    address: SocketAddr,
    tls_address: Option<SocketAddr>,
    password: Option<String>,
    directory: TempDir,
}

impl Server {
    /// A server without any options.
    pub fn start(engine: Engine) -> Self {
        Options::new(engine).start()
    }

    /// Its address, without TLS.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its URL without TLS, without the password.
    pub fn url(&self) -> String {
        format!("redis://{}", self.address)
    }

    /// Its URL with TLS and a host, without the password.
    pub fn tls_url(&self, host: &str) -> String {
        let address = self.tls_address.unwrap_or_else(|| panic!("it has no TLS"));
        format!("rediss://{host}:{}", address.port())
    }

    /// Presents another certificate from now on, and closes all connections.
    pub fn use_certificate(&self, authority: &Authority, names: &[&str]) {
        let (certificate, key) = authority.sign(names, 30);
        for (name, pem) in [("cert", certificate), ("key", key)] {
            let path = self.directory.path().join(name);
            fs::write(&path, pem).unwrap_or_else(|error| panic!("{error}"));
        }
        let [certificate, key] = ["cert", "key"].map(|name| self.directory.path().join(name));
        let [certificate, key] = [certificate, key].map(|path| path.display().to_string());
        let command = ["CONFIG", "SET", "tls-cert-file", &certificate, "tls-key-file", &key];
        self.send::<()>(&command);
        self.close_connections();
    }

    /// Requires a password from now on, and closes all connections.
    pub fn require_password(&self, password: &str) {
        keep_secret(password);
        self.send_all(&[&["CONFIG", "SET", "requirepass", password], CLOSE]);
    }

    /// Requires no password any more, which was `password`.
    pub fn forget_password(&self, password: &str) {
        self.send_all(&[&["AUTH", password], &["CONFIG", "SET", "requirepass", ""]]);
    }

    /// Sends commands on one connection.
    fn send_all(&self, commands: &[&[&str]]) {
        let mut connection = self.connect().unwrap_or_else(|error| panic!("{error}"));
        for command in commands {
            let sent = redis::Cmd::new().arg(*command).query::<redis::Value>(&mut connection);
            sent.unwrap_or_else(|error| panic!("{error}"));
        }
    }

    /// Closes all connections of clients.
    pub fn close_connections(&self) {
        self.send::<u64>(CLOSE);
    }

    /// Starts it again after [`Self::kill`], at the same address and without the data.
    pub fn start_again(&mut self) {
        self.kill();
        let log = File::options().create(true).append(true).open(self.log_path());
        let log = log.unwrap_or_else(|error| panic!("{error}"));
        let child = self.command.stdin(Stdio::null()).stdout(log).stderr(Stdio::null()).spawn();
        self.child = Some(child.unwrap_or_else(|error| panic!("{:?}: {error}", self.command)));
        for _ in 0..PATIENCE {
            if self.try_send::<String>(&["PING"]).is_ok() {
                return;
            }
            std::thread::sleep(PAUSE);
        }
        panic!("{} is not ready:\n{}", self.address, self.log());
    }

    /// Kills it, as a crash does.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().ok();
            child.wait().ok();
        }
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.as_ref().map_or_else(|| panic!("it does not run"), Child::id)
    }

    /// Sends a command, such as `["FLUSHALL"]`.
    pub fn send<T: FromRedisValue>(&self, command: &[&str]) -> T {
        self.try_send(command).unwrap_or_else(|error| panic!("{command:?}: {error}"))
    }

    /// Sends a command until its response satisfies a condition.
    pub fn wait_for(&self, command: &[&str], is_met: impl Fn(&str) -> bool) {
        let mut last = String::new();
        for _ in 0..PATIENCE {
            last = self.try_send(command).unwrap_or_else(|error| error.to_string());
            if is_met(&last) {
                return;
            }
            std::thread::sleep(PAUSE);
        }
        panic!("{command:?}: {last}");
    }

    fn try_send<T: FromRedisValue>(&self, command: &[&str]) -> redis::RedisResult<T> {
        let [name, arguments @ ..] = command else { panic!("no command") };
        redis::cmd(name).arg(arguments).query(&mut self.connect()?)
    }

    fn connect(&self) -> redis::RedisResult<Connection> {
        let mut connection =
            Client::open(self.url())?.get_connection_with_timeout(Duration::from_secs(2))?;
        if let Some(password) = &self.password {
            redis::cmd("AUTH").arg(password).query::<()>(&mut connection)?;
        }
        Ok(connection)
    }

    fn log_path(&self) -> PathBuf {
        self.directory.path().join("server.log")
    }

    /// The server's log since its first start.
    pub fn log(&self) -> String {
        fs::read_to_string(self.log_path()).unwrap_or_default()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Starts a Sentinel that watches a primary by the name `main`, and decides alone. It reacts after five seconds,
/// which a healthy server on a busy machine does not need.
pub fn start_sentinel(engine: Engine, primary: &Server) -> Server {
    let directory = new_directory();
    let address = free_address();
    let mut config = format!(
        "port {}\nbind 127.0.0.1\ndir {}\nsentinel monitor main 127.0.0.1 {} 1\n\
         sentinel down-after-milliseconds main 5000\nsentinel failover-timeout main 5000\n",
        address.port(),
        directory.path().display(),
        primary.address.port(),
    );
    if let Some(password) = &primary.password {
        config.push_str(&format!("sentinel auth-pass main {password}\n"));
    }
    let path = directory.path().join("sentinel.conf");
    fs::write(&path, config).unwrap_or_else(|error| panic!("{error}"));
    let mut command = engine.command();
    command.arg(path).arg("--sentinel");
    let (tls_address, password, child) = (None, None, None);
    let mut server = Server { command, child, address, tls_address, password, directory };
    server.start_again();
    server
}

/// Starts a cluster of two nodes, each with half of the slots.
pub fn start_cluster(engine: Engine) -> [Server; 2] {
    let nodes = [(), ()].map(|()| Options::new(engine).cluster().start());
    let [one, other] = &nodes;
    one.send::<()>(&["CLUSTER", "ADDSLOTSRANGE", "0", "8191"]);
    other.send::<()>(&["CLUSTER", "ADDSLOTSRANGE", "8192", "16383"]);
    let bus: Vec<String> = other.send(&["CONFIG", "GET", "cluster-port"]);
    let bus = bus.last().cloned().unwrap_or_default();
    one.send::<()>(&["CLUSTER", "MEET", "127.0.0.1", &other.address.port().to_string(), &bus]);
    for node in &nodes {
        node.wait_for(&["CLUSTER", "INFO"], |info| {
            info.contains("cluster_state:ok") && info.contains("cluster_known_nodes:2")
        });
    }
    nodes
}
