//! The refresh of a target: fetch the documents that are due, map all there are, publish the samples.
//!
//! It runs on a timer, one [`Refresh`] a target, and never because of a scrape. `schedule` says
//! which documents are due, `mapping` leaves out what can't be mapped, `publish` shows and keeps the
//! rest, `report` says how it went. Whatever fails, the documents and samples of before stay.

mod mapping;
mod publish;
mod report;
mod schedule;
mod target;

pub(crate) use mapping::{Feeding, MAX_RUNS};
pub use target::Refresh;

use std::sync::Arc;

use tokio::sync::{RwLock, Semaphore, mpsc};
use tokio_util::task::TaskTracker;
use tracing::warn;

use crate::store::{Cache, Documents, StoreError, fingerprint};
use crate::mappings::Member;
use crate::runner::pipeline::Mapped;
use crate::output::publisher::Publisher;
use crate::config::{MappingSource, TargetSettings};
use crate::model::Target;
use crate::telemetry::Telemetry;

/// How many mappings run at once. Each takes a core, and up to the limit of its memory.
const CONCURRENT_RUNS: usize = 2;

/// A mapping trapped, or made what can't be served.
#[derive(Debug)]
pub struct Misbehaved {
    /// Where it is from.
    pub source: MappingSource,
    /// Which it is.
    pub sha256: String,
    /// How often in a row, for one target.
    pub times: u32,
}

/// What the refreshes of all targets share.
pub struct Shared {
    /// Keeps documents.
    pub cache: Arc<Cache>,
    /// Serves samples.
    pub publisher: Arc<Publisher>,
    /// Counts.
    pub telemetry: Arc<Telemetry>,
    /// Held from the choice of the mappings to the publication of their samples; by a swap alone.
    pub(crate) swapping: RwLock<()>,
    misbehaved: mpsc::UnboundedSender<Misbehaved>,
    runs: Arc<Semaphore>,
}

impl Shared {
    /// Puts it together. What comes out of the receiver are mappings that did what they may not.
    pub fn new(
        cache: Arc<Cache>,
        publisher: Arc<Publisher>,
        telemetry: Arc<Telemetry>,
    ) -> (Self, mpsc::UnboundedReceiver<Misbehaved>) {
        let runs = Arc::new(Semaphore::new(CONCURRENT_RUNS));
        let (misbehaved, receiver) = mpsc::unbounded_channel();
        let swapping = RwLock::default();
        (Self { cache, publisher, telemetry, swapping, misbehaved, runs }, receiver)
    }

    /// Says that the cache's folder failed.
    pub(crate) fn count_store_error(&self, target: &Target, operation: &str, error: &StoreError) {
        self.telemetry.count_store_failure(operation, error.cause());
        warn!(%target, operation, %error, "the cache's folder failed; memory has what there is");
    }

    /// What a mapping made of the same documents before, if it is kept.
    pub(crate) async fn stored(
        self: &Arc<Self>,
        settings: &TargetSettings,
        blocking: &TaskTracker,
        member: &Member,
        documents: &Documents,
    ) -> Result<Option<Mapped>, StoreError> {
        let (shared, target) = (Arc::clone(self), settings.target.clone());
        let (name, fingerprint) =
            (member.name().to_owned(), fingerprint(member, settings, documents));
        let loaded =
            blocking.spawn_blocking(move || shared.cache.load_samples(&target, &name)).await;
        let samples = loaded.unwrap_or(Ok(None))?;
        Ok(samples.and_then(|samples| samples.into_mapped(&fingerprint)))
    }
}
