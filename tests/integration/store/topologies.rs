use std::time::Duration;

use copilot_metrics_exporter::config::{SentinelSettings, ValkeySettings};
use copilot_metrics_exporter::store::{FailureKind, Store, StoreError};
use copilot_metrics_tests::valkey::{Engine, Options, Server, start_cluster, start_sentinel};

use super::{Replica, document, key, settings, target, with_password};

const TTL: Duration = Duration::from_secs(30);
const PASSWORD: &str = "correct-horse";

fn by_sentinel(sentinel: &Server, master: &str) -> ValkeySettings {
    let address = sentinel.address();
    let sentinel_settings = SentinelSettings {
        master: master.to_owned(),
        nodes: vec![(address.ip().to_string(), address.port())],
        tls: false,
        username: None,
        password: None,
    };
    let sentinel = Some(sentinel_settings);
    ValkeySettings { sentinel, ..with_password(&format!("redis://{address}"), PASSWORD) }
}

#[tokio::test]
async fn after_a_failover_of_the_sentinels_the_new_primary_is_used_and_tokens_go_on_growing() {
    for engine in Engine::ALL {
        let mut primary = Options::new(engine).password(PASSWORD).start();
        let second = Options::new(engine).password(PASSWORD).replica_of(&primary).start();
        let sentinel = start_sentinel(engine, &primary);
        sentinel.wait_for(&["INFO", "sentinel"], |info| info.contains("slaves=1"));
        second.wait_for(&["INFO", "replication"], |info| info.contains("master_link_status:up"));
        let [one, other] = [(), ()].map(|()| Replica::new(by_sentinel(&sentinel, "main")));
        let (key, target) = (key("octo-org"), target("octo-org"));
        let first = one.store.lease(&target, "one", TTL).await.unwrap().unwrap();
        one.store.put(&key, &document(100, "x")).await.unwrap();
        assert_eq!(primary.send::<u64>(&["WAIT", "1", "60000"]), 1);
        primary.kill();
        second.wait_for(&["INFO", "replication"], |info| info.contains("role:master"));
        // The other one takes over what has been replicated.
        let mut loaded = other.store.get(&key).await;
        for _ in 0..1200 {
            if loaded.is_ok() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
            loaded = other.store.get(&key).await;
        }
        assert_eq!(loaded.unwrap(), Some(document(100, "x")));
        one.store.end_lease(&target, "one").await.unwrap();
        let next = other.store.lease(&target, "other", TTL).await.unwrap().unwrap();
        assert!(next.fence > first.fence);
    }
}

#[tokio::test]
async fn a_primary_that_no_sentinel_knows_is_named() {
    let primary = Options::new(Engine::Valkey).password(PASSWORD).start();
    let sentinel = start_sentinel(Engine::Valkey, &primary);
    let replica = Replica::new(by_sentinel(&sentinel, "other"));
    match replica.store.get(&key("octo-org")).await.unwrap_err() {
        StoreError::Server(failure) => {
            assert_eq!(failure.kind, FailureKind::NoPrimary, "{failure}");
            assert!(failure.to_string().contains("check sentinel.master"), "{failure}");
        }
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn a_cluster_keeps_each_target_on_one_node() {
    for engine in Engine::ALL {
        let nodes = start_cluster(engine);
        let of_cluster = ValkeySettings { cluster: true, ..settings(&nodes[0].url()) };
        let store = Replica::new(of_cluster).store;
        let logins: Vec<String> = (0..20).map(|number| format!("octo-{number}")).collect();
        for login in &logins {
            assert!(store.lease(&target(login), "a", TTL).await.unwrap().is_some());
            store.put(&key(login), &document(100, login)).await.unwrap();
            store.put(&key(login), &document(200, login)).await.unwrap();
        }
        for login in &logins {
            assert_eq!(store.get(&key(login)).await.unwrap(), Some(document(200, login)));
            assert_eq!(store.list(&target(login)).await.unwrap(), [key(login)]);
            assert!(store.version(&target(login)).await.unwrap().is_some());
        }
        // Both nodes have some.
        let sizes = nodes.each_ref().map(|node| node.send::<usize>(&["DBSIZE"]));
        assert!(sizes.iter().all(|size| *size > 0), "{sizes:?}");
    }
}

#[tokio::test]
async fn a_node_of_a_cluster_without_the_setting_is_told_so() {
    let nodes = start_cluster(Engine::Valkey);
    let store = Replica::at(&nodes[0].url()).store;
    let logins = (0..20).map(|number| format!("octo-{number}"));
    let mut kinds = Vec::new();
    for login in logins {
        if let Err(StoreError::Server(failure)) = store.get(&key(&login)).await {
            assert!(failure.to_string().contains("the setting cluster"), "{failure}");
            kinds.push(failure.kind);
        }
    }
    assert!(!kinds.is_empty() && kinds.iter().all(|kind| *kind == FailureKind::Topology));
}
