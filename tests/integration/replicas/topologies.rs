use copilot_metrics_tests::authority::Authority;
use copilot_metrics_tests::config::Config;
use copilot_metrics_tests::valkey::{Engine, Options, Server, start_sentinel};

use super::watch::Watch;
use super::{PATIENCE, PAUSE, Replicas};

/// Waits until a leader renews a lease at a server.
async fn lease_is_renewed(server: &Server) {
    let leases: Vec<String> = server.send(&["KEYS", "*:lease"]);
    let left = || server.send::<i64>(&["PTTL", &leases[0]]);
    let mut before = left();
    for _ in 0..PATIENCE {
        tokio::time::sleep(PAUSE).await;
        let now = left();
        if now > before {
            return;
        }
        before = now;
    }
    panic!("not renewed: {before} ms left");
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_failover_of_the_sentinels_all_serve_on_and_nothing_is_fetched_again() {
    let primary = Server::start(Engine::Valkey);
    let second = Options::new(Engine::Valkey).replica_of(&primary).start();
    let sentinel = start_sentinel(Engine::Valkey, &primary);
    sentinel.wait_for(&["INFO", "sentinel"], |info| info.contains("slaves=1"));
    second.wait_for(&["INFO", "replication"], |info| info.contains("master_link_status:up"));
    let url = sentinel.url();
    let config = Config::new(&format!(
        "store: {{valkey: {{url: \"{url}\", sentinel: {{master: main}}}}}}\n"
    ));
    let mut replicas = Replicas::over(primary, "3600", 0).await;
    for _ in 0..2 {
        replicas.add_configured(&config.path());
    }
    let before = replicas.all_serve_the_same().await;
    replicas.every_target_has_one_leader().await;
    let counts = replicas.requests();
    let watch = Watch::start(&replicas.running, &before);
    assert_eq!(replicas.server.send::<u64>(&["WAIT", "1", "60000"]), 1);
    replicas.server.kill();
    second.wait_for(&["INFO", "replication"], |info| info.contains("role:master"));
    // The leader may not have noticed anything.
    lease_is_renewed(&second).await;
    replicas.every_target_has_one_leader().await;
    // A new replica gets everything from what was the second server.
    replicas.add_configured(&config.path());
    assert_eq!(replicas.all_serve_the_same().await, before);
    watch.stop().await;
    assert_eq!(replicas.requests(), counts);
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_store_has_a_wrong_certificate_all_serve_on_and_nothing_is_fetched_again() {
    let (authority, other) = (Authority::new(), Authority::new());
    let server = Options::new(Engine::Redis).tls(&authority, &["localhost"]).start();
    let url = server.tls_url("localhost");
    let config = Config::new(&format!("store: {{valkey: {{url: \"{url}\", ca_file: ca.pem}}}}\n"));
    config.write("ca.pem", &authority.pem());
    let mut replicas = Replicas::over(server, "3600", 0).await;
    for _ in 0..2 {
        replicas.add_configured(&config.path());
    }
    let before = replicas.all_serve_the_same().await;
    replicas.every_target_has_one_leader().await;
    let counts = replicas.requests();
    let watch = Watch::start(&replicas.running, &before);
    replicas.server.use_certificate(&other, &["localhost"]);
    for replica in &replicas.running {
        let line = replica.wait_for("Valkey failed; continuing with what is in memory");
        assert!(line.contains("certificate"), "{line}");
    }
    replicas.server.use_certificate(&authority, &["localhost"]);
    for replica in &replicas.running {
        replica.wait_for("Valkey works again");
    }
    replicas.every_target_has_one_leader().await;
    assert_eq!(replicas.all_serve_the_same().await, before);
    watch.stop().await;
    assert_eq!(replicas.requests(), counts);
}
