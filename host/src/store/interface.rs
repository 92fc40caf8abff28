//! What a store does.

use std::future::ready;
use std::time::Duration;

use futures_util::future::BoxFuture;
use jiff::Timestamp;

use super::error::StoreError;
use super::key::Key;
use super::lease::Lease;
use crate::model::{Document, Target};

/// What happened to a document that was put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Put {
    /// It is stored.
    Stored,
    /// A newer one is stored already, and stays.
    Superseded,
}

/// Keeps documents. Many may use it at once, in any order.
///
/// - A document is stored as a whole or not at all: [`Store::get`] returns only what [`Store::put`]
///   was given, whatever happened in between.
/// - The newer of two documents wins, by [`Document::fetched_at`], then [`Document::confirmed_at`]:
///   a slow writer can't replace it. One with a time in the future loses.
/// - Bodies are shared, not copied, and read as streams.
pub trait Store: Send + Sync {
    /// The document, if it is stored.
    fn get<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Option<Document>, StoreError>>;

    /// Stores a document, unless a newer one is stored.
    fn put<'a>(
        &'a self,
        key: &'a Key,
        document: &'a Document,
    ) -> BoxFuture<'a, Result<Put, StoreError>>;

    /// Notes that GitHub confirmed the stored document, without writing its bodies again.
    fn confirm<'a>(
        &'a self,
        key: &'a Key,
        document: &'a Document,
        at: Timestamp,
    ) -> BoxFuture<'a, Result<(), StoreError>>;

    /// Moves a pending document to the slot for good ones.
    fn accept<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<(), StoreError>>;

    /// Removes a document.
    fn remove<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<(), StoreError>>;

    /// The keys of everything that is stored for a target.
    fn list<'a>(&'a self, target: &'a Target) -> BoxFuture<'a, Result<Vec<Key>, StoreError>>;

    /// Grants or renews the right to fetch for a target. `None`: another holder has it.
    fn lease<'a>(
        &'a self,
        target: &'a Target,
        holder: &'a str,
        ttl: Duration,
    ) -> BoxFuture<'a, Result<Option<Lease>, StoreError>>;

    /// Ends a lease, so that another holder need not wait until it expires.
    fn end_lease<'a>(
        &'a self,
        target: &'a Target,
        holder: &'a str,
    ) -> BoxFuture<'a, Result<(), StoreError>>;

    /// Leaves a note for other processes for as long as `ttl`, instead of the one of the same name. It is for
    /// something small that may be lost at any time. Without other processes, it does nothing.
    fn leave_note<'a>(
        &'a self,
        _name: &'a str,
        _text: &'a str,
        _ttl: Duration,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(ready(Ok(())))
    }

    /// The note of a name that any process has left, unless it has expired.
    fn note<'a>(&'a self, _name: &'a str) -> BoxFuture<'a, Result<Option<String>, StoreError>> {
        Box::pin(ready(Ok(None)))
    }

    /// A text that changes with everything that any process stores for a target. `None`: nothing is
    /// stored, or no other process uses the store.
    fn version<'a>(
        &'a self,
        _target: &'a Target,
    ) -> BoxFuture<'a, Result<Option<String>, StoreError>> {
        Box::pin(ready(Ok(None)))
    }

    /// The document as it is stored now, whoever stored it. If its content is that of `known`, its bodies
    /// are not loaded.
    fn get_shared<'a>(
        &'a self,
        key: &'a Key,
        _known: Option<&'a Document>,
    ) -> BoxFuture<'a, Result<Option<Document>, StoreError>> {
        self.get(key)
    }

    /// The keys of what all processes share of a target, whatever this one has besides.
    fn list_shared<'a>(
        &'a self,
        _target: &'a Target,
    ) -> BoxFuture<'a, Result<Vec<Key>, StoreError>> {
        Box::pin(ready(Ok(Vec::new())))
    }

    /// Notes that a process of a group, as (group, holder), uses the store for as long as `ttl`. Returns how
    /// many of the group do. From then on, the process does not replace what the holder of a lease has
    /// stored, unless it has been granted that lease itself since.
    fn replicas<'a>(
        &'a self,
        _member: (&'a str, &'a str),
        _ttl: Duration,
    ) -> BoxFuture<'a, Result<usize, StoreError>> {
        Box::pin(ready(Ok(1)))
    }

    /// Notes that a process of a group, as (group, holder), does not use the store any more.
    fn leave<'a>(&'a self, _member: (&'a str, &'a str)) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(ready(Ok(())))
    }

    /// Frees the memory that a target takes. What is on disk stays.
    fn release(&self, target: &Target);

    /// Whether what is stored is still there when the process starts again.
    fn is_durable(&self) -> bool;

    /// Whether other processes use the store too.
    fn is_shared(&self) -> bool;
}

/// Whether a document replaces another one.
pub(super) fn is_newer(document: &Document, stored: &Document) -> bool {
    // One of the future was stored while a clock was wrong. It must not stay until that day comes.
    let is_possible = |document: &Document| !document.is_of_the_future(Timestamp::now());
    (document.fetched_at, document.confirmed_at) >= (stored.fetched_at, stored.confirmed_at)
        || is_possible(document) && !is_possible(stored)
}
