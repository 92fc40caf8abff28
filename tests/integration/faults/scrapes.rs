use std::time::Duration;

use copilot_metrics_tests::command::Serving;
use copilot_metrics_tests::config::Config;
use copilot_metrics_tests::github::{Fault, stand_in};
use tokio::time::timeout;

use super::{LIMIT, assert_scrapes_are_fast, configured};
use crate::serving::metrics;

/// Only scrapes right after the start wait for a target whose requests fail in this way.
async fn waits_once(fault: Fault) {
    let github = stand_in().await;
    github.fail("/octo-legacy/", fault);
    let config = Config::new(
        "github: {response_timeout: 1h, request_timeout: 1h}
targets: [{organization: octodemo}, {organization: octo-legacy}]",
    );
    let serving = Serving::start(configured(&github, &config));
    // The wait is 2 s in all, from the start on.
    assert!(timeout(LIMIT, serving.get("/metrics")).await.is_ok(), "the first scrape still waits");
    serving.wait_for("refreshed org=\"octodemo\" scope=\"organization\"");
    assert_scrapes_are_fast(&serving).await;
    let exposition = metrics(&serving).await;
    assert_eq!(exposition.sum("github_copilot_seats", "octodemo"), 340.0);
    // It is as unsettled as before.
    assert_eq!(exposition.sum("copilot_exporter_up", "octo-legacy"), 0.0);
    assert!(!serving.log().contains("refresh failed"), "{}", serving.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn scrapes_do_not_wait_for_a_server_that_never_answers() {
    waits_once(Fault::Hang).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn scrapes_do_not_wait_for_a_server_that_trickles() {
    waits_once(Fault::Trickle(Duration::from_secs(1))).await;
}
