use std::time::Duration;

use copilot_metrics_tests::command::Serving;
use copilot_metrics_tests::exposition::Exposition;
use copilot_metrics_tests::github::{Fault, Request};
use copilot_metrics_tests::relay::Balancer;
use nix::sys::signal::Signal;

use super::watch::Watch;
use super::{PATIENCE, PAUSE, Replicas, TARGETS, data, leads, led, signal};

/// Waits until a replica is the leader of every target.
async fn leads_all(replica: &Serving) {
    for _ in 0..PATIENCE {
        if leads(replica).await == TARGETS {
            return;
        }
        tokio::time::sleep(PAUSE).await;
    }
    panic!("{}", replica.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_clean_stop_another_replica_takes_over_at_once() {
    let mut replicas = Replicas::start(2, "3600").await;
    let before = replicas.all_serve_the_same().await;
    let counts = replicas.requests();
    let mut stopped = replicas.running.remove(replicas.leader().await);
    signal(&stopped, Signal::SIGTERM);
    assert!(stopped.wait().success());
    // The leases have not expired: they were ended.
    assert_eq!(replicas.every_target_has_one_leader().await, [TARGETS]);
    assert_eq!(data(&replicas.running[0]).await, before);
    assert_eq!(replicas.requests(), counts);
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_rolling_update_every_scrape_has_the_same_bytes_and_nothing_is_fetched_again() {
    let mut replicas = Replicas::start(2, "3600").await;
    let before = replicas.all_serve_the_same().await;
    let counts = replicas.requests();
    let balancer = Balancer::start(replicas.running.iter().map(Serving::address).collect()).await;
    let watch = Watch::of([balancer.address()], &before);
    for _ in 0..2 {
        replicas.add();
        let new = &replicas.running[2];
        while new.get("/-/ready").await.0 != 200 {
            tokio::time::sleep(PAUSE).await;
        }
        balancer.add(new.address());
        let mut old = replicas.running.remove(0);
        balancer.remove(old.address()).await;
        signal(&old, Signal::SIGTERM);
        assert!(old.wait().success());
    }
    assert_eq!(replicas.every_target_has_one_leader().await.iter().sum::<usize>(), TARGETS);
    watch.stop().await;
    assert_eq!(replicas.all_serve_the_same().await, before);
    assert_eq!(replicas.requests(), counts);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_crash_another_replica_takes_over_when_the_lease_expires() {
    let mut replicas = Replicas::start(2, "3600").await;
    let before = replicas.all_serve_the_same().await;
    let counts = replicas.requests();
    let crashed = replicas.running.remove(replicas.leader().await);
    crashed.kill();
    replicas.expire_leases();
    assert_eq!(replicas.every_target_has_one_leader().await, [TARGETS]);
    assert_eq!(data(&replicas.running[0]).await, before);
    // What is stored is not due yet.
    assert_eq!(replicas.requests(), counts);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_is_stopped_beyond_its_lease_follows_when_it_continues() {
    let replicas = Replicas::start(2, "3600").await;
    let before = replicas.all_serve_the_same().await;
    let stopped = replicas.leader().await;
    signal(&replicas.running[stopped], Signal::SIGSTOP);
    replicas.expire_leases();
    let other = &replicas.running[1 - stopped];
    leads_all(other).await;
    assert_eq!(data(other).await, before);
    signal(&replicas.running[stopped], Signal::SIGCONT);
    replicas.running[stopped].wait_for("follower: another replica fetches");
    replicas.every_target_has_one_leader().await;
    assert_eq!(replicas.all_serve_the_same().await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn late_writes_of_a_leader_that_was_stopped_beyond_its_lease_are_refused() {
    let replicas = Replicas::start(2, "3").await;
    replicas.every_target_has_one_leader().await;
    let is_late = led(&replicas.running[0]).await.contains("octodemo");
    let stopped = usize::from(!is_late);
    let (late, other) = (&replicas.running[stopped], &replicas.running[1 - stopped]);
    let lost = led(late).await;
    assert!(lost.contains("octodemo"), "{lost:?}");
    // It is stopped while it receives a document.
    let is_of_report = |request: &Request| {
        !request.file && request.path.starts_with("/orgs/octodemo/copilot/metrics/reports/")
    };
    let requested = || replicas.github.requests().iter().filter(|one| is_of_report(one)).count();
    let trickle = Fault::Trickle(Duration::from_millis(20));
    replicas.github.fail_times(1, "/orgs/octodemo/copilot/metrics/reports/", trickle);
    let before = requested();
    for _ in 0..PATIENCE {
        if requested() > before {
            break;
        }
        tokio::time::sleep(PAUSE).await;
    }
    signal(late, Signal::SIGSTOP);
    replicas.expire_leases_of(&lost);
    leads_all(other).await;
    signal(late, Signal::SIGCONT);
    late.wait_for("not stored: another replica has taken over");
    replicas.every_target_has_one_leader().await;
    replicas.all_serve_the_same().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_leader_fetches_later_is_published_by_all() {
    let replicas = Replicas::start(2, "3").await;
    replicas.every_target_has_one_leader().await;
    let before = replicas.all_serve_the_same().await;
    let day = replicas.github.newest_day();
    replicas.github.set_newest_day(day.tomorrow().unwrap());
    let days = |text: &str| {
        let series = Exposition::parse(text);
        series.sum("github_copilot_report_day_timestamp_seconds", "")
    };
    // The documents of a refresh arrive one after the other.
    let mut after = before.clone();
    for _ in 0..PATIENCE {
        after = replicas.all_serve_the_same().await;
        if days(&after) > days(&before) {
            break;
        }
        tokio::time::sleep(PAUSE).await;
    }
    assert!(days(&after) > days(&before));
}
