//! The refresh of a target: fetch the documents that are due, map all there are, publish the samples.
//!
//! It runs on a timer, one [`Refresh`] a target, and never because of a scrape. `schedule` says
//! which documents are due, `mapping` leaves out what can't be mapped. Whatever fails, the
//! documents and samples of before stay.

mod mapping;
mod schedule;
mod target;

pub use target::Refresh;

use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::cache::Cache;
use crate::plugin::Mapping;
use crate::publisher::Publisher;
use crate::telemetry::Telemetry;

/// How many mappings run at once. Each takes a core, and up to the limit of its memory.
const CONCURRENT_RUNS: usize = 2;

/// What the refreshes of all targets share.
pub struct Shared {
    /// The mapping in use.
    pub mapping: Arc<Mapping>,
    /// Keeps documents.
    pub cache: Arc<Cache>,
    /// Serves samples.
    pub publisher: Arc<Publisher>,
    /// Counts.
    pub telemetry: Arc<Telemetry>,
    runs: Arc<Semaphore>,
}

impl Shared {
    /// Puts it together.
    pub fn new(
        mapping: Arc<Mapping>,
        cache: Arc<Cache>,
        publisher: Arc<Publisher>,
        telemetry: Arc<Telemetry>,
    ) -> Self {
        let runs = Arc::new(Semaphore::new(CONCURRENT_RUNS));
        Self { mapping, cache, publisher, telemetry, runs }
    }
}
