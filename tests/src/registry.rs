//! A real OCI registry: Debian's `docker-registry`, and `cosign`, which signs what is in it.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use tokio::net::TcpStream;

use crate::authority::Authority;
use crate::database::{free_address, new_directory, unpacked};
use crate::transcript::keep_secret;

/// The user.
pub const USER: &str = "octocat";
/// How often it is tried to connect, and the pause between: the server does not say when it listens.
const PATIENCE: usize = 600;
const PAUSE: Duration = Duration::from_millis(100);

/// A running registry over a directory of its own. It is stopped when it is dropped.
pub struct Registry {
    address: SocketAddr,
    directory: TempDir,
    password: String,
    child: Child,
}

impl Registry {
    /// Starts a registry with TLS and a password, at `localhost`.
    pub async fn start() -> Self {
        let (address, directory) = (free_address(), new_directory());
        let authority = Authority::new();
        let (certificate, key) = authority.sign(&["localhost"], 30);
        let path = |name: &str| directory.path().join(name);
        write(&path("ca.pem"), &authority.pem());
        write(&path("certificate.pem"), &certificate);
        write(&path("key.pem"), &key);
        // Each run has another one, so that it can be searched for.
        let password = format!("registry-password-{}", address.port());
        keep_secret(&password);
        let hash = bcrypt::hash(&password, 4).unwrap_or_else(|error| panic!("{error}"));
        // The server knows only the prefix of Go's library.
        write(&path("htpasswd"), &format!("{USER}:{}\n", hash.replacen("$2b$", "$2y$", 1)));
        let own = format!(
            "  tls: {{certificate: {}, key: {}}}\nauth: {{htpasswd: {{realm: tests, path: {}}}}}\n",
            path("certificate.pem").display(),
            path("key.pem").display(),
            path("htpasswd").display(),
        );
        Self::run(address, directory, password, &own).await
    }

    async fn run(address: SocketAddr, directory: TempDir, password: String, own: &str) -> Self {
        let config = directory.path().join("config.yml");
        let data = directory.path().join("data");
        let yaml = format!(
            "version: 0.1\nlog: {{level: warn}}\nstorage: {{filesystem: {{rootdirectory: {}}}}}\nhttp:\n  addr: {address}\n{own}",
            data.display()
        );
        write(&config, &yaml);
        let child = spawn(&config);
        let registry = Self { address, directory, password, child };
        registry.ready().await;
        registry
    }

    async fn ready(&self) {
        for _ in 0..PATIENCE {
            if TcpStream::connect(self.address).await.is_ok() {
                return;
            }
            tokio::time::sleep(PAUSE).await;
        }
        panic!("the registry does not listen on {}", self.address);
    }

    /// Stops it.
    pub fn stop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }

    /// Starts it again after [`Self::stop`], with the same content.
    pub async fn start_again(&mut self) {
        self.stop();
        self.child = spawn(&self.directory.path().join("config.yml"));
        self.ready().await;
    }

    /// Its host and port, as in references.
    pub fn host(&self) -> String {
        format!("localhost:{}", self.address.port())
    }

    /// A reference to a mapping in it, such as `team/mapping:1`.
    pub fn reference(&self, name: &str) -> String {
        format!("oci://{}/{name}", self.host())
    }

    /// The file with its certificate authority.
    pub fn ca_file(&self) -> PathBuf {
        self.directory.path().join("ca.pem")
    }

    /// The password of [`USER`].
    pub fn password(&self) -> &str {
        &self.password
    }

    /// Lets a command sign in with variables.
    pub fn sign_in(&self, command: &mut Command) {
        command
            .env("REGISTRY_USERNAME", USER)
            .env("REGISTRY_PASSWORD", self.password())
            .env("REGISTRY_CA_FILE", self.ca_file());
    }

    /// Writes a `config.json` as `docker login` does, and returns its directory.
    pub fn docker_config(&self) -> PathBuf {
        use base64::Engine as _;
        let auth = format!("{USER}:{}", self.password());
        let auth = base64::engine::general_purpose::STANDARD.encode(auth);
        keep_secret(&auth);
        let host = self.host();
        let config = format!(r#"{{"auths": {{"{host}": {{"auth": "{auth}"}}}}}}"#);
        write(&self.directory.path().join("config.json"), &config);
        self.directory.path().to_owned()
    }

    /// Signs what a reference with a digest points to, with the key in a directory.
    pub fn sign(&self, keys: &Path, reference: &str) {
        let mut command = cosign(keys);
        command
            .args(["sign", "--key", "cosign.key", "--tlog-upload=false", "--yes"])
            .args(["--registry-username", USER, "--registry-password", self.password()])
            .arg("--registry-cacert")
            .arg(self.ca_file())
            .arg(reference.trim_start_matches("oci://"));
        succeed(command);
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Makes a key pair, `cosign.key` and `cosign.pub`, in a new directory.
pub fn key_pair() -> TempDir {
    let directory = new_directory();
    let mut command = cosign(directory.path());
    command.arg("generate-key-pair");
    succeed(command);
    directory
}

fn cosign(directory: &Path) -> Command {
    let mut command = Command::new(unpacked("cosign"));
    // It writes to the home directory, and asks for a password without the variable.
    command.current_dir(directory).env("HOME", directory).env("COSIGN_PASSWORD", "");
    for variable in ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "DOCKER_CONFIG"] {
        command.env_remove(variable);
    }
    command
}

fn succeed(mut command: Command) {
    let Output { status, stderr, .. } =
        command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(status.success(), "{command:?}: {}", String::from_utf8_lossy(&stderr));
}

fn spawn(config: &Path) -> Child {
    let spawned = Command::new(unpacked("docker-registry"))
        .arg("serve")
        .arg(config)
        // It would look for a collector of traces.
        .env("OTEL_TRACES_EXPORTER", "none")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    spawned.unwrap_or_else(|error| panic!("{error}"))
}

fn write(path: &Path, text: &str) {
    fs::write(path, text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}
