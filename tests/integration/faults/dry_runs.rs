use std::fs;

use copilot_metrics_tests::command::Serving;
use copilot_metrics_tests::config::Config;
use copilot_metrics_tests::github::{StandIn, stand_in};
use copilot_metrics_tests::guests::{Mappings, scripted, slow_to_compile};

use super::compilers::{Stopped, compiling};
use super::{configured, reload};
use crate::serving::{eventually, metrics};

/// An exporter with a directory of mappings, and a limit for how long they may run.
fn serving(github: &StandIn, mappings: &Mappings, [ttl, run_time]: [&str; 2]) -> (Serving, Config) {
    let config = Config::new(&format!(
        "defaults: {{ttl: {ttl}}}
mapping: {{dir: {}, run_time: {run_time}, compile_time: 1h}}
targets: [{{organization: octodemo}}]",
        mappings.path().display()
    ));
    let serving = Serving::start(configured(github, &config));
    serving.wait_for("refreshed");
    (serving, config)
}

#[tokio::test(flavor = "multi_thread")]
async fn while_a_dry_run_spins_targets_are_refreshed_and_reloads_answered() {
    let (github, mappings) = (stand_in().await, Mappings::default());
    let (serving, _config) = serving(&github, &mappings, ["1s", "1h"]);
    mappings.put("one.wasm", &scripted("one", "1", "loop"));
    serving.wait_for("starting a dry run");
    for _ in 0..3 {
        reload(&serving).await;
    }
    for _ in 0..3 {
        serving.wait_for("refreshed org=");
    }
    assert_eq!(metrics(&serving).await.sum("copilot_exporter_up", ""), 1.0);
    assert!(!serving.log().contains("mapping refused"), "{}", serving.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn two_files_with_the_same_families_whose_dry_runs_spin_are_both_refused() {
    let (github, mappings) = (stand_in().await, Mappings::default());
    let (serving, _config) = serving(&github, &mappings, ["1h", "10s"]);
    mappings.put("one.wasm", &scripted("one", "1", "loop"));
    mappings.put("two.wasm", &scripted("two", "1", "loop"));
    serving.wait_for("mapping refused");
    serving.wait_for("mapping refused");
    assert_eq!(metrics(&serving).await.sum("copilot_exporter_up", ""), 1.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_file_is_not_tried_again_until_it_changes_whatever_reloads_come() {
    let (github, mappings) = (stand_in().await, Mappings::default());
    let (serving, _config) = serving(&github, &mappings, ["1h", "10s"]);
    mappings.put("scripted.wasm", &scripted("scripted", "1", "loop"));
    // Reloads during the dry run do not start it again either: it comes to its end.
    while !serving.log().contains("mapping refused") {
        reload(&serving).await;
    }
    let refused = serving.wait_for("mapping refused");
    assert!(refused.contains("reason=\"time\""), "{refused}");
    for _ in 0..4 {
        reload(&serving).await;
    }
    let failures = "copilot_exporter_mapping_failures_total";
    assert_eq!(metrics(&serving).await.sum(failures, "\"scripted\""), 1.0);
    let log = serving.log();
    assert_eq!(log.matches("mapping refused").count(), 1, "{log}");
    let starts = log.lines().filter(|line| line.contains("starting a dry run"));
    assert_eq!(starts.filter(|line| line.contains("\"scripted\"")).count(), 1, "{log}");
    mappings.put("scripted.wasm", &scripted("scripted", "2", "nothing"));
    serving.wait_for("mapping in use");
    assert_eq!(metrics(&serving).await.sum("scripted_seats", ""), 340.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_replaces_one_whose_dry_run_spins_goes_in_use() {
    let (github, mappings) = (stand_in().await, Mappings::default());
    let (serving, _config) = serving(&github, &mappings, ["1h", "10s"]);
    mappings.put("scripted.wasm", &scripted("scripted", "1", "loop"));
    serving.wait_for("starting a dry run");
    mappings.put("scripted.wasm", &scripted("scripted", "2", "nothing"));
    serving.wait_for("mapping in use");
    assert_eq!(metrics(&serving).await.sum("scripted_seats", ""), 340.0);
    assert!(!serving.log().contains("mapping refused"), "{}", serving.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_file_stays_in_use_while_its_successor_is_compiled() {
    let (github, mappings) = (stand_in().await, Mappings::default());
    mappings.put("v1.wasm", &scripted("scripted", "1", "nothing"));
    let (serving, _config) = serving(&github, &mappings, ["1h", "30s"]);
    eventually(&serving, |exposition| exposition.sum("scripted_seats", "") == 340.0).await;
    mappings.put("v2.wasm", &slow_to_compile(&scripted("scripted", "2", "nothing"), 24));
    let compiler = Stopped::new(compiling(&serving, 1).await[0]);
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
    drop(compiler);
    serving.wait_for("version=\"2\"");
    assert_eq!(version(&metrics(&serving).await), Some(true));
    assert!(!serving.log().contains("no longer in use"), "{}", serving.log());
}
