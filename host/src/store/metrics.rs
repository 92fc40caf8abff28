//! Metrics of the store.

use prometheus::IntCounterVec;

use super::error::StoreError;
use crate::model::metrics::Registry;

/// Counts failures of the store. Clones share the metrics.
#[derive(Clone)]
pub struct Metrics {
    failures: IntCounterVec,
}

impl Metrics {
    /// Registers the metrics.
    pub fn new(registry: &Registry) -> prometheus::Result<Self> {
        let failures = registry.counters(
            "copilot_exporter_cache_store_failures_total",
            "Number of documents and compiled mappings that could not be loaded from or saved to CACHE_DIR or Valkey, by cause: corrupt (the file was set aside), no_space, permission, io, server (Valkey failed), fenced (another replica has taken over).",
            &["operation", "cause"],
        )?;
        // Initialized, so that an alert on their increase does not miss the first one.
        for cause in ["corrupt", "no_space", "permission", "io"] {
            let operation = if cause == "corrupt" { "load" } else { "save" };
            failures.with_label_values(&[operation, cause]);
        }
        Ok(Self { failures })
    }

    /// An operation (`load` or `save`) failed.
    pub fn count_failure(&self, operation: &str, error: &StoreError) {
        self.failures.with_label_values(&[operation, error.cause()]).inc();
    }
}
