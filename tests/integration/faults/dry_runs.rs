use std::fs;
use std::time::{Duration, Instant};

use copilot_metrics_tests::command::Serving;
use copilot_metrics_tests::config::Config;
use copilot_metrics_tests::github::{StandIn, stand_in};
use copilot_metrics_tests::guests::{Mappings, scripted, slow_to_compile};

use super::{configured, eventually};
use crate::serving::metrics;

/// An exporter with a directory of mappings, which may run for 4 s.
fn serving(github: &StandIn, mappings: &Mappings, ttl: &str) -> (Serving, Config) {
    let config = Config::new(&format!(
        "defaults: {{ttl: {ttl}}}
mapping: {{dir: {}, run_time: 4s}}
targets: [{{organization: octodemo}}]",
        mappings.path().display()
    ));
    let serving = Serving::start(configured(github, &config));
    serving.wait_for("refreshed");
    (serving, config)
}

async fn reload(serving: &Serving) {
    let started = Instant::now();
    assert_eq!(serving.post("/-/reload").await.0, 200);
    let took = started.elapsed();
    assert!(took < Duration::from_secs(2), "the reload took {took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn while_two_dry_runs_spin_targets_are_refreshed_and_reloads_answered() {
    let (github, mappings) = (stand_in().await, Mappings::default());
    let (serving, _config) = serving(&github, &mappings, "1s");
    let before = serving.log().len();
    mappings.put("one.wasm", &scripted("one", "1", "loop"));
    mappings.put("two.wasm", &scripted("two", "1", "loop"));
    for _ in 0..3 {
        reload(&serving).await;
    }
    serving.wait_for("mapping refused");
    serving.wait_for("mapping refused");
    // Both have families of the same names: only one of them was dry-run first.
    let log = serving.log();
    let refreshed = log[before..].matches("refreshed org=").count();
    assert!(refreshed >= 3, "{log}");
    assert_eq!(metrics(&serving).await.sum("copilot_exporter_up", ""), 1.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_file_is_not_tried_again_until_it_changes_whatever_reloads_come() {
    let (github, mappings) = (stand_in().await, Mappings::default());
    let (serving, _config) = serving(&github, &mappings, "1h");
    mappings.put("scripted.wasm", &scripted("scripted", "1", "loop"));
    // Reloads during the dry run do not start it again either: it comes to its end.
    for _ in 0..20 {
        if serving.log().contains("mapping refused") {
            break;
        }
        reload(&serving).await;
    }
    let refused = serving.wait_for("mapping refused");
    assert!(refused.contains("reason=\"time\""), "{refused}");
    // A reload waits a second for a dry run.
    let started = Instant::now();
    for _ in 0..4 {
        reload(&serving).await;
    }
    assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
    let failures = "copilot_exporter_mapping_failures_total";
    assert_eq!(metrics(&serving).await.sum(failures, "\"scripted\""), 1.0);
    assert_eq!(serving.log().matches("mapping refused").count(), 1, "{}", serving.log());
    mappings.put("scripted.wasm", &scripted("scripted", "2", "nothing"));
    serving.wait_for("mapping in use");
    assert_eq!(metrics(&serving).await.sum("scripted_seats", ""), 340.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_replaces_one_whose_dry_run_spins_goes_in_use() {
    let (github, mappings) = (stand_in().await, Mappings::default());
    let (serving, _config) = serving(&github, &mappings, "1h");
    mappings.put("scripted.wasm", &scripted("scripted", "1", "loop"));
    // The dry run has begun when the file has been compiled, within the second of a reload.
    reload(&serving).await;
    mappings.put("scripted.wasm", &scripted("scripted", "2", "nothing"));
    serving.wait_for("mapping in use");
    assert_eq!(metrics(&serving).await.sum("scripted_seats", ""), 340.0);
    assert!(!serving.log().contains("mapping refused"), "{}", serving.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_file_stays_in_use_while_its_successor_is_compiled() {
    let (github, mappings) = (stand_in().await, Mappings::default());
    mappings.put("v1.wasm", &scripted("scripted", "1", "nothing"));
    let (serving, _config) = serving(&github, &mappings, "1h");
    eventually(&serving, |exposition| exposition.sum("scripted_seats", "") == 340.0).await;
    mappings.put("v2.wasm", &slow_to_compile(&scripted("scripted", "2", "nothing"), 12));
    fs::remove_file(mappings.file("v1.wasm")).unwrap();
    reload(&serving).await;
    let version = |exposition: &copilot_metrics_tests::exposition::Exposition| {
        let info = exposition.series("copilot_exporter_mapping_info");
        let mut info = info.filter(|(series, _)| series.contains("name=\"scripted\""));
        info.next().map(|(series, _)| series.contains("version=\"2\""))
    };
    let during = metrics(&serving).await;
    assert!(!serving.log().contains("version=\"2\""), "{}", serving.log());
    assert_eq!(version(&during), Some(false));
    serving.wait_for("version=\"2\"");
    assert_eq!(version(&metrics(&serving).await), Some(true));
    assert!(!serving.log().contains("no longer in use"), "{}", serving.log());
}
