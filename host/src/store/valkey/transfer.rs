//! Moves the chunks of documents, on a connection of their own: a large body must not hold up a lease.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use redis::{Value, cmd};
use tokio::sync::Semaphore;

use super::chunks::{CHUNK_BYTES, Chunks, Joiner};
use super::connection::Connection;
use super::failure::{Failure, FailureKind};
use super::health::{Health, Operation};
use super::keys::Keys;
use super::manifest::Manifest;
use crate::body::{Body, Spool};
use crate::config::ValkeySettings;
use crate::model::Document;
use crate::store::error::StoreError;

/// How long a chunk stays if nothing comes to name it.
const UNFINISHED: Duration = Duration::from_secs(3600);
/// How many documents are moved at once. Each takes a few times the size of a chunk.
const CONCURRENT: usize = 1;

/// Moves chunks.
pub(super) struct Transfer {
    connection: Connection,
    health: Arc<Health>,
    server: String,
    spool: Spool,
    turns: Semaphore,
}

impl Transfer {
    /// Bodies that are loaded go where `spool` has room.
    pub(super) fn new(settings: &Arc<ValkeySettings>, health: &Arc<Health>, spool: Spool) -> Self {
        Self {
            connection: Connection::new(Arc::clone(settings), Arc::clone(health)),
            health: Arc::clone(health),
            server: settings.url.to_string(),
            spool,
            turns: Semaphore::new(CONCURRENT),
        }
    }

    /// Stores the chunks of a document that are not stored yet. Returns the SHA-256 of each.
    pub(super) async fn save(
        &self,
        keys: &Keys,
        document: &Document,
    ) -> Result<Vec<String>, StoreError> {
        // It is never closed.
        let _turn = self.turns.acquire().await;
        let mut chunks = Chunks::new(document, CHUNK_BYTES);
        let mut names = Vec::new();
        loop {
            let next = blocking(keys, move || chunks.next().map(|chunk| (chunk, chunks))).await?;
            let (Some(chunk), rest) = next else { return Ok(names) };
            chunks = rest;
            let key = keys.chunk(&chunk.sha256);
            let mut exists = cmd("EXISTS");
            exists.arg(&key);
            let exists = self.connection.send(Operation::Read, &exists).await?;
            if exists != Value::Int(1) {
                let mut set = cmd("SET");
                set.arg(&key).arg(&chunk.bytes).arg("PX").arg(UNFINISHED.as_millis().to_string());
                let sent = chunk.bytes.len();
                drop(chunk.bytes);
                self.connection.send(Operation::SaveChunk, &set).await?;
                self.health.metrics().count_sent(sent);
            }
            names.push(chunk.sha256);
        }
    }

    /// Loads the bodies of a document. `None`: a chunk is missing or has been changed.
    pub(super) async fn load(
        &self,
        keys: &Keys,
        manifest: &Manifest,
    ) -> Result<Option<Vec<Body>>, StoreError> {
        let _turn = self.turns.acquire().await;
        let mut joiner = Joiner::new(&manifest.head.parts, &self.spool);
        for sha256 in &manifest.chunks {
            let (key, mut get) = (keys.chunk(sha256), cmd("GET"));
            get.arg(&key);
            let bytes = match self.connection.send(Operation::LoadChunk, &get).await? {
                Value::BulkString(bytes) => bytes,
                Value::Nil => return Ok(None),
                _ => {
                    let detail = Some("a chunk is not a string".to_owned());
                    return Err(Failure::new(FailureKind::Other, &self.server, detail).into());
                }
            };
            self.health.metrics().count_received(bytes.len());
            let sha256 = sha256.clone();
            let joined = blocking(keys, move || match joiner.add(&sha256, &bytes) {
                Ok(()) => Ok(Some(joiner)),
                Err(error) if error.kind() == io::ErrorKind::InvalidData => Ok(None),
                Err(error) => Err(error),
            });
            match joined.await? {
                Some(rest) => joiner = rest,
                None => {
                    // Else it would be taken for the right one when the document is stored again.
                    let mut remove = cmd("DEL");
                    remove.arg(key);
                    self.connection.send(Operation::Write, &remove).await?;
                    return Ok(None);
                }
            }
        }
        Ok(joiner.finish().ok())
    }
}

/// Does something on a thread for blocking work.
async fn blocking<T: Send + 'static>(
    keys: &Keys,
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, StoreError> {
    let done = tokio::task::spawn_blocking(work).await;
    let done = done.unwrap_or_else(|error| Err(io::Error::other(error)));
    done.map_err(|error| StoreError::Io { place: keys.name().to_owned(), error })
}
