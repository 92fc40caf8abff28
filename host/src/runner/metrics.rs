//! Metrics of the runs of mappings.

use std::collections::HashSet;
use std::time::Duration;

use prometheus::{HistogramVec, IntCounterVec, IntGaugeVec};

use crate::model::Target;
use crate::model::metrics::{Registry, remove_series_if};

/// Measures runs. Clones share the metrics.
#[derive(Clone)]
pub struct Metrics {
    duration: HistogramVec,
    memory: IntGaugeVec,
    failures: IntCounterVec,
}

impl Metrics {
    /// Registers the metrics.
    pub fn new(registry: &Registry) -> prometheus::Result<Self> {
        Ok(Self {
            duration: registry.durations(
                "copilot_exporter_mapping_duration_seconds",
                "Duration of runs of the mapping over the documents of a target, including dry runs.",
                &["mapping"],
            )?,
            memory: registry.int_gauges(
                "copilot_exporter_mapping_memory_max_bytes",
                "Peak memory of an instance of the mapping since the mapping is in use.",
                &["mapping"],
            )?,
            failures: registry.counters(
                "copilot_exporter_mapping_failures_total",
                "Number of runs of the mapping without samples, by cause: malformed, refused, time, memory, panic, invalid_samples, read; or, if nothing else is affected, pictures (of the page) or daily (samples).",
                &["org", "scope", "mapping", "cause"],
            )?,
        })
    }

    /// A run ended.
    pub(super) fn observe(&self, mapping: &str, took: Duration) {
        self.duration.with_label_values(&[mapping]).observe(took.as_secs_f64());
    }

    /// A run needed this much memory.
    pub(super) fn observe_memory(&self, mapping: &str, bytes: usize) {
        let memory = self.memory.with_label_values(&[mapping]);
        memory.set(memory.get().max(bytes as i64));
    }

    /// A run returned no samples.
    pub(super) fn count_failure(&self, target: &Target, mapping: &str, cause: &str) {
        let [org, scope] = target.labels();
        self.failures.with_label_values(&[org, scope, mapping, cause]).inc();
    }

    /// Another mapping of this name is in use, whose dry runs needed this much memory.
    pub fn reset_memory(&self, mapping: &str, bytes: usize) {
        self.memory.with_label_values(&[mapping]).set(bytes as i64);
    }

    /// Removes the series of a target's other mappings.
    pub fn keep_of_target(&self, target: &Target, mappings: &[&str]) {
        let [org, scope] = target.labels();
        remove_series_if(&self.failures, |value| {
            value("org") == org && value("scope") == scope && !mappings.contains(&value("mapping"))
        });
    }

    /// Removes the series of mappings that no target uses.
    pub fn keep(&self, mappings: &HashSet<String>) {
        remove_series_if(&self.duration, |value| !mappings.contains(value("mapping")));
        remove_series_if(&self.memory, |value| !mappings.contains(value("mapping")));
    }
}
