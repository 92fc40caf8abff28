use std::time::{Duration, Instant};

use copilot_metrics_tests::command::Serving;
use copilot_metrics_tests::config::Config;
use copilot_metrics_tests::github::{Fault, stand_in};

use super::{assert_scrapes_are_fast, configured};
use crate::serving::metrics;

/// Only scrapes right after the start wait for a target whose requests fail in this way.
async fn waits_once(fault: Fault) {
    let github = stand_in().await;
    github.fail("/octo-legacy/", fault);
    let config = Config::new("targets: [{organization: octodemo}, {organization: octo-legacy}]");
    // The binary may have to be built first.
    let command = configured(&github, &config);
    let started = Instant::now();
    let serving = Serving::start(command);
    serving.get("/metrics").await;
    // The wait is 2 s in all, from the start on.
    assert!(started.elapsed() < Duration::from_secs(4), "{:?}", started.elapsed());
    serving.wait_for("refreshed org=\"octodemo\" scope=\"organization\"");
    tokio::time::sleep_until((started + Duration::from_secs(3)).into()).await;
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
    waits_once(Fault::Trickle(Duration::from_millis(200))).await;
}
