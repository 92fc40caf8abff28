//! Metrics of the mappings in use and their files.

use prometheus::{Gauge, IntCounterVec, IntGauge};

use crate::model::metrics::{Registry, now_seconds};

/// Counts swaps. Clones share the metrics.
#[derive(Clone)]
pub struct Metrics {
    swaps: IntCounterVec,
    last_successful: IntGauge,
    last_success_time: Gauge,
    rollbacks: IntCounterVec,
    quarantined: IntGauge,
}

/// The result of a swap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Swap<'a> {
    /// A mapping was added, removed or rolled back.
    Success(&'static str),
    /// A file was refused, for this cause.
    Failure(&'a str),
}

impl Metrics {
    /// Registers the metrics.
    pub fn new(registry: &Registry) -> prometheus::Result<Self> {
        let metrics = Self {
            swaps: registry.counters(
                "copilot_exporter_mapping_swaps_total",
                "Number of changes of the mappings in use (result success, reason start, added, removed or rollback), and of files that were refused (result failure): by unreadable, size, digest, quarantined, component, import, world, version, compile, compile_time, compile_memory, describe, manifest, conflict, settings, or the cause of a failed dry run; of a mapping in an OCI registry also by artifact or signature.",
                &["result", "reason"],
            )?,
            last_successful: registry.int_gauge(
                "copilot_exporter_mapping_last_swap_successful",
                "1 if no file was refused when the mapping files last changed, else 0; the previous mappings then stay in use.",
            )?,
            last_success_time: registry.gauge(
                "copilot_exporter_mapping_last_swap_success_timestamp_seconds",
                "Time at which the mappings in use last changed, in seconds since 1970.",
            )?,
            rollbacks: registry.counters(
                "copilot_exporter_mapping_rollbacks_total",
                "Number of times a mapping failed repeatedly and was rolled back to its predecessor.",
                &["mapping"],
            )?,
            quarantined: registry.int_gauge(
                "copilot_exporter_mappings_quarantined",
                "Number of files whose mapping was rolled back; they are not tried again until they change.",
            )?,
        };
        // Initialized, so that an alert on its increase does not miss the first one.
        metrics.swaps.with_label_values(&["success", "rollback"]);
        Ok(metrics)
    }

    /// The mappings in use changed, or a file was refused.
    pub fn count_swap(&self, swap: Swap<'_>) {
        let labels = match swap {
            Swap::Success(reason) => ["success", reason],
            Swap::Failure(cause) => ["failure", cause],
        };
        self.swaps.with_label_values(&labels).inc();
    }

    /// Files changed: whether all of them are in use, and whether the mappings in use changed.
    pub fn set_last_swap(&self, successful: bool, changed: bool) {
        self.last_successful.set(successful.into());
        if changed {
            self.last_success_time.set(now_seconds());
        }
    }

    /// A mapping was rolled back.
    pub fn count_rollback(&self, mapping: &str) {
        self.rollbacks.with_label_values(&[mapping]).inc();
    }

    /// The number of quarantined files.
    pub fn set_quarantined(&self, files: usize) {
        self.quarantined.set(files as i64);
    }
}
