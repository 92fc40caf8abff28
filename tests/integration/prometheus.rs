use std::fs;
use std::io::Write;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use copilot_metrics_tests::command::{Serving, client};
use copilot_metrics_tests::exposition::Exposition;
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
        let config = folder.path().join("prometheus.yml");
        let scrape = format!(
            "scrape_configs:\n- job_name: copilot\n  scrape_interval: 1s\n  static_configs:\n  - targets: ['{target}']\n"
        );
        fs::write(&config, scrape).unwrap();
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
