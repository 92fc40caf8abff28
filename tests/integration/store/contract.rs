use std::io::Read;
use std::time::Duration;

use copilot_metrics_exporter::body::Spool;
use copilot_metrics_exporter::model::Document;
use copilot_metrics_exporter::store::{Disk, Key, Memory, Put, Slot, Store, StoreError, Tiered};
use copilot_metrics_tests::valkey::{Engine, Server};
use jiff::Timestamp;
use jiff::civil::date;

use super::{Replica, document, key, noise, of_bodies, settings, target};

async fn keeps_the_contract(store: &dyn Store) {
    let (target, key) = (target("octo-org"), key("octo-org"));
    assert!(store.get(&key).await.unwrap().is_none());
    assert!(store.list(&target).await.unwrap().is_empty());
    let (old, new) = (document(100, "old"), document(200, "new"));
    assert_eq!(store.put(&key, &new).await.unwrap(), Put::Stored);
    // The newer one wins, whoever writes last.
    assert_eq!(store.put(&key, &old).await.unwrap(), Put::Superseded);
    assert_eq!(store.get(&key).await.unwrap(), Some(new.clone()));
    // One that a clock ten years ahead has stored does not stay until that day comes.
    let ahead = Timestamp::now() + jiff::SignedDuration::from_hours(24 * 3650);
    let other = Key::document(&target, "billing", None, Slot::Good);
    store.put(&other, &document(ahead.as_second(), "ahead")).await.unwrap();
    assert_eq!(store.put(&other, &new).await.unwrap(), Put::Stored);
    assert_eq!(store.get(&other).await.unwrap(), Some(new.clone()));
    store.remove(&other).await.unwrap();
    // A confirmation changes the time only, and only of what it is about.
    let later = Timestamp::from_second(300).unwrap();
    store.confirm(&key, &old, later).await.unwrap();
    assert_eq!(store.get(&key).await.unwrap(), Some(new.clone()));
    store.confirm(&key, &new, later).await.unwrap();
    let confirmed = Document { confirmed_at: later, ..new.clone() };
    assert_eq!(store.get(&key).await.unwrap(), Some(confirmed.clone()));
    // A rejected version never takes the place of the good one.
    let pending = key.in_slot(Slot::Pending);
    let rejected = document(400, "rejected");
    store.put(&pending, &rejected).await.unwrap();
    assert_eq!(store.get(&key).await.unwrap(), Some(confirmed));
    let mut keys = store.list(&target).await.unwrap();
    keys.sort_by_key(|key| key.slot as u8);
    assert_eq!(keys, [key.clone(), pending.clone()]);
    store.accept(&key).await.unwrap();
    assert_eq!(store.get(&key).await.unwrap(), Some(rejected));
    assert_eq!(store.get(&pending).await.unwrap(), None);
    // Accepting what is not pending, and removing what is not there, changes nothing.
    store.accept(&other).await.unwrap();
    store.remove(&other).await.unwrap();
    store.remove(&key).await.unwrap();
    assert!(store.list(&target).await.unwrap().is_empty());
    keeps_bodies_and_days(store).await;
    grants_leases(store).await;
}

async fn keeps_bodies_and_days(store: &dyn Store) {
    let target = target("octo-org");
    let days = [date(2026, 11, 19), date(2026, 11, 20)];
    let large = noise(100_000, 7);
    for day in days {
        let key = Key::document(&target, "users-1-day", Some(day), Slot::Good);
        let bodies: [&[u8]; 4] = [b"", &large, b"small", &large];
        let stored = of_bodies(100, &bodies);
        store.put(&key, &stored).await.unwrap();
        let loaded = store.get(&key).await.unwrap().unwrap();
        assert_eq!(loaded, stored);
        for (part, expected) in loaded.parts.iter().zip(bodies) {
            let mut bytes = Vec::new();
            part.body.reader().read_to_end(&mut bytes).unwrap();
            assert!(bytes == expected, "{} bytes", bytes.len());
        }
        // A note that there is none has no body.
        let absent = Key::document(&target, "repos-1-day", Some(day), Slot::Good);
        let note = of_bodies(100, &[]);
        store.put(&absent, &note).await.unwrap();
        assert_eq!(store.get(&absent).await.unwrap(), Some(note));
    }
    let samples = Key::samples_of_day(&target, "github-copilot", days[0]);
    store.put(&samples, &document(100, "samples")).await.unwrap();
    let keys = store.list(&target).await.unwrap();
    assert!(keys.contains(&samples), "{keys:?}");
    for key in keys {
        store.remove(&key).await.unwrap();
    }
    assert!(store.list(&target).await.unwrap().is_empty());
}

async fn grants_leases(store: &dyn Store) {
    let (target, ttl) = (target("octo-org"), Duration::from_secs(30));
    let first = store.lease(&target, "a", ttl).await.unwrap().unwrap();
    assert_eq!(store.lease(&target, "b", ttl).await.unwrap(), None);
    assert_eq!(store.lease(&target, "a", ttl).await.unwrap().as_ref(), Some(&first));
    // Only its holder can end it.
    store.end_lease(&target, "b").await.unwrap();
    assert_eq!(store.lease(&target, "b", ttl).await.unwrap(), None);
    store.end_lease(&target, "a").await.unwrap();
    let second = store.lease(&target, "b", ttl).await.unwrap().unwrap();
    assert!(second.fence > first.fence);
}

#[tokio::test]
async fn stores_in_memory_and_on_disk_keep_the_contract() {
    let directory = tempfile::tempdir().unwrap();
    let disk = |name: &str| Disk::open(&directory.path().join(name), Spool::default()).unwrap();
    keeps_the_contract(&Memory::default()).await;
    keeps_the_contract(&disk("alone")).await;
    keeps_the_contract(&Tiered::new(disk("tiered"))).await;
}

#[tokio::test]
async fn valkey_and_redis_keep_the_contract() {
    for engine in Engine::ALL {
        let server = Server::start(engine);
        let replica = Replica::at(&server.url());
        keeps_the_contract(&replica.store).await;
        assert_eq!(replica.metric("up"), 1.0);
        assert!(replica.metric("bytes_total{direction=\"sent\"}") > 100_000.0);
        server.send::<()>(&["FLUSHALL"]);
        keeps_the_contract(&Tiered::new(Replica::at(&server.url()).store)).await;
    }
}

#[tokio::test]
async fn what_one_replica_stores_another_one_loads() {
    let server = Server::start(Engine::Valkey);
    let [one, other] = [(), ()].map(|()| Replica::at(&server.url()).store);
    let (key, target) = (key("octo-org"), target("octo-org"));
    assert_eq!(other.version(&target).await.unwrap(), None);
    let stored = document(100, "one");
    one.put(&key, &stored).await.unwrap();
    assert_eq!(other.get(&key).await.unwrap(), Some(stored));
    // A write changes the version, whoever writes; reading does not.
    let first = other.version(&target).await.unwrap();
    assert!(first.is_some());
    assert_eq!(other.version(&target).await.unwrap(), first);
    other.put(&key, &document(200, "other")).await.unwrap();
    let second = one.version(&target).await.unwrap();
    assert!(second.is_some() && second != first);
    // Another prefix is another store.
    let apart = copilot_metrics_exporter::config::ValkeySettings {
        prefix: "test:".to_owned(),
        ..settings(&server.url())
    };
    assert_eq!(Replica::new(apart).store.get(&key).await.unwrap(), None);
}

#[tokio::test]
async fn the_same_body_is_sent_and_kept_once_and_expires_when_nothing_refers_to_it() {
    let server = Server::start(Engine::Valkey);
    let replica = Replica::at(&server.url());
    let store = &replica.store;
    let body = noise(200_000, 3);
    let names = ["one", "two"];
    let keys = names.map(|name| Key::document(&target("octo-org"), name, None, Slot::Good));
    for key in &keys {
        store.put(key, &of_bodies(100, &[&body])).await.unwrap();
    }
    let sent = replica.metric("bytes_total{direction=\"sent\"}");
    assert!((200_000.0..300_000.0).contains(&sent), "{sent}");
    let chunks: Vec<String> = server.send(&["KEYS", "*:chunk:*"]);
    let [chunk] = chunks.as_slice() else { panic!("{chunks:?}") };
    let expires = || server.send::<i64>(&["PTTL", chunk]);
    assert!(expires() > 600_000, "{}", expires());
    store.remove(&keys[0]).await.unwrap();
    assert!(expires() > 600_000, "{}", expires());
    // Replaced, not removed: readers that are still loading it get it for a while.
    store.put(&keys[1], &document(200, "another")).await.unwrap();
    assert!((1..=600_000).contains(&expires()), "{}", expires());
    store.put(&keys[0], &of_bodies(300, &[&body])).await.unwrap();
    assert!(expires() > 600_000, "{}", expires());
}

#[tokio::test]
async fn a_chunk_that_is_missing_or_changed_is_never_served_and_is_stored_again() {
    let server = Server::start(Engine::Valkey);
    let store = Replica::at(&server.url()).store;
    let key = key("octo-org");
    let stored = document(100, "body");
    for spoil in [&["DEL"][..], &["SETRANGE", "0", "x"]] {
        store.put(&key, &stored).await.unwrap();
        let chunks: Vec<String> = server.send(&["KEYS", "*:chunk:*"]);
        let mut command = vec![spoil[0], &chunks[0]];
        command.extend(&spoil[1..]);
        server.send::<()>(&command);
        let error = store.get(&key).await.unwrap_err();
        assert!(matches!(error, StoreError::Corrupt { .. }), "{error}");
        assert_eq!(store.get(&key).await.unwrap(), None);
        store.put(&key, &stored).await.unwrap();
        assert_eq!(store.get(&key).await.unwrap().as_ref(), Some(&stored));
    }
    store.put(&key, &stored).await.unwrap();
    let hash: Vec<String> = server.send(&["KEYS", "*:documents"]);
    server.send::<()>(&["HSET", &hash[0], "seats", "not a manifest"]);
    let error = store.get(&key).await.unwrap_err();
    assert!(matches!(error, StoreError::Corrupt { .. }), "{error}");
    // Its chunk is not needed any more, whatever the manifest was.
    let chunks: Vec<String> = server.send(&["KEYS", "*:chunk:*"]);
    assert!((1..=600_000).contains(&server.send::<i64>(&["PTTL", &chunks[0]])));
    store.put(&key, &stored).await.unwrap();
    assert_eq!(store.get(&key).await.unwrap(), Some(stored));
}

#[tokio::test]
async fn everything_of_a_target_expires_unless_a_replica_exports_it() {
    let month = Duration::from_secs(30 * 24 * 3600).as_millis() as i64;
    for engine in Engine::ALL {
        let server = Server::start(engine);
        let store = Replica::at(&server.url()).store;
        let (key, target) = (key("octo-org"), target("octo-org"));
        let ttl = Duration::from_secs(30);
        store.put(&key, &document(100, "x")).await.unwrap();
        store.lease(&target, "a", ttl).await.unwrap();
        store.replicas(("group", "a"), ttl).await.unwrap();
        let keys: Vec<String> = server.send(&["KEYS", "*"]);
        assert_eq!(keys.len(), 8, "{keys:?}");
        for key in &keys {
            let left: i64 = server.send(&["PTTL", key]);
            assert!((1..=month).contains(&left), "{key}: {left}");
            server.send::<i64>(&["PEXPIRE", key, "60000"]);
        }
        // Another process, or the same one after an hour.
        store.end_lease(&target, "a").await.unwrap();
        let other = Replica::at(&server.url()).store;
        other.lease(&target, "b", ttl).await.unwrap();
        for key in
            keys.iter().filter(|key| !key.ends_with("replicas:group") && !key.ends_with("lease"))
        {
            let left: i64 = server.send(&["PTTL", key]);
            assert!(left > month / 2, "{key}: {left}");
        }
    }
}

#[tokio::test]
async fn a_document_of_many_chunks_goes_through_the_spool() {
    let server = Server::start(Engine::Valkey);
    let directory = tempfile::tempdir().unwrap();
    let spool = Spool::new(directory.path().to_owned(), 1 << 20);
    let store = Replica::with_spool(settings(&server.url()), spool).store;
    let (one, two) = (noise(20 << 20, 1), noise(3 << 20, 2));
    let stored = of_bodies(100, &[&one, &two]);
    store.put(&key("octo-org"), &stored).await.unwrap();
    let chunks: Vec<String> = server.send(&["KEYS", "*:chunk:*"]);
    assert_eq!(chunks.len(), 24);
    let loaded = store.get(&key("octo-org")).await.unwrap().unwrap();
    let mut bytes = Vec::new();
    loaded.parts[1].body.reader().read_to_end(&mut bytes).unwrap();
    assert!(loaded == stored && bytes == two);
}
