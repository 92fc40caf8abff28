//! The store in memory.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::{BoxFuture, ready};
use jiff::Timestamp;
use tokio::time::Instant;

use super::error::StoreError;
use super::interface::{Put, Store, is_newer};
use super::key::{Key, Slot};
use super::lease::{Lease, Leases};
use crate::model::{Document, Target};

/// Keeps documents for as long as the process runs.
#[derive(Default)]
pub struct Memory {
    documents: Mutex<HashMap<Key, Document>>,
    leases: Mutex<Leases>,
}

impl Memory {
    fn documents(&self) -> MutexGuard<'_, HashMap<Key, Document>> {
        self.documents.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether it has the same document of a later day.
    pub(super) fn has_newer_day(&self, key: &Key) -> bool {
        self.documents().keys().any(|other| other.is_other_day_of(key) && other.day > key.day)
    }

    /// Removes the same document of earlier days.
    pub(super) fn remove_older_days(&self, key: &Key) {
        self.documents().retain(|other, _| !(other.is_other_day_of(key) && other.day < key.day));
    }
}

impl Store for Memory {
    fn get<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Option<Document>, StoreError>> {
        Box::pin(ready(Ok(self.documents().get(key).cloned())))
    }

    fn put<'a>(
        &'a self,
        key: &'a Key,
        document: &'a Document,
    ) -> BoxFuture<'a, Result<Put, StoreError>> {
        let mut documents = self.documents();
        let put = match documents.get(key) {
            Some(stored) if !is_newer(document, stored) => Put::Superseded,
            _ => {
                documents.insert(key.clone(), document.clone());
                Put::Stored
            }
        };
        Box::pin(ready(Ok(put)))
    }

    fn confirm<'a>(
        &'a self,
        key: &'a Key,
        document: &'a Document,
        at: Timestamp,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        if let Some(stored) = self.documents().get_mut(key)
            && stored.has_content_of(document)
        {
            stored.confirmed_at = stored.confirmed_at.max(at);
        }
        Box::pin(ready(Ok(())))
    }

    fn accept<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<(), StoreError>> {
        let mut documents = self.documents();
        if let Some(document) = documents.remove(&key.in_slot(Slot::Pending)) {
            documents.insert(key.in_slot(Slot::Good), document);
        }
        Box::pin(ready(Ok(())))
    }

    fn remove<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<(), StoreError>> {
        self.documents().remove(key);
        Box::pin(ready(Ok(())))
    }

    fn list<'a>(&'a self, target: &'a Target) -> BoxFuture<'a, Result<Vec<Key>, StoreError>> {
        let keys = self.documents().keys().filter(|key| key.target == *target).cloned().collect();
        Box::pin(ready(Ok(keys)))
    }

    fn lease<'a>(
        &'a self,
        target: &'a Target,
        holder: &'a str,
        ttl: Duration,
    ) -> BoxFuture<'a, Result<Option<Lease>, StoreError>> {
        let mut leases = self.leases.lock().unwrap_or_else(PoisonError::into_inner);
        Box::pin(ready(Ok(leases.acquire(target, holder, ttl, Instant::now()))))
    }

    fn end_lease<'a>(
        &'a self,
        target: &'a Target,
        holder: &'a str,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        self.leases.lock().unwrap_or_else(PoisonError::into_inner).end(target, holder);
        Box::pin(ready(Ok(())))
    }

    fn release(&self, target: &Target) {
        self.documents().retain(|key, _| key.target != *target);
    }

    fn is_durable(&self) -> bool {
        false
    }

    fn is_shared(&self) -> bool {
        false
    }
}
