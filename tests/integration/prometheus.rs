use std::collections::BTreeSet;
use std::io::Write;
use std::process::{Command, Stdio};

use copilot_metrics_tests::command::{Serving, client};
use copilot_metrics_tests::deployed::{Deployed, deployed};
use copilot_metrics_tests::exposition::Exposition;
use copilot_metrics_tests::fixtures::root;
use copilot_metrics_tests::github::stand_in;
use copilot_metrics_tests::prometheus::Prometheus;
use serde_json::Value;

/// The names that the interface of the original exporter fixes, and that promtool complains about.
const FIXED: [&str; 2] = ["copilot_exporter_cache_hits ", "copilot_exporter_github_api_requests "];

#[tokio::test(flavor = "multi_thread")]
async fn promtool_complains_only_about_names_fixed_by_the_original_exporter() {
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
    let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    let others: Vec<_> =
        text.lines().filter(|line| !FIXED.iter().any(|name| line.starts_with(name))).collect();
    assert!(others.is_empty(), "{others:#?}");
    assert_eq!(text.lines().count(), FIXED.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_prometheus_scrapes_every_target_and_returns_the_recorded_values() {
    let github = stand_in().await;
    let serving = Serving::start_with_targets(github.exporter(), 3);
    let prometheus = Prometheus::start(&serving.address().to_string());
    for (query, value) in [
        // On a busy machine, the first scrape may time out.
        ("up{job='copilot'} == 1", "1"),
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

#[test]
fn the_deployed_config_rules_and_alerts_pass_promtool_and_fire_when_they_should() {
    for arguments in [
        ["check", "config", "prometheus.yml"],
        ["check", "rules", "rules.yml"],
        ["check", "rules", "alerts.yml"],
        ["test", "rules", "tests.yml"],
        ["test", "rules", "tests-days.yml"],
    ] {
        let directory = root().join("deploy/prometheus");
        let checked =
            Command::new("promtool").args(arguments).current_dir(directory).output().unwrap();
        let text = String::from_utf8([checked.stdout, checked.stderr].concat()).unwrap();
        assert!(checked.status.success(), "{arguments:?}: {text}");
    }
    // Every alert fires in a test.
    let tests = deployed("tests.yml") + &deployed("tests-days.yml");
    let alerts = deployed("alerts.yml");
    for alert in alerts.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")) {
        let fires = format!("alertname: {alert}\n        exp_alerts:");
        assert!(tests.contains(&fires), "{alert}");
        // And is quiet in another.
        let quiet = format!("alertname: {alert}}}\n");
        assert!(tests.contains(&quiet), "{alert}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_prometheus_scrapes_over_tls_with_a_password_and_every_rule_has_data() {
    let github = stand_in().await;
    let deployment = Deployed::start(&github);
    deployment.backfill_cost(&github).await;
    let prometheus = &deployment.prometheus;
    // On a busy machine, the first scrape may take too long.
    prometheus.has_data("up{job='github-copilot'} == 1").await;
    let rules = deployed("rules.yml");
    let records: Vec<_> =
        rules.lines().filter_map(|line| line.trim().strip_prefix("- record: ")).collect();
    assert!(records.len() > 3);
    for record in records {
        prometheus.has_data(record).await;
    }
    // By hand: 24 seats up to 90 days and 20 never used, of 340; 1369 of 4505 code completions;
    // 14825 lines of agents' edits, 6774 of the CLI and 838 of the app, of 28841.
    for (name, value) in [
        ("seats_idle", 44.0 / 340.0),
        ("code_completion_acceptance", 1369.0 / 4505.0),
        ("agent_lines_added", 22437.0 / 28841.0),
    ] {
        let record = format!("org:github_copilot_{name}:ratio{{org='octodemo'}}");
        let recorded: f64 = prometheus.value(&record).await.parse().unwrap();
        assert!((recorded - value).abs() < 1e-9, "{record}: {recorded}");
    }
    // The 44 idle seats are of the plan Business. A whole month costs as much per second as the month so far. The shares of
    // models add up to 1.
    let length = "github_copilot_ai_usage_month_length_seconds{org='octodemo'}";
    let length: f64 = prometheus.value(length).await.parse().unwrap();
    for (query, value) in [
        ("org_plan:github_copilot_seats_idle:dollars{org='octodemo',plan='business'}", 44.0 * 19.0),
        (
            "sum(org:github_copilot_ai_usage_month_forecast_net:dollars{org='octodemo'})
            / sum(github_copilot_ai_usage_month_net_dollars{org='octodemo'})
            * sum(github_copilot_ai_usage_month_elapsed_seconds{org='octodemo'})",
            length,
        ),
        ("sum(org_model:github_copilot_ai_usage_gross_share:7d_ratio{org='octodemo'})", 1.0),
        (
            "sum(org_model:github_copilot_ai_usage_gross_share:previous28d_ratio{org='octodemo'})",
            1.0,
        ),
        ("org:github_copilot_ai_usage_day_gross:days28d{org='octodemo'}", 28.0),
    ] {
        let result: f64 = prometheus.value(query).await.parse().unwrap();
        assert!((result - value).abs() < 1e-3 * value, "{query}: {result}");
    }
    // What the alerts read exists, except for what only failures, pushing and registries produce.
    let is_absent = |name: &str| {
        name.contains("copilot_exporter_document_failures")
            || name.starts_with("copilot_exporter_remote_write_")
            || name.starts_with("copilot_exporter_mapping_source_")
    };
    let alerts = deployed("alerts.yml");
    let others = ["#", "summary: ", "description: ", "runbook_url: "];
    let is_expression = |line: &&str| !others.iter().any(|other| line.trim().starts_with(other));
    let alerts = alerts.lines().filter(is_expression);
    let words =
        alerts.flat_map(|line| line.split(|c: char| !(c.is_alphanumeric() || "_:".contains(c))));
    let read: BTreeSet<&str> = words
        .map(|word| word.trim_end_matches(':'))
        .filter(|word| word.contains("github_copilot_") || word.starts_with("copilot_exporter_"))
        .filter(|name| !is_absent(name))
        .collect();
    assert!(read.len() > 15, "{read:?}");
    for name in read {
        prometheus.has_data(name).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_deployed_prometheus_keeps_two_years_and_accepts_samples_that_are_written_to_it() {
    let github = stand_in().await;
    let Deployed { prometheus, .. } = &Deployed::start(&github);
    prometheus.ready().await;
    // An empty request is invalid. Without the receiver, the path would not exist.
    let answer = client().post(prometheus.url("/api/v1/write")).send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 400);
    let flags = client().get(prometheus.url("/api/v1/status/flags")).send().await.unwrap();
    let flags: Value = serde_json::from_str(&flags.text().await.unwrap()).unwrap();
    assert_eq!(flags["data"]["storage.tsdb.retention.time"], "2y");
}
