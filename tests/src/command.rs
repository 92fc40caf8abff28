//! Runs the exporter's command as a user would.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread;
use std::time::Duration;

use crate::days;
use crate::fixtures::root;
use crate::transcript::record;

/// The timeout of everything that tests wait for. Only a failure ever reaches it: a mapping in Python takes
/// a minute to compile on a busy machine.
const PATIENCE: Duration = Duration::from_secs(180);

/// The environment variables of the exporter: tests must not inherit them.
const VARIABLES: [&str; 40] = [
    "DEMO",
    "GITHUB_TOKEN",
    "CONFIG_FILE",
    "GHC_TOKEN",
    "GHC_TOKEN_FILE",
    "GITHUB_APP_ID",
    "GITHUB_APP_PRIVATE_KEY_FILE",
    "GITHUB_APP_INSTALLATION_ID",
    "CACHE_DIR",
    "STORE_URL",
    "MAPPING_DIR",
    "MAPPING_SOURCES",
    "REGISTRY_USERNAME",
    "REGISTRY_PASSWORD",
    "REGISTRY_PASSWORD_FILE",
    "REGISTRY_CA_FILE",
    "DOCKER_CONFIG",
    "WEB_CONFIG_FILE",
    "WEB_EXTERNAL_URL",
    "WEB_GRAFANA_URL",
    "WEB_ROUTE_PREFIX",
    "WEB_TELEMETRY_PATH",
    "LISTEN_FDS",
    "LISTEN_PID",
    "NO_PROXY",
    "no_proxy",
    "SSL_CERT_FILE",
    "ORG",
    "ENTERPRISE",
    "CACHE_TTL_SECONDS",
    "GITHUB_API_URL",
    "LISTEN_ADDRESS",
    "LOG_LEVEL",
    "LOG_FORMAT",
    "HTTP_PROXY",
    "http_proxy",
    "HTTPS_PROXY",
    "https_proxy",
    "ALL_PROXY",
    "all_proxy",
];

/// The exporter's binary: that of `EXPORTER_BINARY`, or the one in the same profile as the test, built if
/// needed.
pub fn binary() -> PathBuf {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY
        .get_or_init(|| {
            if let Some(binary) = std::env::var_os("EXPORTER_BINARY") {
                return binary.into();
            }
            let mut cargo = Command::new(env!("CARGO"));
            cargo.args(["build", "--quiet", "--package", "copilot-metrics-exporter"]);
            if !cfg!(debug_assertions) {
                cargo.arg("--release");
            }
            assert!(cargo.current_dir(root()).status().is_ok_and(|status| status.success()));
            let test = std::env::current_exe().unwrap_or_default();
            // target/PROFILE/deps/test
            let profile = test.ancestors().nth(2).unwrap_or_else(|| panic!("no target directory"));
            profile.join("copilot-metrics-exporter")
        })
        .clone()
}

/// The exporter's command, without settings from the environment.
pub fn exporter() -> Command {
    let mut command = Command::new(binary());
    for variable in VARIABLES {
        command.env_remove(variable);
    }
    command
}

/// Runs the exporter with arguments to its end.
pub fn run<S: AsRef<std::ffi::OsStr>>(arguments: impl IntoIterator<Item = S>) -> Output {
    let mut command = exporter();
    command.args(arguments);
    output(command)
}

/// Runs a command to its end.
pub fn output(mut command: Command) -> Output {
    let output = command.output().unwrap_or_else(|error| panic!("{error}"));
    record(&String::from_utf8_lossy(&output.stderr));
    record(&String::from_utf8_lossy(&output.stdout));
    output
}

/// Runs the exporter, which must succeed, and returns what it prints.
pub fn printed<S: AsRef<std::ffi::OsStr>>(arguments: impl IntoIterator<Item = S>) -> String {
    let output = run(arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap_or_else(|error| panic!("{error}"))
}

/// An HTTP client without a proxy and without automatic decompression.
pub fn client() -> reqwest::Client {
    reqwest::Client::builder()
        .no_proxy()
        .no_gzip()
        .build()
        .unwrap_or_else(|error| panic!("{error}"))
}

/// A serving exporter. It is killed when it is dropped.
pub struct Serving {
    child: Child,
    lines: Receiver<String>,
    log: Arc<Mutex<String>>,
    address: SocketAddr,
}

impl Serving {
    /// Starts the command on a free port, with debug logs, and waits until it listens.
    pub fn start(mut command: Command) -> Self {
        command.args(["--log.level", "debug", "--web.enable-lifecycle"]);
        Self::start_with_own_log_level(command)
    }

    /// The same at the log level of the command.
    pub fn start_with_own_log_level(mut command: Command) -> Self {
        command.args(["--web.listen-address", "127.0.0.1:0"]);
        let mut child = command
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{error}"));
        let (send, lines) = channel();
        let log = Arc::new(Mutex::new(String::new()));
        let stderr = child.stderr.take().unwrap_or_else(|| panic!("no standard error"));
        let shared = Arc::clone(&log);
        thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                record(&line);
                if let Ok(mut log) = shared.lock() {
                    log.push_str(&line);
                    log.push('\n');
                }
                send.send(line).ok();
            }
        });
        let mut serving =
            Self { child, lines, log, address: SocketAddr::from(([127, 0, 0, 1], 0)) };
        let line = serving.wait_for("listening");
        // The log is text or JSON.
        let address = line.find("127.0.0.1:").and_then(|at| line.get(at..));
        serving.address = address
            .and_then(|rest| rest.split([' ', '"']).next()?.parse().ok())
            .unwrap_or_else(|| panic!("no address in {line:?}"));
        serving
    }

    /// Starts the demo and waits until all its targets have data. Its newest day has the values of its
    /// weekday, so tests that state values use [`StandIn::exporter`](crate::github::StandIn::exporter).
    pub fn demo() -> Self {
        std::thread::sleep(days::pause());
        let mut command = exporter();
        command.arg("--demo");
        Self::start_with_targets(command, 3)
    }

    /// Starts the command and waits until this many targets have data.
    pub fn start_with_targets(command: Command, targets: usize) -> Self {
        let serving = Self::start(command);
        for _ in 0..targets {
            serving.wait_for("refreshed");
        }
        serving
    }

    /// Waits for the next log line that contains `text`.
    pub fn wait_for(&self, text: &str) -> String {
        loop {
            match self.lines.recv_timeout(PATIENCE) {
                Ok(line) if line.contains(text) => return line,
                Ok(_) => {}
                Err(error) => panic!("no {text:?} in the log ({error}):\n{}", self.log()),
            }
        }
    }

    /// Waits for a line for each of these texts, in whatever order they come. Returns the lines in the order of the
    /// texts.
    pub fn wait_for_all<const N: usize>(&self, texts: [&str; N]) -> [String; N] {
        let mut found = texts.map(|_| None);
        while found.iter().any(Option::is_none) {
            let line = self.wait_for("");
            let is_awaited =
                |(at, text): &(usize, &&str)| found[*at].is_none() && line.contains(**text);
            if let Some((at, _)) = texts.iter().enumerate().find(is_awaited) {
                found[at] = Some(line);
            }
        }
        found.map(Option::unwrap_or_default)
    }

    /// The log so far.
    pub fn log(&self) -> String {
        self.log.lock().map(|log| log.clone()).unwrap_or_default()
    }

    /// The address it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL of a path.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Sends a GET request and returns the status and the text.
    pub async fn get(&self, path: &str) -> (u16, String) {
        let response =
            client().get(self.url(path)).send().await.unwrap_or_else(|error| panic!("{error}"));
        let status = response.status().as_u16();
        let text = response.text().await.unwrap_or_else(|error| panic!("{error}"));
        record(&text);
        (status, text)
    }

    /// The process id, for signals.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a POST request and returns the status and the text.
    pub async fn post(&self, path: &str) -> (u16, String) {
        let response =
            client().post(self.url(path)).send().await.unwrap_or_else(|error| panic!("{error}"));
        let status = response.status().as_u16();
        let text = response.text().await.unwrap_or_else(|error| panic!("{error}"));
        record(&text);
        (status, text)
    }

    /// Kills the process, like a crash.
    pub fn kill(mut self) {
        self.child.kill().unwrap_or_else(|error| panic!("{error}"));
        self.child.wait().unwrap_or_else(|error| panic!("{error}"));
    }

    /// Waits until the process ends.
    pub fn wait(&mut self) -> ExitStatus {
        self.child.wait().unwrap_or_else(|error| panic!("{error}"))
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
