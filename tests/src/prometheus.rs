//! A real Prometheus server.

use std::fs;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::authority::Authority;
use crate::command::{Serving, client};
use crate::config::Config;
use crate::fixtures::root;
use crate::github::StandIn;
use crate::transcript::keep_secret;

/// How often a query is repeated, and the pause between: Prometheus has no event to wait for.
const PATIENCE: usize = 600;
const PAUSE: Duration = Duration::from_millis(100);

/// A Prometheus server that scrapes one address. It is stopped when it is dropped.
pub struct Prometheus {
    child: Child,
    url: String,
    _directory: tempfile::TempDir,
}

impl Prometheus {
    /// Starts a server that scrapes `target` every second.
    pub fn start(target: &str) -> Self {
        let directory = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
        let scrape = format!(
            "scrape_configs:\n- job_name: copilot\n  scrape_interval: 1s\n  static_configs:\n  - targets: ['{target}']\n"
        );
        fs::write(directory.path().join("prometheus.yml"), scrape)
            .unwrap_or_else(|error| panic!("{error}"));
        Self::start_in(directory, &[])
    }

    /// Starts a server with this configuration that accepts remote write. `SELF` stands for its own address.
    pub fn start_receiver(config: &str) -> Self {
        let directory = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
        let path = directory.path().join("prometheus.yml");
        fs::write(path, config).unwrap_or_else(|error| panic!("{error}"));
        Self::start_in(directory, &["--web.enable-remote-write-receiver"])
    }

    /// Starts a server with this configuration, over the blocks in the subdirectory `data` of a directory
    /// if there are any, however old they are. `SELF` stands for its own address.
    pub fn start_with(config: &str, directory: tempfile::TempDir) -> Self {
        let path = directory.path().join("prometheus.yml");
        fs::write(path, config).unwrap_or_else(|error| panic!("{error}"));
        Self::start_in(directory, &[])
    }

    /// Starts a server with the `prometheus.yml` in a directory, and further flags.
    fn start_in(directory: tempfile::TempDir, flags: &[&str]) -> Self {
        let config = directory.path().join("prometheus.yml");
        // Prometheus can't choose a free port and report it.
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap_or_else(|error| panic!("{error}"))
            .local_addr()
            .unwrap_or_else(|error| panic!("{error}"))
            .port();
        let text = fs::read_to_string(&config).unwrap_or_else(|error| panic!("{error}"));
        let text = text.replace("SELF", &format!("127.0.0.1:{port}"));
        fs::write(&config, text).unwrap_or_else(|error| panic!("{error}"));
        let child = Command::new("prometheus")
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", directory.path().join("data").display()))
            .arg("--storage.tsdb.retention.time=100y")
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .args(flags)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("prometheus is needed: `make test` installs it");
        Self { child, url: format!("http://127.0.0.1:{port}"), _directory: directory }
    }

    /// Its base URL.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The result of a query; `None` while the server is starting. It panics if the query is invalid.
    pub async fn query(&self, query: &str) -> Option<Vec<Value>> {
        self.send(&[("query", query)]).await
    }

    /// The result of a query at a time (RFC 3339), as soon as the server has started.
    pub async fn query_at(&self, query: &str, time: &str) -> Vec<Value> {
        for _ in 0..PATIENCE {
            if let Some(result) = self.send(&[("query", query), ("time", time)]).await {
                return result;
            }
            tokio::time::sleep(PAUSE).await;
        }
        panic!("no answer to {query}");
    }

    async fn send(&self, query: &[(&str, &str)]) -> Option<Vec<Value>> {
        let request = client().get(format!("{}/api/v1/query", self.url)).query(query);
        let answer: Value =
            serde_json::from_str(&request.send().await.ok()?.text().await.ok()?).ok()?;
        assert_ne!(answer["errorType"], "bad_data", "{query:?}: {answer}");
        Some(answer["data"]["result"].as_array()?.clone())
    }

    /// Repeats a query until it has exactly one result, and returns its value.
    pub async fn value(&self, query: &str) -> String {
        for _ in 0..PATIENCE {
            if let Some(result) = self.query(query).await
                && let [only] = result.as_slice()
            {
                return only["value"][1].as_str().unwrap_or_default().to_owned();
            }
            tokio::time::sleep(PAUSE).await;
        }
        panic!("no result for {query}");
    }

    /// Repeats a query until one of its results is a number.
    pub async fn has_data(&self, query: &str) -> Vec<Value> {
        for _ in 0..PATIENCE {
            let result = self.query(query).await.unwrap_or_default();
            let is_number = |of: &Value| of["value"][1].as_str().is_some_and(|text| text != "NaN");
            if result.iter().any(is_number) {
                return result;
            }
            tokio::time::sleep(PAUSE).await;
        }
        panic!("no data for {query}");
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// A file of `deploy/prometheus`.
pub fn deployed(file: &str) -> String {
    let path = root().join("deploy/prometheus").join(file);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// An exporter of the recordings and a Prometheus server as in `deploy`: with TLS, a password and the rules.
pub struct Deployed {
    /// The exporter.
    pub serving: Serving,
    /// The server.
    pub prometheus: Prometheus,
    _web: Config,
}

impl Deployed {
    /// Starts both.
    pub fn start(github: &StandIn) -> Self {
        let authority = Authority::new();
        let (certificate, key) = authority.sign(&["localhost"], 30);
        let password = "a-password-of-the-scrape";
        let hash = bcrypt::hash(password, 5).unwrap_or_else(|error| panic!("{error}"));
        keep_secret(password);
        let web = Config::new(&format!(
            "tls_server_config: {{cert_file: server.crt, key_file: server.key}}\nbasic_auth_users: {{prometheus: \"{hash}\"}}"
        ));
        web.write("server.crt", &certificate);
        web.write("server.key", &key);
        let mut command = github.exporter();
        command.args(["--option", "repositories=true", "--web.config.file"]).arg(web.path());
        let serving = Serving::start_with_targets(command, 3);
        let directory = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
        // As in `deploy`, except for the address and the interval, and with the lines on TLS and users enabled.
        let config = deployed("prometheus.yml")
            .replace("exporter:8000", &format!("localhost:{}", serving.address().port()))
            .replace("60s", "1s")
            .replace("# scheme", "scheme")
            .replace("# tls_config", "tls_config")
            .replace("# basic_auth", "basic_auth");
        for (file, text) in [
            ("prometheus.yml", config.as_str()),
            ("rules.yml", &deployed("rules.yml")),
            ("alerts.yml", &deployed("alerts.yml")),
            ("ca.crt", &authority.pem()),
            ("password", password),
        ] {
            let written = fs::write(directory.path().join(file), text);
            written.unwrap_or_else(|error| panic!("{file}: {error}"));
        }
        let prometheus = Prometheus::start_in(directory, &[]);
        Self { serving, prometheus, _web: web }
    }
}
