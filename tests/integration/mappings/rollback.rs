use copilot_metrics_tests::command::Serving;
use copilot_metrics_tests::config::Config;
use copilot_metrics_tests::exposition::Exposition;
use copilot_metrics_tests::github::{Fault, StandIn, stand_in};
use copilot_metrics_tests::guests::{Mappings, scripted};

use super::{configured, version_of, with_directory};
use crate::serving::metrics;

/// An exporter that refreshes every second, with a mapping in `other.wasm`. Versions that trap when told
/// do so once the billing document is [`TRAP`].
async fn refreshing_every_second(name: &str) -> (StandIn, Mappings, Serving, Config) {
    let (github, mappings) = (stand_in().await, Mappings::default());
    let config =
        Config::new("defaults: {ttl: 1s, documents: {seats: false}}\nmapping: {rollback_after: 3}");
    let mut command = with_directory(&github, mappings.path());
    command.env("CONFIG_FILE", config.path());
    let serving = Serving::start(command);
    serving.wait_for("refreshed");
    mappings.put("other.wasm", &scripted(name, "1", "nothing"));
    serving.wait_for("mapping in use");
    (github, mappings, serving, config)
}

/// A billing document that tells a mapping to trap.
const TRAP: &str =
    "{\"seat_breakdown\": {\"total\": 7}, \"seat_management_setting\": \"trap now\"}";

#[tokio::test(flavor = "multi_thread")]
async fn a_mapping_that_traps_three_times_in_a_row_is_rolled_back_and_quarantined() {
    let (github, mappings, serving, _config) = refreshing_every_second("scripted").await;
    let bad = scripted("scripted", "2", "trap-when-told");
    mappings.put("other.wasm", &bad);
    serving.wait_for("mapping in use");
    assert_eq!(version_of(&metrics(&serving).await), Some("2".to_owned()));
    github.fail("/copilot/billing", Fault::Body(TRAP.into()));
    let line = serving.wait_for("mapping rolled back");
    assert!(line.contains("version=\"2\"") && line.contains("now=\"1\""), "{line}");
    let exposition = metrics(&serving).await;
    assert_eq!(version_of(&exposition), Some("1".to_owned()));
    let failures = "copilot_exporter_mapping_failures_total{cause=\"panic\",mapping=\"scripted\",org=\"octodemo\",scope=\"organization\"}";
    // It may have failed once more before it was rolled back.
    assert!(exposition.value(failures) >= 3.0);
    let rollbacks = "copilot_exporter_mapping_rollbacks_total{mapping=\"scripted\"}";
    assert_eq!(exposition.value(rollbacks), 1.0);
    assert_eq!(exposition.value("copilot_exporter_mappings_quarantined"), 1.0);
    assert_eq!(exposition.value("copilot_exporter_mapping_last_swap_successful"), 0.0);
    // The predecessor still works with the new documents.
    while metrics(&serving).await.sum("scripted_seats", "") != 7.0 {
        serving.wait_for("refreshed");
    }
    // The same content is not tried again, not even under another file name.
    mappings.put("other.wasm", &bad);
    mappings.put("copy.wasm", &bad);
    let line = serving.wait_for("mapping refused");
    assert!(line.contains("copy.wasm") && line.contains("quarantined"), "{line}");
    assert_eq!(version_of(&metrics(&serving).await), Some("1".to_owned()));
    // Other content is.
    mappings.remove("copy.wasm");
    mappings.put("other.wasm", &scripted("scripted", "3", "nothing"));
    serving.wait_for("mapping in use");
    let exposition = metrics(&serving).await;
    assert_eq!(version_of(&exposition), Some("3".to_owned()));
    assert_eq!(exposition.value("copilot_exporter_mappings_quarantined"), 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_default_mapping_returns_if_its_replacement_traps() {
    let (github, mappings) = (stand_in().await, Mappings::default());
    let (serving, _config) =
        configured(&github, &mappings, "defaults: {ttl: 1s}\nmapping: {rollback_after: 1}").await;
    mappings.put("other.wasm", &scripted("github-copilot", "2", "trap-when-told"));
    serving.wait_for("mapping in use");
    github.fail("/copilot/billing", Fault::Body(TRAP.into()));
    serving.wait_for("mapping rolled back");
    // Documents that only the default mapping needs are fetched again: they were kept for their TTL.
    while metrics(&serving).await.sum("github_copilot_interactions", "") != 2180.0 {
        serving.wait_for("refreshed");
    }
    assert_eq!(metrics(&serving).await.series("scripted_seats").count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mapping_whose_predecessor_fails_too_keeps_its_last_good_data() {
    let (github, mappings, serving, _config) = refreshing_every_second("first").await;
    mappings.remove("other.wasm");
    serving.wait_for("mapping no longer in use");
    mappings.put("other.wasm", &scripted("scripted", "1", "trap-when-told"));
    serving.wait_for("mapping in use");
    mappings.put("other.wasm", &scripted("scripted", "2", "trap-when-told"));
    serving.wait_for("mapping in use");
    github.fail("/copilot/billing", Fault::Body(TRAP.into()));
    for _ in 0..5 {
        serving.wait_for("refresh failed");
    }
    let exposition = metrics(&serving).await;
    assert_eq!(version_of(&exposition), Some("2".to_owned()));
    assert_eq!(exposition.sum("scripted_seats", ""), 340.0);
    assert_eq!(exposition.sum("copilot_exporter_mapping_rollbacks_total", ""), 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mapping_without_a_predecessor_that_traps_keeps_its_last_good_data() {
    let (github, mappings, serving, _config) = refreshing_every_second("scripted").await;
    let data = |exposition: &Exposition| exposition.sum("scripted_seats", "");
    // After a refusal and a removal, there is no predecessor to roll back to.
    mappings.put("second.wasm", &scripted("github-copilot-seats", "1", "family-name"));
    serving.wait_for("mapping refused");
    mappings.remove("other.wasm");
    serving.wait_for("mapping no longer in use");
    mappings.put("other.wasm", &scripted("scripted", "2", "trap-when-told"));
    serving.wait_for("mapping in use");
    let before = data(&metrics(&serving).await);
    github.fail("/copilot/billing", Fault::Body(TRAP.into()));
    for _ in 0..5 {
        serving.wait_for("refresh failed");
    }
    let exposition = metrics(&serving).await;
    assert_eq!(data(&exposition), before);
    assert_eq!(exposition.sum("copilot_exporter_up", ""), 0.0);
    assert_eq!(exposition.sum("copilot_exporter_mapping_rollbacks_total", ""), 0.0);
    assert_eq!(exposition.sum("github_copilot_interactions", ""), 2180.0);
}
