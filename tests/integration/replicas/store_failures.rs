use copilot_metrics_tests::command::Serving;

use super::{PATIENCE, PAUSE, Replicas, TARGETS, data};

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_emptied_is_filled_again_without_a_request_to_github() {
    let mut replicas = Replicas::start(2, "3600").await;
    replicas.every_target_has_one_leader().await;
    let before = replicas.all_serve_the_same().await;
    let counts = replicas.requests();
    replicas.server.send::<()>(&["FLUSHALL"]);
    let stored = |replica: &Serving| replica.log().matches("stored again in the shared").count();
    for _ in 0..PATIENCE {
        if replicas.running.iter().map(stored).sum::<usize>() >= TARGETS {
            break;
        }
        tokio::time::sleep(PAUSE).await;
    }
    assert_eq!(replicas.all_serve_the_same().await, before);
    // A new replica gets everything from the store.
    replicas.add();
    assert_eq!(replicas.all_serve_the_same().await, before);
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
    assert_eq!(replicas.all_serve_the_same().await, before);
    let twice = counts.iter().map(|(path, count)| (path.clone(), count * 2)).collect();
    assert_eq!(replicas.requests(), twice);
    // It comes back empty.
    replicas.server.start_again();
    replicas.every_target_has_one_leader().await;
    assert_eq!(replicas.all_serve_the_same().await, before);
    for replica in &replicas.running {
        replica.wait_for("Valkey works again");
    }
    assert_eq!(replicas.requests(), twice);
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
