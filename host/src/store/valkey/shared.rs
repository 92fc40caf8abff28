//! The store.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::future::BoxFuture;
use jiff::Timestamp;
use tokio::time::Instant;

use super::access::{Access, Change, Written};
use super::connect;
use super::failure::{Failure, FailureKind};
use super::grants::Grants;
use super::health::Health;
use super::keys::Keys;
use super::manifest::Manifest;
use super::metrics::ValkeyMetrics;
use super::transfer::Transfer;
use crate::body::Spool;
use crate::config::ValkeySettings;
use crate::model::{Document, Target};
use crate::store::error::StoreError;
use crate::store::interface::{Put, Store, is_newer};
use crate::store::key::{Key, Slot};
use crate::store::lease::Lease;

/// How often a write is tried that others interfere with.
const ATTEMPTS: usize = 5;

/// A Valkey or Redis that replicas share. It is connected to when it is first needed, and again after every
/// failure; commands fail quickly while it is away.
pub struct Valkey {
    access: Access,
    transfer: Transfer,
    prefix: String,
    server: String,
    grants: Grants,
    /// Whether this process is a replica: then it writes only if it has had a lease, or no one has.
    is_replica: AtomicBool,
}

/// A manifest as it is stored.
struct Stored {
    bytes: Vec<u8>,
    /// What it says, unless it is of another version, or what is wrong with it.
    manifest: Result<Option<Manifest>, String>,
}

impl Stored {
    /// What it says, if it can be read.
    fn manifest(&self) -> Option<&Manifest> {
        self.manifest.as_ref().ok().and_then(Option::as_ref)
    }

    /// The chunks that it names. Those of a damaged one are not known.
    fn chunks(&self) -> &[String] {
        self.manifest().map_or(&[], |manifest| &manifest.chunks)
    }
}

impl Valkey {
    /// A server that has not been connected to. Bodies that are loaded go where `spool` has room.
    pub fn new(settings: ValkeySettings, spool: Spool, metrics: ValkeyMetrics) -> Self {
        let (prefix, server) = (settings.prefix.clone(), connect::name(&settings));
        let settings = Arc::new(settings);
        let health = Arc::new(Health::new(server.clone(), metrics));
        // The standard library's only source of randomness.
        let writer = format!("{:016x}", RandomState::new().hash_one(std::process::id()));
        Self {
            access: Access::new(&settings, &health, writer),
            transfer: Transfer::new(&settings, &health, spool),
            prefix,
            server,
            grants: Grants::default(),
            is_replica: AtomicBool::new(false),
        }
    }

    fn keys(&self, target: &Target) -> Keys {
        Keys::new(&self.prefix, target)
    }

    async fn stored(&self, keys: &Keys, key: &Key) -> Result<Option<Stored>, StoreError> {
        let bytes = self.access.manifest(keys, &key.file_name()).await?;
        Ok(bytes.map(|bytes| Stored { manifest: Manifest::decode(key, &bytes), bytes }))
    }

    /// Repeats a change until no one else interferes. It returns `None` if that happened.
    async fn change<T, F: Future<Output = Result<Option<T>, StoreError>>>(
        &self,
        keys: &Keys,
        change: impl Fn() -> F,
    ) -> Result<T, StoreError> {
        for _ in 0..ATTEMPTS {
            if let Some(done) = change().await? {
                return Ok(done);
            }
        }
        let detail = Some(format!("{}: others write at the same time", keys.name()));
        Err(Failure::new(FailureKind::Other, &self.server, detail).into())
    }

    /// Changes manifests. `None`: someone else has changed them too.
    async fn write(
        &self,
        (keys, target): (&Keys, &Target),
        changes: &[Change<'_>],
    ) -> Result<Option<()>, StoreError> {
        // What a replica has fetched while the server was away must not replace what a leader has stored. A
        // command such as `backfill` takes no part in that.
        let without_grant = || self.is_replica.load(Ordering::Relaxed).then_some(0);
        let fence = self.grants.fence(target).or_else(without_grant);
        match self.access.write(keys, fence, changes).await? {
            Written::Done => Ok(Some(())),
            Written::Conflict => Ok(None),
            Written::Fenced => Err(StoreError::Fenced { place: keys.name().to_owned() }),
        }
    }

    /// Loads a document. If its content is that of `known`, it has the bodies of that one.
    async fn load(
        &self,
        key: &Key,
        known: Option<&Document>,
    ) -> Result<Option<Document>, StoreError> {
        let keys = &self.keys(&key.target);
        let load = || async move {
            let Some(stored) = self.stored(keys, key).await? else { return Ok(Some(None)) };
            let reason = match stored.manifest {
                Ok(None) => return Ok(Some(None)),
                Ok(Some(Manifest { head, .. }))
                    if known.is_some_and(|known| head.has_content_of(known)) =>
                {
                    let parts = known.into_iter().flat_map(|known| &known.parts);
                    let bodies = parts.map(|part| part.body.clone()).collect();
                    return Ok(Some(Some(head.into_document(bodies))));
                }
                Ok(Some(manifest)) => match self.transfer.load(keys, &manifest).await? {
                    Some(bodies) => return Ok(Some(Some(manifest.head.into_document(bodies)))),
                    None => "a part of its bodies is missing or has been changed".to_owned(),
                },
                Err(reason) => reason,
            };
            // It may have been replaced while its chunks were loaded.
            match self.stored(keys, key).await? {
                Some(again) if again.bytes == stored.bytes => {
                    let place = format!("{} {}", keys.name(), key.file_name());
                    match self.remove_stored(key, &again).await {
                        // Only the leader removes it.
                        Ok(_) | Err(StoreError::Fenced { .. }) => {
                            Err(StoreError::Corrupt { place, reason })
                        }
                        Err(error) => Err(error),
                    }
                }
                _ => Ok(None),
            }
        };
        self.change(keys, load).await
    }

    async fn remove_stored(&self, key: &Key, stored: &Stored) -> Result<Option<()>, StoreError> {
        let keys = self.keys(&key.target);
        let present = Some(stored.bytes.as_slice());
        let change = Change { name: key.file_name(), present, new: None, chunks: &[] };
        self.write((&keys, &key.target), &[change]).await
    }

    async fn save(&self, key: &Key, document: &Document) -> Result<Put, StoreError> {
        let keys = &self.keys(&key.target);
        let save = || async move {
            let stored = self.stored(keys, key).await?;
            if let Some(manifest) = stored.as_ref().and_then(Stored::manifest)
                && !is_newer(document, &manifest.head.without_bodies())
            {
                return Ok(Some(Put::Superseded));
            }
            let chunks = self.transfer.save(keys, document).await?;
            let manifest = Manifest::new(key, document, chunks);
            let (new, chunks) = (self.encode(&manifest)?, manifest.chunks.as_slice());
            let present = stored.as_ref().map(|stored| stored.bytes.as_slice());
            let change = Change { name: key.file_name(), present, new: Some(&new), chunks };
            let written = self.write((keys, &key.target), &[change]).await?;
            Ok(written.map(|()| Put::Stored))
        };
        self.change(keys, save).await
    }

    async fn note_confirmed(
        &self,
        key: &Key,
        document: &Document,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let keys = &self.keys(&key.target);
        let confirm = || async move {
            let Some(stored) = self.stored(keys, key).await? else { return Ok(Some(())) };
            let mut manifest = match stored.manifest {
                Ok(Some(manifest)) if manifest.head.has_content_of(document) => manifest,
                // It is about another version.
                _ => return Ok(Some(())),
            };
            manifest.head.confirmed_at = manifest.head.confirmed_at.max(at);
            let new = self.encode(&manifest)?;
            let present = Some(stored.bytes.as_slice());
            let chunks = manifest.chunks.as_slice();
            let change = Change { name: key.file_name(), present, new: Some(&new), chunks };
            self.write((keys, &key.target), &[change]).await
        };
        self.change(keys, confirm).await
    }

    async fn make_good(&self, key: &Key) -> Result<(), StoreError> {
        let keys = &self.keys(&key.target);
        let (good, pending) = (&key.in_slot(Slot::Good), &key.in_slot(Slot::Pending));
        let accept = || async move {
            let Some(new) = self.stored(keys, pending).await? else { return Ok(Some(())) };
            if matches!(new.manifest, Ok(None)) {
                return Ok(Some(()));
            }
            let old = self.stored(keys, good).await?;
            let present = old.as_ref().map(|stored| stored.bytes.as_slice());
            let bytes = Some(new.bytes.as_slice());
            let changes = [
                Change { name: good.file_name(), present, new: bytes, chunks: new.chunks() },
                Change { name: pending.file_name(), present: bytes, new: None, chunks: &[] },
            ];
            self.write((keys, &key.target), &changes).await
        };
        self.change(keys, accept).await
    }

    async fn delete(&self, key: &Key) -> Result<(), StoreError> {
        let keys = &self.keys(&key.target);
        let delete = || async move {
            match self.stored(keys, key).await? {
                Some(stored) => self.remove_stored(key, &stored).await,
                None => Ok(Some(())),
            }
        };
        self.change(keys, delete).await
    }

    fn encode(&self, manifest: &Manifest) -> Result<Vec<u8>, StoreError> {
        let failed = |error| Failure::new(FailureKind::Other, &self.server, Some(error));
        Ok(manifest.encode().map_err(failed)?)
    }
}

impl Store for Valkey {
    fn get<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Option<Document>, StoreError>> {
        Box::pin(self.load(key, None))
    }

    fn put<'a>(
        &'a self,
        key: &'a Key,
        document: &'a Document,
    ) -> BoxFuture<'a, Result<Put, StoreError>> {
        Box::pin(self.save(key, document))
    }

    fn confirm<'a>(
        &'a self,
        key: &'a Key,
        document: &'a Document,
        at: Timestamp,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(self.note_confirmed(key, document, at))
    }

    fn accept<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(self.make_good(key))
    }

    fn remove<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(self.delete(key))
    }

    fn list<'a>(&'a self, target: &'a Target) -> BoxFuture<'a, Result<Vec<Key>, StoreError>> {
        Box::pin(async move {
            let names = self.access.names(&self.keys(target)).await?;
            Ok(names.iter().filter_map(|name| Key::from_file_name(target, name)).collect())
        })
    }

    fn lease<'a>(
        &'a self,
        target: &'a Target,
        holder: &'a str,
        ttl: Duration,
    ) -> BoxFuture<'a, Result<Option<Lease>, StoreError>> {
        Box::pin(async move {
            let keys = self.keys(target);
            let Some(fence) = self.access.lease(&keys, holder, ttl).await? else {
                return Ok(None);
            };
            // If it fails, it is tried again with the next lease.
            if self.grants.note(target, fence, Instant::now())
                && self.access.renew(&keys).await.is_ok()
            {
                self.grants.note_renewed(target, Instant::now());
            }
            Ok(Some(Lease { fence }))
        })
    }

    fn end_lease<'a>(
        &'a self,
        target: &'a Target,
        holder: &'a str,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move { Ok(self.access.end_lease(&self.keys(target), holder).await?) })
    }

    fn leave_note<'a>(
        &'a self,
        name: &'a str,
        text: &'a str,
        ttl: Duration,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move { Ok(self.access.leave_note(&self.prefix, name, text, ttl).await?) })
    }

    fn note<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<String>, StoreError>> {
        Box::pin(async move { Ok(self.access.note(&self.prefix, name).await?) })
    }

    fn version<'a>(
        &'a self,
        target: &'a Target,
    ) -> BoxFuture<'a, Result<Option<String>, StoreError>> {
        Box::pin(async move { Ok(self.access.version(&self.keys(target)).await?) })
    }

    fn get_shared<'a>(
        &'a self,
        key: &'a Key,
        known: Option<&'a Document>,
    ) -> BoxFuture<'a, Result<Option<Document>, StoreError>> {
        Box::pin(self.load(key, known))
    }

    fn replicas<'a>(
        &'a self,
        (group, holder): (&'a str, &'a str),
        ttl: Duration,
    ) -> BoxFuture<'a, Result<usize, StoreError>> {
        // Whether or not the server can be reached now.
        self.is_replica.store(true, Ordering::Relaxed);
        Box::pin(async move { Ok(self.access.replicas(&self.prefix, group, holder, ttl).await?) })
    }

    fn leave<'a>(
        &'a self,
        (group, holder): (&'a str, &'a str),
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move { Ok(self.access.leave(&self.prefix, group, holder).await?) })
    }

    fn release(&self, _: &Target) {}

    fn is_durable(&self) -> bool {
        true
    }

    fn is_shared(&self) -> bool {
        true
    }
}
