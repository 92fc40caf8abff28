use copilot_metrics_tests::artifacts::{Fault, StandInRegistry};
use copilot_metrics_tests::command::Serving;
use copilot_metrics_tests::github::stand_in;
use copilot_metrics_tests::guests::scripted;

use super::{SEATS, start_with, up, wait_until_pulled};
use crate::serving::metrics;

/// What the log says when a source can't be checked.
const FAILURE: &str = "cannot check the source of a mapping";

/// Waits until the source has failed, and checks what is said about it.
async fn wait_for_failure(
    serving: &Serving,
    registry: &StandInRegistry,
    reason: &str,
    words: &str,
) {
    let line = serving.wait_for(FAILURE);
    check_failure(serving, registry, (reason, words), &line).await;
}

/// Checks what is said about a source that has failed.
async fn check_failure(
    serving: &Serving,
    registry: &StandInRegistry,
    (reason, words): (&str, &str),
    line: &str,
) {
    assert!(line.contains(&format!("reason=\"{reason}\"")) && line.contains(words), "{line}");
    assert_eq!(up(serving, &registry.reference("1")).await, Some(0.0));
    let exposition = metrics(serving).await;
    let failures = "copilot_exporter_mapping_source_failures_total";
    assert!(exposition.sum(failures, &format!("cause=\"{reason}\"")) >= 1.0);
    assert_eq!(exposition.sum("copilot_exporter_mapping_last_swap_successful", ""), 1.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_that_hangs_blocks_neither_the_start_nor_a_scrape() {
    let (github, registry) = (stand_in().await, StandInRegistry::start().await);
    registry.mapping("1", &scripted("scripted", "1", "nothing"));
    registry.fail("", Fault::Hang);
    let (serving, _config) = start_with(&github, &registry, "  sources_timeout: 1s");
    let [_, line] = serving.wait_for_all(["refreshed", FAILURE]);
    // The default mapping serves meanwhile.
    assert_eq!(metrics(&serving).await.sum("github_copilot_seats", ""), 340.0);
    assert_eq!(serving.get("/-/ready").await.0, 200);
    check_failure(&serving, &registry, ("timeout", "took longer than 1 s"), &line).await;
    registry.recover();
    serving.wait_for("mapping in use");
    assert_eq!(serving.post("/-/reload").await.0, 200);
    assert_eq!(metrics(&serving).await.sum(SEATS, ""), 340.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_that_fails_or_goes_is_said_once_per_cause_and_changes_nothing() {
    let (github, registry) = (stand_in().await, StandInRegistry::start().await);
    registry.mapping("1", &scripted("scripted", "1", "nothing"));
    let (serving, _config) = start_with(&github, &registry, "");
    wait_until_pulled(&serving).await;
    // What it says is not repeated.
    registry.fail("", Fault::Status(500, "hunter2-internal".to_owned()));
    wait_for_failure(&serving, &registry, "status", "returned 500 for manifest").await;
    let failures = "copilot_exporter_mapping_source_failures_total";
    while metrics(&serving).await.sum(failures, "cause=\"status\"") < 3.0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(serving.log().matches(FAILURE).count(), 1);
    registry.fail("", Fault::Status(404, String::new()));
    wait_for_failure(&serving, &registry, "not_found", "the registry does not have it").await;
    registry.recover();
    serving.wait_for("the source of a mapping can be checked again");
    drop(registry);
    serving.wait_for("reason=\"unreachable\"");
    assert_eq!(metrics(&serving).await.sum(SEATS, ""), 340.0);
    assert!(!serving.log().contains("hunter2"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_is_removed_from_the_settings_is_no_longer_in_use_and_has_no_metrics() {
    let (github, registry) = (stand_in().await, StandInRegistry::start().await);
    registry.mapping("1", &scripted("scripted", "1", "nothing"));
    let (serving, config) = start_with(&github, &registry, "");
    wait_until_pulled(&serving).await;
    config.write("config.yaml", "mapping: {sources: []}");
    assert_eq!(serving.post("/-/reload").await.0, 200);
    while metrics(&serving).await.series(SEATS).count() > 0 {
        tokio::task::yield_now().await;
    }
    let exposition = metrics(&serving).await;
    assert_eq!(exposition.sum("github_copilot_seats", ""), 340.0);
    assert_eq!(exposition.series("copilot_exporter_mapping_source_up").count(), 0);
    assert_eq!(exposition.series("copilot_exporter_mapping_source_info").count(), 0);
}
