use std::time::Duration;

use copilot_metrics_exporter::model::digest::sha256;
use copilot_metrics_exporter::store::{Key, Put, Slot, Store, StoreError};
use copilot_metrics_tests::valkey::{Engine, Server};
use jiff::civil::date;

use super::{Replica, document, key, target};

const TTL: Duration = Duration::from_secs(30);

fn two_replicas(server: &Server) -> [Replica; 2] {
    [(), ()].map(|()| Replica::at(&server.url()))
}

/// Makes a lease expire at once, as if its holder had not renewed it in time.
fn expire(server: &Server) {
    let leases: Vec<String> = server.send(&["KEYS", "*:lease"]);
    for lease in leases {
        server.send::<()>(&["PEXPIRE", &lease, "1"]);
        server.wait_for(&["EXISTS", &lease], |exists| exists == "0");
    }
}

#[tokio::test]
async fn late_writes_of_a_holder_whose_lease_has_expired_are_refused() {
    for engine in Engine::ALL {
        let server = Server::start(engine);
        let [late, new] = two_replicas(&server);
        let (key, target) = (key("octo-org"), target("octo-org"));
        let first = late.store.lease(&target, "late", TTL).await.unwrap().unwrap();
        late.store.put(&key, &document(100, "first")).await.unwrap();
        expire(&server);
        // As long as no one else has taken over, its writes do no harm.
        assert_eq!(late.store.put(&key, &document(200, "second")).await.unwrap(), Put::Stored);
        let second = new.store.lease(&target, "new", TTL).await.unwrap().unwrap();
        assert!(second.fence > first.fence);
        let refused = |error: StoreError| matches!(error, StoreError::Fenced { .. });
        assert!(refused(late.store.put(&key, &document(900, "late")).await.unwrap_err()));
        assert!(refused(late.store.remove(&key).await.unwrap_err()));
        let at = jiff::Timestamp::from_second(900).unwrap();
        let stored = document(200, "second");
        assert!(refused(late.store.confirm(&key, &stored, at).await.unwrap_err()));
        assert_eq!(new.store.get(&key).await.unwrap(), Some(stored));
        // It notices, and a new lease makes its writes valid again.
        assert_eq!(late.store.lease(&target, "late", TTL).await.unwrap(), None);
        new.store.end_lease(&target, "new").await.unwrap();
        assert!(late.store.lease(&target, "late", TTL).await.unwrap().is_some());
        assert_eq!(late.store.put(&key, &document(900, "late")).await.unwrap(), Put::Stored);
    }
}

#[tokio::test]
async fn a_lease_of_one_target_says_nothing_about_another_one() {
    let server = Server::start(Engine::Valkey);
    let [one, other] = two_replicas(&server);
    assert!(one.store.lease(&target("octo-org"), "one", TTL).await.unwrap().is_some());
    assert!(other.store.lease(&target("octo-other"), "other", TTL).await.unwrap().is_some());
    assert!(other.store.lease(&target("octo-org"), "other", TTL).await.unwrap().is_none());
    // Renewed, it lasts for its whole time again.
    let leases: Vec<String> = server.send(&["KEYS", "*octo-org*:lease"]);
    server.send::<()>(&["PEXPIRE", &leases[0], "5000"]);
    assert!(one.store.lease(&target("octo-org"), "one", TTL).await.unwrap().is_some());
    assert!(server.send::<u64>(&["PTTL", &leases[0]]) > 20_000);
}

#[tokio::test]
async fn fencing_tokens_grow_even_if_the_server_loses_everything() {
    for engine in Engine::ALL {
        let server = Server::start(engine);
        let [late, new] = two_replicas(&server);
        let (key, target) = (key("octo-org"), target("octo-org"));
        let first = late.store.lease(&target, "late", TTL).await.unwrap().unwrap();
        server.send::<()>(&["FLUSHALL"]);
        let second = new.store.lease(&target, "new", TTL).await.unwrap().unwrap();
        assert!(second.fence > first.fence, "{second:?} after {first:?}");
        let error = late.store.put(&key, &document(100, "late")).await.unwrap_err();
        assert!(matches!(error, StoreError::Fenced { .. }), "{error}");
        // Both store what they have again.
        assert_eq!(new.store.put(&key, &document(100, "new")).await.unwrap(), Put::Stored);
    }
}

#[tokio::test]
async fn a_replica_that_leaves_is_not_counted_any_more() {
    for engine in Engine::ALL {
        let server = Server::start(engine);
        let [one, other] = two_replicas(&server);
        assert_eq!(one.store.replicas(("group", "one"), TTL).await.unwrap(), 1);
        assert_eq!(other.store.replicas(("group", "other"), TTL).await.unwrap(), 2);
        other.store.leave(("group", "other")).await.unwrap();
        assert_eq!(one.store.replicas(("group", "one"), TTL).await.unwrap(), 1);
    }
}

#[tokio::test]
async fn replicas_with_other_targets_are_counted_apart() {
    let server = Server::start(Engine::Valkey);
    let [one, other] = two_replicas(&server);
    assert_eq!(one.store.replicas(("targets", "one"), TTL).await.unwrap(), 1);
    assert_eq!(other.store.replicas(("more", "other"), TTL).await.unwrap(), 1);
    // It leaves only the group that it says.
    other.store.leave(("targets", "one")).await.unwrap();
    assert_eq!(other.store.replicas(("more", "other"), TTL).await.unwrap(), 1);
    assert_eq!(other.store.replicas(("targets", "other"), TTL).await.unwrap(), 1);
}

#[tokio::test]
async fn a_replica_without_a_lease_never_replaces_what_a_leader_has_stored() {
    for engine in Engine::ALL {
        let server = Server::start(engine);
        let [leader, alone] = two_replicas(&server);
        let (key, target) = (key("octo-org"), target("octo-org"));
        alone.store.replicas(("group", "alone"), TTL).await.unwrap();
        // As long as no one has had the lease, it does no harm.
        assert_eq!(alone.store.put(&key, &document(50, "alone")).await.unwrap(), Put::Stored);
        leader.store.lease(&target, "leader", TTL).await.unwrap().unwrap();
        let stored = document(100, "leader");
        leader.store.put(&key, &stored).await.unwrap();
        let error = alone.store.put(&key, &document(200, "alone")).await.unwrap_err();
        assert!(matches!(error, StoreError::Fenced { .. }), "{error}");
        assert_eq!(leader.store.get(&key).await.unwrap(), Some(stored));
        leader.store.end_lease(&target, "leader").await.unwrap();
        alone.store.lease(&target, "alone", TTL).await.unwrap().unwrap();
        assert_eq!(alone.store.put(&key, &document(200, "alone")).await.unwrap(), Put::Stored);
        // A command that is no replica stores days.
        let command = Replica::at(&server.url()).store;
        let day = Key::document(&target, "users-1-day", Some(date(2026, 11, 20)), Slot::Good);
        assert_eq!(command.put(&day, &document(100, "day")).await.unwrap(), Put::Stored);
    }
}

#[tokio::test]
async fn whoever_finds_a_damaged_document_removes_it_and_the_leader_stores_it_again() {
    let server = Server::start(Engine::Valkey);
    let [leader, follower] = two_replicas(&server);
    let (key, target) = (key("octo-org"), target("octo-org"));
    follower.store.replicas(("group", "follower"), TTL).await.unwrap();
    follower.store.lease(&target, "follower", TTL).await.unwrap().unwrap();
    follower.store.end_lease(&target, "follower").await.unwrap();
    leader.store.lease(&target, "leader", TTL).await.unwrap().unwrap();
    leader.store.put(&key, &document(100, "leader")).await.unwrap();
    let hash: Vec<String> = server.send(&["KEYS", "*:documents"]);
    server.send::<()>(&["HSET", &hash[0], "seats", "not a manifest"]);
    let error = follower.store.get_shared(&key, None).await.unwrap_err();
    assert!(matches!(error, StoreError::Corrupt { .. }), "{error}");
    assert_eq!(follower.store.get_shared(&key, None).await.unwrap(), None);
    assert!(leader.store.list_shared(&target).await.unwrap().is_empty());
    let put = leader.store.put(&key, &document(100, "leader")).await.unwrap();
    assert_eq!(put, Put::Stored);
}

#[tokio::test]
async fn a_document_of_another_version_of_the_exporter_is_absent_and_stays() {
    let server = Server::start(Engine::Valkey);
    let store = Replica::at(&server.url()).store;
    let key = key("octo-org");
    store.put(&key, &document(100, "x")).await.unwrap();
    let hash: Vec<String> = server.send(&["KEYS", "*:documents"]);
    let json = "{\"version\":2}";
    let manifest = format!("{}\n{json}", sha256([json]));
    server.send::<()>(&["HSET", &hash[0], "seats", &manifest]);
    assert_eq!(store.get(&key).await.unwrap(), None);
    assert_eq!(server.send::<String>(&["HGET", &hash[0], "seats"]), manifest);
    // It is replaced by what is fetched.
    store.put(&key, &document(200, "y")).await.unwrap();
    assert_eq!(store.get(&key).await.unwrap(), Some(document(200, "y")));
}
