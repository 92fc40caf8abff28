//! Reads and writes manifests, and grants leases.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use redis::{Cmd, FromRedisValue, Value, cmd};

use super::connection::Connection;
use super::failure::{Failure, FailureKind};
use super::health::{Health, Operation};
use super::keys::Keys;
use super::manifest::checksum;
use super::scripts;
use crate::config::ValkeySettings;

/// How long a chunk stays that no manifest names any more: a reader may still be loading it.
const UNREFERENCED: Duration = Duration::from_secs(600);
/// How long everything of a target stays that no replica exports any more.
const UNUSED: Duration = Duration::from_secs(30 * 24 * 3600);

/// A change of a manifest.
pub(super) struct Change<'a> {
    /// Its file name.
    pub(super) name: String,
    /// What is stored now.
    pub(super) present: Option<&'a [u8]>,
    /// What should be stored instead.
    pub(super) new: Option<&'a [u8]>,
    /// The chunks that it names.
    pub(super) chunks: &'a [String],
}

/// How a write ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Written {
    /// Everything has changed.
    Done,
    /// Another replica has had the lease since. Nothing has changed.
    Fenced,
    /// Someone else has changed a manifest or a chunk has expired. Nothing has changed.
    Conflict,
}

/// Sends commands about manifests and leases.
pub(super) struct Access {
    connection: Connection,
    health: Arc<Health>,
    server: String,
    /// Identifies the writes of this process.
    writer: String,
    writes: AtomicU64,
}

impl Access {
    /// `writer` identifies this process.
    pub(super) fn new(
        settings: &Arc<ValkeySettings>,
        health: &Arc<Health>,
        writer: String,
    ) -> Self {
        Self {
            connection: Connection::new(Arc::clone(settings), Arc::clone(health)),
            health: Arc::clone(health),
            server: settings.url.to_string(),
            writer,
            writes: AtomicU64::new(0),
        }
    }

    pub(super) async fn send<T: FromRedisValue>(
        &self,
        operation: Operation,
        command: &Cmd,
    ) -> Result<T, Failure> {
        let value: Value = self.connection.send(operation, command).await?;
        redis::from_redis_value(value).map_err(|error| {
            Failure::new(FailureKind::Other, &self.server, Some(error.to_string()))
        })
    }

    /// The names of all manifests.
    pub(super) async fn names(&self, keys: &Keys) -> Result<Vec<String>, Failure> {
        // Other names are those of other programs.
        let names: Vec<Vec<u8>> =
            self.send(Operation::Read, cmd("HKEYS").arg(keys.documents())).await?;
        Ok(names.into_iter().filter_map(|name| String::from_utf8(name).ok()).collect())
    }

    /// A manifest.
    pub(super) async fn manifest(
        &self,
        keys: &Keys,
        name: &str,
    ) -> Result<Option<Vec<u8>>, Failure> {
        let command = cmd("HGET").arg(keys.documents()).arg(name).to_owned();
        let manifest: Option<Vec<u8>> = self.send(Operation::Read, &command).await?;
        self.health.metrics().count_received(manifest.as_ref().map_or(0, Vec::len));
        Ok(manifest)
    }

    /// Changes manifests, all or none. Chunks that none names any more expire.
    pub(super) async fn write(
        &self,
        keys: &Keys,
        fence: Option<u64>,
        changes: &[Change<'_>],
    ) -> Result<Written, Failure> {
        let only_removes = changes.iter().all(|change| change.new.is_none());
        let number = self.writes.fetch_add(1, Ordering::Relaxed);
        let mut command = cmd("EVAL");
        command.arg(scripts::write(only_removes));
        with_keys(&mut command, keys);
        command.arg(fence.map(|fence| fence.to_string()).unwrap_or_default());
        command.arg(keys.chunks());
        command.arg(milliseconds(UNREFERENCED)).arg(milliseconds(UNUSED));
        command.arg(format!("{}-{number}", self.writer)).arg(changes.len());
        for change in changes {
            command.arg(&change.name);
            command.arg(change.present.map(checksum).unwrap_or_default());
            command.arg(change.new.unwrap_or_default());
            command.arg(change.chunks.len()).arg(change.chunks);
        }
        let written: String = self.send(Operation::Write, &command).await?;
        let sent = changes.iter().filter_map(|change| change.new).map(<[u8]>::len).sum();
        self.health.metrics().count_sent(sent);
        Ok(match written.as_str() {
            "done" => Written::Done,
            "fenced" => Written::Fenced,
            _ => Written::Conflict,
        })
    }

    /// Grants or renews a lease. Returns its fencing token, unless another holder has the lease.
    pub(super) async fn lease(
        &self,
        keys: &Keys,
        holder: &str,
        ttl: Duration,
    ) -> Result<Option<u64>, Failure> {
        let mut command = cmd("EVAL");
        command.arg(scripts::LEASE).arg(2).arg(keys.lease()).arg(keys.fence());
        command.arg(holder).arg(milliseconds(ttl)).arg(milliseconds(UNUSED));
        let fence: u64 = self.send(Operation::Lease, &command).await?;
        Ok((fence > 0).then_some(fence))
    }

    /// Ends a lease.
    pub(super) async fn end_lease(&self, keys: &Keys, holder: &str) -> Result<(), Failure> {
        let mut command = cmd("EVAL");
        command.arg(scripts::RELEASE).arg(1).arg(keys.lease()).arg(holder);
        self.send::<u64>(Operation::Lease, &command).await.map(drop)
    }

    /// Notes that a process of a group exists for a while. Returns how many do.
    pub(super) async fn replicas(
        &self,
        prefix: &str,
        group: &str,
        holder: &str,
        ttl: Duration,
    ) -> Result<usize, Failure> {
        let mut command = cmd("EVAL");
        command.arg(scripts::REPLICAS).arg(1).arg(replicas(prefix, group));
        command.arg(holder).arg(milliseconds(ttl));
        self.send(Operation::Lease, &command).await
    }

    /// Notes that a process does not exist any more.
    pub(super) async fn leave(
        &self,
        prefix: &str,
        group: &str,
        holder: &str,
    ) -> Result<(), Failure> {
        let mut command = cmd("ZREM");
        command.arg(replicas(prefix, group)).arg(holder);
        self.send::<u64>(Operation::Lease, &command).await.map(drop)
    }

    /// Lets everything of a target expire later.
    pub(super) async fn renew(&self, keys: &Keys) -> Result<(), Failure> {
        let mut command = cmd("EVAL");
        command.arg(scripts::RENEW);
        with_keys(&mut command, keys);
        command.arg(keys.chunks()).arg(milliseconds(UNUSED));
        self.send::<u64>(Operation::Lease, &command).await.map(drop)
    }

    /// A text that changes with each write.
    pub(super) async fn version(&self, keys: &Keys) -> Result<Option<String>, Failure> {
        self.send(Operation::Lease, cmd("GET").arg(keys.version())).await
    }
}

/// Adds the keys of a target that its documents are in, after the token that protects them.
fn with_keys(command: &mut Cmd, keys: &Keys) {
    let names =
        [keys.fence(), keys.documents(), keys.contents(), keys.references(), keys.version()];
    command.arg(names.len()).arg(&names);
}

/// The key of the processes of a group that exist: a sorted set by the time that they last said so.
fn replicas(prefix: &str, group: &str) -> String {
    format!("{prefix}replicas:{group}")
}

fn milliseconds(duration: Duration) -> String {
    duration.as_millis().to_string()
}
