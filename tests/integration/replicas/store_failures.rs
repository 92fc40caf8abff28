use std::collections::HashSet;

use copilot_metrics_tests::command::Serving;
use copilot_metrics_tests::relay::{Mode, Relay};
use copilot_metrics_tests::valkey::{Engine, Server};

use super::watch::Watch;
use super::{PATIENCE, PAUSE, Replicas, TARGETS, data, led, without_lines};

/// The name of the stored samples of the default mapping.
const SAMPLES: &str = ".samples.github-copilot";

/// Whether a line tells when a replica fetched the bill.
fn tells_the_time(line: &str) -> bool {
    line.starts_with("github_copilot_ai_usage_month_elapsed_seconds{")
        || line.starts_with("github_copilot_ai_usage_month_forecast_net_dollars{")
}

/// Waits until the leaders have stored everything again, in addition to `before` times.
async fn stored_again(replicas: &Replicas, before: usize) {
    for _ in 0..PATIENCE {
        if stored(replicas) >= before + TARGETS {
            return;
        }
        tokio::time::sleep(PAUSE).await;
    }
    panic!("not stored again");
}

/// How often a target was stored again.
fn stored(replicas: &Replicas) -> usize {
    let of_log =
        |replica: &Serving| replica.log().matches("stored documents in the shared").count();
    replicas.running.iter().map(of_log).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_emptied_is_filled_again_without_a_request_to_github() {
    let mut replicas = Replicas::start(2, "3600").await;
    replicas.every_target_has_one_leader().await;
    let before = replicas.all_serve_the_same().await;
    let counts = replicas.requests();
    replicas.server.send::<()>(&["FLUSHALL"]);
    stored_again(&replicas, 0).await;
    assert_eq!(replicas.all_serve_the_same().await, before);
    // A new replica gets everything from the store.
    replicas.add();
    assert_eq!(replicas.all_serve_the_same().await, before);
    assert_eq!(replicas.requests(), counts);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_store_loses_or_changes_in_part_is_stored_again_without_a_request_to_github() {
    // With a second one, none has too many leases.
    let mut replicas = Replicas::start(1, "3600").await;
    replicas.every_target_has_one_leader().await;
    let before = replicas.all_serve_the_same().await;
    let counts = replicas.requests();
    let watch = Watch::start(&replicas.running, &before);
    let keys: Vec<String> = replicas.server.send(&["KEYS", "*:documents"]);
    let names = |key: &String| -> HashSet<String> { replicas.server.send(&["HKEYS", key]) };
    let all: Vec<HashSet<String>> = keys.iter().map(names).collect();
    // Of each target, some documents are lost, and all bodies are changed.
    for (key, all) in keys.iter().zip(&all) {
        let is_lost = |name: &&String| *name == "seats" || *name == SAMPLES;
        for name in all.iter().filter(is_lost) {
            replicas.server.send::<()>(&["HDEL", key, name]);
        }
    }
    let chunks: Vec<String> = replicas.server.send(&["KEYS", "*:chunk:*"]);
    assert!(chunks.len() > TARGETS, "{chunks:?}");
    for chunk in chunks {
        replicas.server.send::<()>(&["SET", &chunk, "changed"]);
    }
    // A new replica loads, and notices, everything.
    replicas.add();
    assert_eq!(replicas.all_serve_the_same().await, before);
    for (key, all) in keys.iter().zip(&all) {
        // Earlier days are fetched again, or mapped again, when they are needed.
        for name in all.iter().filter(|name| !name.contains('@')) {
            replicas.server.wait_for(&["HEXISTS", key, name], |exists| exists == "1");
        }
    }
    watch.stop().await;
    assert_eq!(replicas.requests(), counts);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_is_given_up_when_the_store_has_what_the_next_leader_needs() {
    let mut replicas = Replicas::over(Server::start(Engine::Valkey), "3600", 4).await;
    replicas.add();
    let before = replicas.all_serve_the_same().await;
    let counts = replicas.requests();
    let keys: Vec<String> = replicas.server.send(&["KEYS", "*:documents"]);
    for key in keys {
        replicas.server.send::<i64>(&["DEL", &key]);
    }
    // It finds nothing, and gets one of the four leases.
    replicas.add();
    replicas.running[1].wait_for("leader: this replica fetches");
    assert_eq!(replicas.all_serve_the_same().await, before);
    assert_eq!(replicas.requests(), counts);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_leader_fetches_nothing_again_if_the_one_before_had_not_stored_everything() {
    let mut replicas = Replicas::start(2, "3600").await;
    let before = replicas.all_serve_the_same().await;
    let counts = replicas.requests();
    let crashed = replicas.running.remove(replicas.leader().await);
    crashed.kill();
    // What is not there to be fetched is in the schedule, which is stored last.
    let keys: Vec<String> = replicas.server.send(&["KEYS", "*:documents"]);
    for key in &keys {
        let lost: i64 = replicas.server.send(&["HDEL", key, "seats", SAMPLES, ".schedule"]);
        assert!(lost >= 2, "{key}");
    }
    replicas.expire_leases();
    stored_again(&replicas, 0).await;
    assert_eq!(data(&replicas.running[0]).await, before);
    assert_eq!(replicas.requests(), counts);
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_store_is_away_all_serve_on_and_a_new_replica_fetches_for_itself() {
    let mut replicas = Replicas::start(2, "3600").await;
    replicas.every_target_has_one_leader().await;
    let before = replicas.all_serve_the_same().await;
    let counts = replicas.requests();
    replicas.server.kill();
    for replica in &replicas.running {
        replica.wait_for("Valkey failed; continuing with what is in memory");
        assert_eq!(data(replica).await, before);
    }
    // Those that run do not fetch before twice the TTL.
    assert_eq!(replicas.requests(), counts);
    replicas.add();
    // It fetched the same bill some seconds later.
    let same = replicas.all_serve_the_same_but_for(tells_the_time).await;
    assert_eq!(same, without_lines(&before, &tells_the_time));
    let twice = replicas.requests();
    for (path, count) in &twice {
        // Only a leader looks for revised days.
        let once = counts.get(path).copied().unwrap_or_default();
        assert!((once..=once * 2).contains(count), "{path}: {count}, before {once}");
    }
    // It comes back empty.
    replicas.server.start_again();
    for replica in &replicas.running {
        replica.wait_for("Valkey works again");
    }
    replicas.every_target_has_one_leader().await;
    // All serve the same again, whoever is the leader.
    let after = replicas.all_serve_the_same().await;
    assert_eq!(without_lines(&after, &tells_the_time), same);
    assert_eq!(replicas.requests(), twice);
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_happens_to_the_connection_every_scrape_has_the_same_bytes() {
    let mut replicas = Replicas::without("3600").await;
    let relay = Relay::start(replicas.server.address()).await;
    for _ in 0..3 {
        replicas.add_at(&format!("redis://{}", relay.address()));
    }
    let before = replicas.all_serve_the_same().await;
    replicas.every_target_has_one_leader().await;
    let counts = replicas.requests();
    let watch = Watch::start(&replicas.running, &before);
    let fails = |kind: &str| {
        for replica in &replicas.running {
            replica.wait_for(&format!(
                "Valkey failed; continuing with what is in memory kind=\"{kind}\""
            ));
        }
    };
    let works_again = |after: &str| {
        for replica in &replicas.running {
            let line = replica.wait_for(&format!("was=\"{after}\""));
            assert!(line.contains("Valkey works again"), "{line}");
        }
    };
    relay.set(Mode::Cut);
    fails("network");
    relay.set(Mode::Open);
    works_again("network");
    assert_eq!(replicas.all_serve_the_same().await, before);
    relay.set(Mode::Silent);
    fails("timeout");
    relay.set(Mode::Open);
    works_again("timeout");
    assert_eq!(replicas.all_serve_the_same().await, before);
    let stored_before = stored(&replicas);
    replicas.server.send::<()>(&["FLUSHALL"]);
    stored_again(&replicas, stored_before).await;
    assert_eq!(replicas.all_serve_the_same().await, before);
    replicas.server.require_password("correct-horse");
    fails("password");
    replicas.server.forget_password("correct-horse");
    works_again("password");
    replicas.every_target_has_one_leader().await;
    assert_eq!(replicas.all_serve_the_same().await, before);
    watch.stop().await;
    assert_eq!(replicas.requests(), counts);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_alone_is_cut_off_serves_on_and_follows_when_it_is_back() {
    let mut replicas = Replicas::without("3600").await;
    let relay = Relay::start(replicas.server.address()).await;
    replicas.add_at(&format!("redis://{}", relay.address()));
    replicas.all_serve_the_same().await;
    replicas.add();
    let before = replicas.all_serve_the_same().await;
    let counts = replicas.requests();
    let watch = Watch::start(&replicas.running, &before);
    let lost = led(&replicas.running[0]).await;
    assert_eq!(lost.len(), TARGETS);
    relay.set(Mode::Cut);
    replicas.running[0].wait_for("Valkey failed; continuing with what is in memory");
    replicas.expire_leases_of(&lost);
    for _ in 0..TARGETS {
        replicas.running[1].wait_for("leader: this replica fetches for the target");
    }
    relay.set(Mode::Open);
    replicas.running[0].wait_for("follower: another replica fetches");
    replicas.every_target_has_one_leader().await;
    assert_eq!(replicas.all_serve_the_same().await, before);
    watch.stop().await;
    assert_eq!(replicas.requests(), counts);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_store_leaves_all_replicas_serving_and_takes_everything_when_it_has_room() {
    let mut replicas = Replicas::start(1, "3600").await;
    let before = replicas.all_serve_the_same().await;
    replicas.server.send::<()>(&["FLUSHALL"]);
    replicas.server.send::<()>(&["CONFIG", "SET", "maxmemory", "1"]);
    replicas.running[0].wait_for("its memory is full: raise maxmemory");
    assert_eq!(data(&replicas.running[0]).await, before);
    // Leases are granted all the same.
    assert_eq!(replicas.every_target_has_one_leader().await, [TARGETS]);
    replicas.server.send::<()>(&["CONFIG", "SET", "maxmemory", "0"]);
    replicas.running[0].wait_for("Valkey works again");
    let counts = replicas.requests();
    replicas.add();
    assert_eq!(replicas.all_serve_the_same().await, before);
    assert_eq!(replicas.requests(), counts);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_starts_while_the_store_hangs_is_ready_when_it_has_fetched_everything() {
    let mut replicas = Replicas::without("3600").await;
    let relay = Relay::start(replicas.server.address()).await;
    relay.set(Mode::Silent);
    replicas.add_at(&format!("redis://{}", relay.address()));
    let mut is_ready = false;
    for _ in 0..PATIENCE {
        let (status, text) = replicas.running[0].get("/-/ready").await;
        is_ready = status == 200;
        if is_ready {
            break;
        }
        assert!(status == 503 && text.starts_with("not ready: "), "{text}");
        tokio::time::sleep(PAUSE).await;
    }
    assert!(is_ready, "{}", replicas.running[0].log());
    // Nothing is missing from the first scrape on.
    let text = data(&replicas.running[0]).await;
    for org in ["octodemo", "octo-legacy", "octo-enterprise"] {
        assert!(text.contains(&format!("github_copilot_seats{{org=\"{org}\"")), "{org}");
    }
    let before = replicas.all_serve_the_same().await;
    let counts = replicas.requests();
    relay.set(Mode::Open);
    replicas.running[0].wait_for("Valkey works again");
    assert_eq!(replicas.every_target_has_one_leader().await, [TARGETS]);
    // It has stored what it has.
    replicas.add();
    assert_eq!(replicas.all_serve_the_same().await, before);
    assert_eq!(replicas.requests(), counts);
}
