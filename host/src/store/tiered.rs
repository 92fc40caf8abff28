//! Memory in front of another store.

use std::time::Duration;

use futures_util::future::BoxFuture;
use jiff::Timestamp;

use super::error::StoreError;
use super::interface::{Put, Store};
use super::key::Key;
use super::lease::Lease;
use super::memory::Memory;
use crate::model::{Document, Target};

/// Keeps everything in memory, and in a store behind it. What that one can't take, because a disk is
/// full, say, stays in memory; the error is returned all the same.
///
/// Of documents of days, memory has only the newest day: a year of them stays where it is.
pub struct Tiered<S> {
    memory: Memory,
    store: S,
}

impl<S: Store> Tiered<S> {
    /// Puts memory in front of `store`.
    pub fn new(store: S) -> Self {
        Self { memory: Memory::default(), store }
    }

    fn belongs_in_memory(&self, key: &Key) -> bool {
        key.mapping().is_none() && !self.memory.has_newer_day(key)
    }
}

impl<S: Store> Store for Tiered<S> {
    fn get<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Option<Document>, StoreError>> {
        Box::pin(async move {
            if let Some(document) = self.memory.get(key).await? {
                return Ok(Some(document));
            }
            let found = self.store.get(key).await?;
            // Samples are loaded once, documents whenever the settings of their target change.
            if let Some(document) = found.as_ref().filter(|_| self.belongs_in_memory(key)) {
                self.memory.put(key, document).await?;
                self.memory.remove_older_days(key);
            }
            Ok(found)
        })
    }

    fn put<'a>(
        &'a self,
        key: &'a Key,
        document: &'a Document,
    ) -> BoxFuture<'a, Result<Put, StoreError>> {
        Box::pin(async move {
            let in_memory = self.belongs_in_memory(key);
            if in_memory && self.memory.put(key, document).await? == Put::Superseded {
                return Ok(Put::Superseded);
            }
            let put = self.store.put(key, document).await;
            if in_memory && put.is_ok() {
                self.memory.remove_older_days(key);
            }
            put
        })
    }

    fn confirm<'a>(
        &'a self,
        key: &'a Key,
        document: &'a Document,
        at: Timestamp,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            self.memory.confirm(key, document, at).await?;
            self.store.confirm(key, document, at).await
        })
    }

    fn accept<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            self.memory.accept(key).await?;
            self.store.accept(key).await
        })
    }

    fn remove<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            self.memory.remove(key).await?;
            self.store.remove(key).await
        })
    }

    fn list<'a>(&'a self, target: &'a Target) -> BoxFuture<'a, Result<Vec<Key>, StoreError>> {
        Box::pin(async move {
            let mut keys = self.memory.list(target).await?;
            match self.store.list(target).await {
                Ok(stored) => {
                    for key in stored {
                        if !keys.contains(&key) {
                            keys.push(key);
                        }
                    }
                    Ok(keys)
                }
                // Memory still has what it has.
                Err(_) if !keys.is_empty() => Ok(keys),
                Err(error) => Err(error),
            }
        })
    }

    fn lease<'a>(
        &'a self,
        target: &'a Target,
        holder: &'a str,
        ttl: Duration,
    ) -> BoxFuture<'a, Result<Option<Lease>, StoreError>> {
        self.store.lease(target, holder, ttl)
    }

    fn end_lease<'a>(
        &'a self,
        target: &'a Target,
        holder: &'a str,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        self.store.end_lease(target, holder)
    }

    fn leave_note<'a>(
        &'a self,
        name: &'a str,
        text: &'a str,
        ttl: Duration,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        self.store.leave_note(name, text, ttl)
    }

    fn note<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<String>, StoreError>> {
        self.store.note(name)
    }

    fn version<'a>(
        &'a self,
        target: &'a Target,
    ) -> BoxFuture<'a, Result<Option<String>, StoreError>> {
        self.store.version(target)
    }

    fn get_shared<'a>(
        &'a self,
        key: &'a Key,
        known: Option<&'a Document>,
    ) -> BoxFuture<'a, Result<Option<Document>, StoreError>> {
        Box::pin(async move {
            let found = self.store.get_shared(key, known).await?;
            self.memory.remove(key).await?;
            if let Some(document) = found.as_ref().filter(|_| self.belongs_in_memory(key)) {
                self.memory.put(key, document).await?;
                self.memory.remove_older_days(key);
            }
            Ok(found)
        })
    }

    fn list_shared<'a>(
        &'a self,
        target: &'a Target,
    ) -> BoxFuture<'a, Result<Vec<Key>, StoreError>> {
        self.store.list_shared(target)
    }

    fn replicas<'a>(
        &'a self,
        member: (&'a str, &'a str),
        ttl: Duration,
    ) -> BoxFuture<'a, Result<usize, StoreError>> {
        self.store.replicas(member, ttl)
    }

    fn leave<'a>(&'a self, member: (&'a str, &'a str)) -> BoxFuture<'a, Result<(), StoreError>> {
        self.store.leave(member)
    }

    fn release(&self, target: &Target) {
        self.memory.release(target);
        self.store.release(target);
    }

    fn is_durable(&self) -> bool {
        self.store.is_durable()
    }

    fn is_shared(&self) -> bool {
        self.store.is_shared()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::body::{Body, Spool};
    use crate::model::{Part, Scope};
    use crate::store::{Disk, Slot};

    fn target() -> Target {
        Target::new(Scope::Organization, "octo-org").unwrap()
    }

    fn document(second: i64, text: &str) -> Document {
        let body = Body::of(text.as_bytes()).unwrap();
        let part = Part { body, validator: None, next: None, day: None };
        let at = Timestamp::from_second(second).unwrap();
        Document { source: "plain /x".to_owned(), ..Document::new(vec![part], at, None) }
    }

    #[tokio::test]
    async fn what_was_confirmed_and_pending_is_still_there_after_a_restart() {
        let directory = tempfile::tempdir().unwrap();
        let key = Key::document(&target(), "seats", None, Slot::Good);
        let (good, pending) = (document(100, "good"), document(200, "pending"));
        let later = Timestamp::from_second(300).unwrap();
        {
            let store = Tiered::new(Disk::open(directory.path(), Spool::default()).unwrap());
            store.put(&key, &good).await.unwrap();
            store.confirm(&key, &good, later).await.unwrap();
            store.put(&key.in_slot(Slot::Pending), &pending).await.unwrap();
        }
        let store = Tiered::new(Disk::open(directory.path(), Spool::default()).unwrap());
        let loaded = store.get(&key).await.unwrap();
        assert_eq!(loaded, Some(Document { confirmed_at: later, ..good }));
        assert_eq!(store.get(&key.in_slot(Slot::Pending)).await.unwrap(), Some(pending));
    }
}
