use std::fs;

use copilot_metrics_tests::command::Serving;
use copilot_metrics_tests::config::Config;
use copilot_metrics_tests::github::{Fault, stand_in};
use copilot_metrics_tests::guests::{Mappings, scripted};

use super::{configured, files, requests};
use crate::serving::{eventually, metrics};

/// What makes the scripted mapping trap.
const TRAP: &str =
    "{\"seat_breakdown\": {\"total\": 7}, \"seat_management_setting\": \"trap now\"}";

#[tokio::test(flavor = "multi_thread")]
async fn a_trap_removes_no_document_and_the_next_mapping_needs_no_request() {
    let (github, mappings) = (stand_in().await, Mappings::default());
    let cache = tempfile::tempdir().unwrap();
    mappings.put("scripted.wasm", &scripted("scripted", "1", "trap-when-told"));
    let yaml = |ttl: &str| {
        format!(
            "defaults: {{ttl: {ttl}}}
mapping: {{dir: {}, default: false}}
targets: [{{organization: octodemo}}]",
            mappings.path().display()
        )
    };
    let config = Config::new(&yaml("1s"));
    let start = || {
        let mut command = configured(&github, &config);
        command.env("CACHE_DIR", cache.path());
        Serving::start(command)
    };
    let serving = start();
    serving.wait_for("refreshed");
    let stored = |name: &str| {
        let found = files(&cache.path().join("documents"));
        let path = found.into_iter().find(|path| path.ends_with(name));
        path.map(|path| fs::read(path).unwrap())
    };
    let good = stored("billing").expect("the good document");
    github.fail("/copilot/billing", Fault::Body(TRAP.into()));
    serving.wait_for("refresh failed");
    serving.wait_for("refresh failed");
    assert_eq!(stored("billing"), Some(good.clone()));
    assert!(stored("billing.pending").is_some());
    assert_eq!(metrics(&serving).await.sum("scripted_seats", ""), 340.0);
    serving.kill();
    // A restart has both of them, and requests nothing.
    config.write("config.yaml", &yaml("1h"));
    let before = requests(&github, "/");
    let serving = start();
    serving.wait_for("serving stored data");
    assert_eq!(metrics(&serving).await.sum("scripted_seats", ""), 340.0);
    assert_eq!(stored("billing"), Some(good));
    // A mapping that can read the newest document serves it.
    mappings.put("scripted.wasm", &scripted("scripted", "2", "nothing"));
    serving.wait_for("version=\"2\"");
    let exposition = metrics(&serving).await;
    assert_eq!(exposition.sum("scripted_seats", ""), 7.0);
    assert_eq!(requests(&github, "/"), before);
    // So the newest document is the good one now, and the status says so.
    let up = "copilot_exporter_up{org=\"octodemo\",scope=\"organization\"}";
    eventually(&serving, |exposition| {
        stored("billing.pending").is_none() && exposition.value(up) == 1.0
    })
    .await;
    serving.kill();
    let serving = start();
    serving.wait_for("serving stored data");
    assert_eq!(metrics(&serving).await.sum("scripted_seats", ""), 7.0);
    assert_eq!(requests(&github, "/"), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_whose_message_is_about_fuel_and_memory_is_still_a_panic() {
    let (github, mappings) = (stand_in().await, Mappings::default());
    let config = Config::new(&format!(
        "mapping: {{dir: {}}}\ntargets: [{{organization: octodemo}}]",
        mappings.path().display()
    ));
    let serving = Serving::start(configured(&github, &config));
    serving.wait_for("refreshed");
    mappings.put("scripted.wasm", &scripted("scripted", "1", "misleading-panic"));
    let refused = serving.wait_for("mapping refused");
    assert!(refused.contains("reason=\"panic\"") && refused.contains("growing"), "{refused}");
    let failures = metrics(&serving).await;
    let failures = failures.series("copilot_exporter_mapping_failures_total");
    let causes: Vec<String> = failures.map(|(series, _)| series.to_owned()).collect();
    assert!(causes.iter().all(|series| series.contains("cause=\"panic\"")), "{causes:?}");
}
