use std::fs;
use std::io::Write;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use copilot_metrics_tests::authority::Authority;
use copilot_metrics_tests::command::{Serving, client, exporter};
use copilot_metrics_tests::config::Config;
use copilot_metrics_tests::exposition::Exposition;
use copilot_metrics_tests::fixtures::root;
use copilot_metrics_tests::transcript::keep_secret;
use serde_json::Value;

/// The names that the original exporter's interface fixes, and promtool would have otherwise.
const FIXED: [&str; 2] = ["copilot_exporter_cache_hits ", "copilot_exporter_github_api_requests "];

#[tokio::test(flavor = "multi_thread")]
async fn promtool_has_nothing_to_say_but_of_the_names_that_the_original_fixed() {
    let serving = Serving::demo();
    let (_, exposition) = serving.get("/metrics").await;
    let mut promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool is needed: `make test` installs it");
    promtool.stdin.take().unwrap().write_all(exposition.as_bytes()).unwrap();
    let output = promtool.wait_with_output().unwrap();
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    let news: Vec<_> =
        said.lines().filter(|line| !FIXED.iter().any(|name| line.starts_with(name))).collect();
    assert!(news.is_empty(), "{news:#?}");
    assert_eq!(said.lines().count(), FIXED.len());
}

/// A Prometheus server that scrapes one address. It is ended when it is dropped.
struct Prometheus {
    child: Child,
    url: String,
    _folder: tempfile::TempDir,
}

impl Prometheus {
    fn start(target: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let scrape = format!(
            "scrape_configs:\n- job_name: copilot\n  scrape_interval: 1s\n  static_configs:\n  - targets: ['{target}']\n"
        );
        fs::write(folder.path().join("prometheus.yml"), scrape).unwrap();
        Self::start_in(folder)
    }

    /// With the `prometheus.yml` of a folder.
    fn start_in(folder: tempfile::TempDir) -> Self {
        let config = folder.path().join("prometheus.yml");
        // It can't be told to take a free port by itself and to say which.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let child = Command::new("prometheus")
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("prometheus is needed: `make test` installs it");
        Self { child, url: format!("http://127.0.0.1:{port}/api/v1/query"), _folder: folder }
    }

    /// The result of a query, or nothing while the server is starting.
    async fn query(&self, query: &str) -> Option<Vec<Value>> {
        let request = client().get(&self.url).query(&[("query", query)]);
        let answer: Value =
            serde_json::from_str(&request.send().await.ok()?.text().await.ok()?).ok()?;
        Some(answer["data"]["result"].as_array()?.clone())
    }

    /// Asks again until there is a result: Prometheus has no event to wait for.
    async fn value(&self, query: &str) -> String {
        for _ in 0..600 {
            if let Some(result) = self.query(query).await
                && let [only] = result.as_slice()
            {
                return only["value"][1].as_str().unwrap().to_owned();
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("no result for {query}");
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_prometheus_scrapes_the_demo_and_answers_what_was_recorded() {
    let serving = Serving::demo();
    let prometheus = Prometheus::start(&serving.address().to_string());
    for (query, value) in [
        ("up{job='copilot'}", "1"),
        ("total_active_users{org='octodemo'}", "220"),
        ("sum(github_copilot_interactions{org='octodemo'})", "2180"),
        ("github_copilot_active_users{org='octodemo',window='week',surface='any'}", "279"),
        ("sum(total_code_suggestions{org='octo-legacy',editor='vscode',language='python'})", "399"),
        ("sum(total_code_acceptances{org='octo-legacy',editor='vscode',language='python'})", "96"),
        ("github_copilot_seats{org='octo-enterprise'}", "480"),
        ("sum(github_copilot_seats_by_activity_age{org='octodemo'})", "340"),
        ("github_copilot_team_members{org='octodemo',team='platform'}", "83"),
        ("count(copilot_exporter_up == 1)", "3"),
    ] {
        assert_eq!(prometheus.value(query).await, value, "{query}");
    }
    let report_day =
        "github_copilot_report_day_timestamp_seconds{org=\"octodemo\",scope=\"organization\"}";
    let served = Exposition::parse(&serving.get("/metrics").await.1).value(report_day);
    assert_eq!(prometheus.value(report_day).await, served.to_string());
}

/// What is deployed beside the exporter.
fn deployed(file: &str) -> String {
    fs::read_to_string(root().join("deploy/prometheus").join(file)).unwrap()
}

#[test]
fn the_deployed_config_rules_and_alerts_pass_promtool_and_fire_when_they_should() {
    for arguments in [
        ["check", "config", "prometheus.yml"],
        ["check", "rules", "rules.yml"],
        ["check", "rules", "alerts.yml"],
        ["test", "rules", "tests.yml"],
    ] {
        let folder = root().join("deploy/prometheus");
        let checked =
            Command::new("promtool").args(arguments).current_dir(folder).output().unwrap();
        let said = String::from_utf8([checked.stdout, checked.stderr].concat()).unwrap();
        assert!(checked.status.success(), "{arguments:?}: {said}");
    }
    // Every alert has a test in which it fires.
    let tests = deployed("tests.yml");
    let alerts = deployed("alerts.yml");
    for alert in alerts.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")) {
        let fires = format!("alertname: {alert}\n        exp_alerts:");
        assert!(tests.contains(&fires), "{alert}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_prometheus_scrapes_over_tls_with_a_password_and_every_rule_has_data() {
    let authority = Authority::new();
    let (certificate, key) = authority.sign(&["localhost"], 30);
    let password = "a password";
    let hash = bcrypt::hash(password, 5).unwrap();
    keep_secret(password);
    let web = Config::new(&format!(
        "tls_server_config: {{cert_file: server.crt, key_file: server.key}}\nbasic_auth_users: {{prometheus: \"{hash}\"}}"
    ));
    web.write("server.crt", &certificate);
    web.write("server.key", &key);
    let mut command = exporter();
    command.arg("--demo").arg("--web.config.file").arg(web.path());
    let serving = Serving::start(command);
    for _ in 0..3 {
        serving.wait_for("refreshed");
    }
    let folder = tempfile::tempdir().unwrap();
    // As it is deployed, but for the address, the hurry, and with what it says of TLS and users.
    let config = deployed("prometheus.yml")
        .replace("localhost:8000", &format!("localhost:{}", serving.address().port()))
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
        fs::write(folder.path().join(file), text).unwrap();
    }
    let prometheus = Prometheus::start_in(folder);
    assert_eq!(prometheus.value("up{job='github-copilot'}").await, "1");
    let rules = deployed("rules.yml");
    let records: Vec<_> =
        rules.lines().filter_map(|line| line.trim().strip_prefix("- record: ")).collect();
    assert!(records.len() > 3);
    for record in records {
        let count: f64 = prometheus.value(&format!("count({record})")).await.parse().unwrap();
        assert!(count >= 1.0, "{record}");
    }
    // By hand: 24 seats up to 90 days and 20 never used, of 340.
    let idle = prometheus.value("org:github_copilot_seats_idle:ratio{org='octodemo'}").await;
    assert!((idle.parse::<f64>().unwrap() - 44.0 / 340.0).abs() < 1e-9, "{idle}");
}
