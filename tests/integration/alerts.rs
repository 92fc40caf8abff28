use std::fs;
use std::time::Duration;

use copilot_metrics_tests::command::{Serving, client};
use copilot_metrics_tests::database::Database;
use copilot_metrics_tests::deployed::deployed;
use copilot_metrics_tests::github::stand_in;
use copilot_metrics_tests::prometheus::{Prometheus, Version};
use serde_json::Value;

/// Waits until an alert fires. On a busy machine, a scrape may time out.
async fn firing(prometheus: &Database, name: &str) -> Value {
    loop {
        let answer = client().get(prometheus.url("/api/v1/alerts")).send().await.unwrap();
        let answer: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
        let is_wanted = |of: &&Value| of["labels"]["alertname"] == name && of["state"] == "firing";
        let alerts = answer["data"]["alerts"].as_array().unwrap();
        if let Some(alert) = alerts.iter().find(is_wanted) {
            return alert.clone();
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_token_of_three_targets_with_many_documents_each_is_one_alert() {
    let github = stand_in().await;
    let mut command = github.exporter();
    command.env("GHC_TOKEN", "ghp_expired");
    let serving = Serving::start(command);
    for _ in 0..3 {
        serving.wait_for("refresh failed");
    }
    let directory = tempfile::tempdir().unwrap();
    for file in ["rules.yml", "alerts.yml"] {
        fs::write(directory.path().join(file), deployed(file)).unwrap();
    }
    // No rule knows the name of the job.
    let config = format!(
        "global: {{scrape_interval: 1s, evaluation_interval: 1s}}
rule_files: [rules.yml, alerts.yml]
scrape_configs: [{{job_name: any, static_configs: [{{targets: ['{}']}}]}}]
",
        serving.address()
    );
    let prometheus = Prometheus::new(Version::Installed).directory(directory).config(&config).run();
    // Not even a pending one, which would fire later.
    let only = "count(ALERTS) == 1 and on () ALERTS{alertname=\"CopilotTokenFailing\",alertstate=\"firing\"}";
    assert_eq!(prometheus.value(only).await, "1");
    let failing = "count(copilot_exporter_up == 0)";
    assert_eq!(prometheus.value(failing).await, "3");
    let failures = "count(copilot_exporter_document_failures_total{cause=\"bad_credentials\"}) > 6";
    prometheus.has_data(failures).await;
    let alert = firing(&prometheus, "CopilotTokenFailing").await;
    let annotations = &alert["annotations"];
    assert_eq!(
        annotations["summary"],
        "GitHub refuses the credential default for 3 organizations or enterprises: bad_credentials."
    );
    let description = annotations["description"].as_str().unwrap();
    let affected = "Affected (at most five are listed): octo-enterprise octo-legacy octodemo. ";
    assert!(description.starts_with(affected), "{description}");
    assert!(description.contains(" seats"), "{description}");
}
