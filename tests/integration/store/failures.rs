use std::time::Duration;

use copilot_metrics_exporter::config::{SecretSource, ValkeySettings};
use copilot_metrics_exporter::store::{Failure, FailureKind, Store, StoreError};
use copilot_metrics_tests::authority::Authority;
use copilot_metrics_tests::fixtures::root;
use copilot_metrics_tests::relay::{Mode, Relay};
use copilot_metrics_tests::valkey::{Engine, Options, Server};

use super::{Replica, document, key, noise, of_bodies, settings, target, with_password};

const TTL: Duration = Duration::from_secs(30);

fn failure(error: StoreError) -> Failure {
    match error {
        StoreError::Server(failure) => failure,
        other => panic!("{other}"),
    }
}

/// Reads until it succeeds again: after a failure, the server is left alone for a moment.
async fn recovers(replica: &Replica) {
    for _ in 0..600 {
        if replica.store.get(&key("octo-org")).await.is_ok() {
            assert_eq!(replica.metric("up"), 1.0);
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("it does not recover");
}

async fn read_failure(replica: &Replica) -> Failure {
    failure(replica.store.get(&key("octo-org")).await.unwrap_err())
}

#[tokio::test]
async fn a_server_that_is_away_is_an_error_until_it_is_back() {
    for engine in Engine::ALL {
        let mut server = Server::start(engine);
        let replica = Replica::at(&server.url());
        server.kill();
        let failed = read_failure(&replica).await;
        assert_eq!(failed.kind, FailureKind::Refused);
        let text = failed.to_string();
        assert!(text.starts_with(&format!("{}: connection refused", server.url())), "{text}");
        assert_eq!(replica.metric("up"), 0.0);
        assert!(replica.metric("failures_total{kind=\"refused\"}") >= 1.0);
        server.start_again();
        recovers(&replica).await;
        // A connection that breaks is replaced.
        server.start_again();
        replica.store.put(&key("octo-org"), &document(100, "x")).await.unwrap();
    }
}

#[tokio::test]
async fn a_network_that_is_cut_or_silent_is_an_error_until_it_is_back() {
    let server = Server::start(Engine::Valkey);
    let relay = Relay::start(server.address()).await;
    let replica = Replica::at(&format!("redis://{}", relay.address()));
    recovers(&replica).await;
    relay.set(Mode::Cut);
    assert_eq!(read_failure(&replica).await.kind, FailureKind::Network);
    relay.set(Mode::Open);
    recovers(&replica).await;
    relay.set(Mode::Silent);
    assert_eq!(read_failure(&replica).await.kind, FailureKind::Timeout);
    assert_eq!(replica.metric("up"), 0.0);
    relay.set(Mode::Open);
    recovers(&replica).await;
}

#[tokio::test]
async fn a_wrong_or_missing_password_is_named_and_never_told() {
    for engine in Engine::ALL {
        let server = Options::new(engine).password("correct-horse").start();
        for settings in [settings(&server.url()), with_password(&server.url(), "hunter2-hunter2")] {
            let failed = read_failure(&Replica::new(settings)).await;
            assert_eq!(failed.kind, FailureKind::Password);
            let text = format!("{failed} {failed:?}");
            assert!(text.contains("check password_file") && !text.contains("hunter2"), "{text}");
        }
        recovers(&Replica::new(with_password(&server.url(), "correct-horse"))).await;
        let url = server.url().replace("redis://", "redis://:correct-horse@");
        recovers(&Replica::at(&url)).await;
    }
}

#[tokio::test]
async fn a_password_file_is_read_again_for_each_connection() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("password");
    std::fs::write(&path, "first-password\n").unwrap();
    let server = Options::new(Engine::Valkey).password("first-password").start();
    let password = Some(SecretSource::File(path.clone()));
    let replica = Replica::new(ValkeySettings { password, ..settings(&server.url()) });
    recovers(&replica).await;
    drop(server);
    let rotated = Options::new(Engine::Valkey).password("second-password").start();
    let relay = Relay::start(rotated.address()).await;
    let url = format!("redis://{}", relay.address());
    let password = Some(SecretSource::File(path.clone()));
    let replica = Replica::new(ValkeySettings { password, ..settings(&url) });
    assert_eq!(read_failure(&replica).await.kind, FailureKind::Password);
    std::fs::write(&path, "second-password\n").unwrap();
    recovers(&replica).await;
    // One that is gone matters for the next connection only.
    std::fs::remove_file(&path).unwrap();
    recovers(&replica).await;
    relay.set(Mode::Cut);
    read_failure(&replica).await;
    relay.set(Mode::Open);
    // For a moment, the last failure is returned instead of trying again.
    let setting = async {
        while read_failure(&replica).await.kind != FailureKind::Setting {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), setting).await.unwrap();
}

#[tokio::test]
async fn a_certificate_is_checked_against_the_own_authority_and_the_host() {
    let (authority, other) = (Authority::new(), Authority::new());
    let server = Options::new(Engine::Redis).tls(&authority, &["localhost"]).start();
    let at = |host: &str, authority: &Authority| {
        let ca = Some(authority.pem().into_bytes());
        Replica::new(ValkeySettings { ca, ..settings(&server.tls_url(host)) })
    };
    recovers(&at("localhost", &authority)).await;
    for wrong in [at("localhost", &other), at("127.0.0.1", &authority)] {
        let failed = read_failure(&wrong).await;
        assert_eq!(failed.kind, FailureKind::Certificate, "{failed}");
        assert!(failed.to_string().contains("check ca_file"), "{failed}");
    }
    // A port without TLS waits for the end of a command.
    let plain = server.url().replace("redis://", "rediss://");
    let ca = Some(authority.pem().into_bytes());
    let failed = read_failure(&Replica::new(ValkeySettings { ca, ..settings(&plain) })).await;
    assert_eq!(failed.kind, FailureKind::Timeout, "{failed}");
    assert!(failed.to_string().contains("the port may be one without TLS"), "{failed}");
}

#[tokio::test]
async fn a_full_memory_refuses_documents_and_still_grants_leases_and_removes() {
    for engine in Engine::ALL {
        let server = Options::new(engine).flags(&["--maxmemory-policy", "noeviction"]).start();
        let replica = Replica::at(&server.url());
        let (key, target) = (key("octo-org"), target("octo-org"));
        let stored = document(100, "before");
        replica.store.put(&key, &stored).await.unwrap();
        server.send::<()>(&["CONFIG", "SET", "maxmemory", "1"]);
        let large = of_bodies(200, &[&noise(100_000, 1)]);
        let failed = failure(replica.store.put(&key, &large).await.unwrap_err());
        assert_eq!(failed.kind, FailureKind::OutOfMemory, "{failed}");
        assert!(failed.to_string().contains("raise maxmemory"), "{failed}");
        // What is stored is complete, and the server is up.
        assert_eq!(replica.store.get(&key).await.unwrap(), Some(stored.clone()));
        assert_eq!(replica.metric("up"), 1.0);
        assert!(replica.store.lease(&target, "a", TTL).await.unwrap().is_some());
        let failed =
            failure(replica.store.confirm(&key, &stored, stored.fetched_at).await.unwrap_err());
        assert_eq!(failed.kind, FailureKind::OutOfMemory, "{failed}");
        replica.store.remove(&key).await.unwrap();
        assert_eq!(replica.store.get(&key).await.unwrap(), None);
        server.send::<()>(&["CONFIG", "SET", "maxmemory", "0"]);
        replica.store.put(&key, &large).await.unwrap();
    }
}

#[tokio::test]
async fn a_read_only_replica_is_named_and_still_read() {
    for engine in Engine::ALL {
        let primary = Server::start(engine);
        let of_primary = Replica::at(&primary.url());
        of_primary.store.put(&key("octo-org"), &document(100, "x")).await.unwrap();
        let server = Options::new(engine).replica_of(&primary).start();
        server.wait_for(&["INFO", "replication"], |info| info.contains("master_link_status:up"));
        let replica = Replica::at(&server.url());
        let failed =
            failure(replica.store.put(&key("octo-org"), &document(200, "y")).await.unwrap_err());
        assert_eq!(failed.kind, FailureKind::ReadOnly, "{failed}");
        let loaded = replica.store.get(&key("octo-org")).await.unwrap();
        assert_eq!(loaded, Some(document(100, "x")));
        let lease = replica.store.lease(&target("octo-org"), "a", TTL).await;
        assert_eq!(failure(lease.unwrap_err()).kind, FailureKind::ReadOnly);
    }
}

#[tokio::test]
async fn a_user_without_permission_is_told_so() {
    let server = Server::start(Engine::Valkey);
    server.send::<()>(&["ACL", "SETUSER", "app", "on", ">secret-word", "~other:*", "+@all"]);
    let username = Some("app".to_owned());
    let settings = ValkeySettings { username, ..with_password(&server.url(), "secret-word") };
    assert_eq!(read_failure(&Replica::new(settings)).await.kind, FailureKind::Permission);
}

#[tokio::test]
async fn a_user_with_the_documented_permissions_can_use_the_store() {
    let text = std::fs::read_to_string(root().join("docs/replicas.md")).unwrap();
    let permissions = text.split("needs these permissions: `").nth(1).unwrap();
    let permissions = permissions.split('`').next().unwrap().split(' ');
    for engine in Engine::ALL {
        let server = Server::start(engine);
        let mut command = vec!["ACL", "SETUSER", "app", "on", ">secret-word"];
        command.extend(permissions.clone());
        server.send::<()>(&command);
        let username = Some("app".to_owned());
        let settings = ValkeySettings { username, ..with_password(&server.url(), "secret-word") };
        let (store, key, target) =
            (Replica::new(settings).store, key("octo-org"), target("octo-org"));
        store.replicas(("group", "a"), TTL).await.unwrap();
        assert!(store.lease(&target, "a", TTL).await.unwrap().is_some());
        store.put(&key, &document(100, "x")).await.unwrap();
        assert_eq!(store.list(&target).await.unwrap().as_slice(), std::slice::from_ref(&key));
        assert_eq!(store.get(&key).await.unwrap(), Some(document(100, "x")));
        assert!(store.version(&target).await.unwrap().is_some());
        store.remove(&key).await.unwrap();
        store.end_lease(&target, "a").await.unwrap();
        store.leave(("group", "a")).await.unwrap();
    }
}
