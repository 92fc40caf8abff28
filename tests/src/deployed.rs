//! The exporter and Prometheus as in `deploy/`.

use std::fs;

use crate::authority::Authority;
use crate::command::{Serving, output};
use crate::config::Config;
use crate::database::{Database, new_directory};
use crate::fixtures::root;
use crate::github::StandIn;
use crate::prometheus::{Prometheus, Version};
use crate::transcript::keep_secret;
use crate::valkey::{Engine, Server};

/// A file of `deploy/prometheus`.
pub fn deployed(file: &str) -> String {
    let path = root().join("deploy/prometheus").join(file);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The exporter's config file in `deploy`, with the address of a Prometheus server.
fn deployed_exporter_config(prometheus: &str) -> String {
    let path = root().join("deploy/exporter/config.yaml");
    let config = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{error}"));
    config.replace("http://prometheus:9090", prometheus)
}

/// The flags of Prometheus in `deploy/compose.yaml`, without those that name paths in the container.
fn flags() -> Vec<String> {
    let path = root().join("deploy/compose.yaml");
    let compose = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{error}"));
    let flags = compose.lines().filter_map(|line| line.trim().strip_prefix("- --"));
    let flags = flags.filter(|flag| !flag.contains("=/")).map(|flag| format!("--{flag}"));
    flags.collect()
}

/// An exporter of the recordings, a Prometheus server and a Valkey server as in `deploy`: with TLS, a password and the
/// rules.
pub struct Deployed {
    /// The exporter.
    pub serving: Serving,
    /// The server.
    pub prometheus: Database,
    _web: Config,
    _store: Server,
}

impl Deployed {
    /// Starts them.
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
        let store = Server::start(Engine::Valkey);
        let mut command = github.exporter();
        command.env("STORE_URL", store.url());
        command.args(["--option", "repositories=true", "--option", "organization-usage=true"]);
        command.arg("--web.config.file").arg(web.path());
        let serving = Serving::start_with_targets(command, 3);
        let directory = new_directory();
        // As in `deploy`, except for the address and the intervals, and with the lines on TLS and users enabled.
        let config = deployed("prometheus.yml")
            .replace("exporter:8000", &format!("localhost:{}", serving.address().port()))
            .replace("60s", "1s")
            .replace("scrape_interval: 1h", "scrape_interval: 1s")
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
        let server = Prometheus::new(Version::Installed).directory(directory);
        let prometheus = flags().iter().fold(server, |server, flag| server.flag(flag)).run();
        Self { serving, prometheus, _web: web, _store: store }
    }

    /// Writes what each of the last weeks' days cost, as the service `backfill` of `deploy/compose.yaml` does. GitHub
    /// reports only one day of it at a time, and the rules and trends read several.
    pub async fn backfill_cost(&self, github: &StandIn) {
        self.prometheus.ready().await;
        let config = Config::new(&deployed_exporter_config(&self.prometheus.url("")));
        let mut command = github.exporter();
        command
            // The other organization has no bill.
            .env("ORG", "octodemo")
            .env("CACHE_DIR", config.file("cache"))
            .args(["backfill", "--since", "45d", "--documents", "ai-credit-usage-day", "--config"])
            .arg(config.path());
        let output = output(command);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}
