use std::time::{Duration, Instant};

use copilot_metrics_exporter::wasm::DEFAULT_MAPPING;
use copilot_metrics_tests::command::Serving;
use copilot_metrics_tests::config::Config;
use copilot_metrics_tests::github::{Fault, stand_in};
use copilot_metrics_tests::guests::Mappings;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::{REPORT_FILE, configured, requests, runs};
use crate::serving::{eventually, metrics};

const MAINTENANCE: &[u8] = b"<html>Down for maintenance</html>";

fn maintenance() -> Fault {
    Fault::Body(MAINTENANCE.into())
}

/// The time of the next refresh on the page, to the minute.
async fn next_refresh(serving: &Serving) -> String {
    let page = serving.get("/").await.1;
    let (_, rest) = page.split_once("<dt>Next refresh</dt><dd>").expect("a next refresh");
    rest.split('<').next().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_malformed_document_is_due_again_after_a_minute_and_the_page_says_so() {
    let github = stand_in().await;
    github.fail(REPORT_FILE, maintenance());
    let config = Config::new("defaults: {ttl: 1h}\ntargets: [{organization: octodemo}]");
    let before = Timestamp::now();
    let serving = Serving::start(configured(&github, &config));
    serving.wait_for("refresh failed");
    let minute = |time: Timestamp| {
        let due = time + Duration::from_secs(60);
        due.to_zoned(TimeZone::UTC).strftime("%Y-%m-%d %H:%M").to_string()
    };
    let next = next_refresh(&serving).await;
    let after = Timestamp::now();
    let next = next.get(..minute(after).len()).expect("a date and a time");
    assert!(*minute(before) <= *next && *next <= *minute(after), "{next}");
    assert_eq!(requests(&github, REPORT_FILE), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_malformed_document_is_requested_once_per_ttl_and_mapped_once() {
    let github = stand_in().await;
    github.fail(REPORT_FILE, maintenance());
    let config = Config::new("defaults: {ttl: 1s}\ntargets: [{organization: octodemo}]");
    let started = Instant::now();
    let serving = Serving::start(configured(&github, &config));
    serving.wait_for("refresh failed");
    let mapped = runs(&serving, "github-copilot").await;
    for _ in 0..3 {
        serving.wait_for("refresh failed");
    }
    let requests = requests(&github, REPORT_FILE);
    let took = started.elapsed();
    assert!(requests >= 4 && requests as f64 <= took.as_secs_f64() + 1.0, "{requests} in {took:?}");
    // The same bytes are malformed again: that needs no run.
    assert_eq!(runs(&serving, "github-copilot").await, mapped);
    github.recover();
    serving.wait_for("refreshed");
    assert_eq!(metrics(&serving).await.sum("copilot_exporter_up", ""), 1.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_maintenance_page_for_everything_never_counts_against_the_mapping() {
    let (github, mappings) = (stand_in().await, Mappings::default());
    // The default mapping again, with a custom section: another file that has replaced it.
    let replacement = [DEFAULT_MAPPING, b"\x00\x05\x04test"].concat();
    mappings.put("replacement.wasm", &replacement);
    let config = Config::new(&format!(
        "defaults: {{ttl: 1s}}
mapping: {{dir: {}, rollback_after: 1}}
targets: [{{organization: octodemo}}]",
        mappings.path().display()
    ));
    let serving = Serving::start(configured(&github, &config));
    serving.wait_for("mapping in use");
    // A refresh that was running then, and one with the replacement.
    serving.wait_for("refreshed");
    serving.wait_for("refreshed");
    let before = metrics(&serving).await;
    // Every report file, the seats and the billing: all documents at once. Two equal pages would be
    // another failure.
    for page in ["page=2", "page=3", "page=4"] {
        github.fail(page, Fault::Body(page.into()));
    }
    github.fail(".json", maintenance());
    github.fail("/copilot/billing", maintenance());
    for _ in 0..3 {
        serving.wait_for("refresh failed");
    }
    let during = metrics(&serving).await;
    let malformed = |document: &str| {
        let failures = during.series("copilot_exporter_document_failures_total");
        let label = format!("document=\"{document}\"");
        let is_malformed = |series: &str| series.contains("cause=\"malformed\"");
        failures.filter(|(series, _)| is_malformed(series) && series.contains(&label)).count()
    };
    for document in [
        "organization-28-day",
        "organization-1-day",
        "users-1-day",
        "user-teams-1-day",
        "seats",
        "billing",
    ] {
        assert_eq!(malformed(document), 1, "{document}: {}", serving.log());
    }
    assert_eq!(during.sum("copilot_exporter_mapping_rollbacks_total", ""), 0.0);
    assert_eq!(during.value("copilot_exporter_mappings_quarantined"), 0.0);
    assert_eq!(during.value("copilot_exporter_mapping_last_swap_successful"), 1.0);
    let data = |exposition: &copilot_metrics_tests::exposition::Exposition| -> Vec<_> {
        let families = ["github_copilot_interactions", "github_copilot_seats"];
        let series = families.iter().flat_map(|family| exposition.series(family));
        series.map(|(series, value)| (series.to_owned(), value)).collect()
    };
    assert!(data(&before).len() > 1);
    assert_eq!(data(&during), data(&before));
    let info = |exposition: &copilot_metrics_tests::exposition::Exposition| -> Vec<String> {
        let series = exposition.series("copilot_exporter_mapping_info");
        series.map(|(series, _)| series.to_owned()).collect()
    };
    assert_eq!(info(&during), info(&before));
    github.recover();
    let after = eventually(&serving, |now| {
        now.sum("copilot_exporter_up", "") == 1.0 && now.sum("copilot_exporter_stale", "") == 0.0
    })
    .await;
    assert_eq!(data(&after), data(&before));
    assert!(!serving.log().contains("rolled back"), "{}", serving.log());
}
