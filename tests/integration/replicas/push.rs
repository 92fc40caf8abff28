use std::collections::BTreeSet;

use copilot_metrics_tests::command::Serving;
use copilot_metrics_tests::config::Config;
use copilot_metrics_tests::receiver::Receiver;
use nix::sys::signal::Signal;

use super::{Replicas, TARGETS, leads, signal};

/// The different requests that a receiver was sent since the first `skipped` ones.
fn bodies(receiver: &Receiver, skipped: usize) -> BTreeSet<Vec<u8>> {
    receiver.received().into_iter().skip(skipped).map(|request| request.body.to_vec()).collect()
}

/// Waits until a replica has pushed the days of the targets that have reports.
fn wait_until_pushed(replica: &Serving) {
    let is_pushed = |org: &&str| {
        replica.log().contains(&format!("daily samples pushed endpoint=\"one\" org=\"{org}\""))
    };
    while !["octodemo", "octo-enterprise"].iter().all(is_pushed) {
        replica.wait_for("daily samples pushed");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_leader_pushes_and_the_next_one_pushes_the_same_bytes() {
    let receiver = Receiver::start([]).await;
    let url = receiver.url("/w");
    let config = Config::new(&format!("remote_write: [{{name: one, url: \"{url}\"}}]\n"));
    let mut replicas = Replicas::without("3600").await;
    replicas.add_with("CONFIG_FILE", &config.path());
    wait_until_pushed(&replicas.running[0]);
    replicas.all_serve_the_same().await;
    replicas.add_with("CONFIG_FILE", &config.path());
    replicas.all_serve_the_same().await;
    assert_eq!(leads(&replicas.running[0]).await, TARGETS);
    let pushed = bodies(&receiver, 0);
    assert!(!pushed.is_empty() && !replicas.running[1].log().contains("daily samples pushed"));
    let count = receiver.received().len();
    let mut stopped = replicas.running.remove(0);
    signal(&stopped, Signal::SIGTERM);
    assert!(stopped.wait().success());
    wait_until_pushed(&replicas.running[0]);
    let again = bodies(&receiver, count);
    assert!(!again.is_empty() && again.is_subset(&pushed));
}
