//! Metrics of Valkey.

use std::time::Duration;

use prometheus::{HistogramVec, IntCounterVec, IntGaugeVec};

use super::failure::FailureKind;
use crate::model::metrics::Registry;

/// Measures requests to Valkey. Clones share the metrics.
#[derive(Clone)]
pub struct ValkeyMetrics {
    up: IntGaugeVec,
    duration: HistogramVec,
    failures: IntCounterVec,
    bytes: IntCounterVec,
}

impl ValkeyMetrics {
    /// Registers the metrics. They have no series unless Valkey is used.
    pub fn new(registry: &Registry) -> prometheus::Result<Self> {
        Ok(Self {
            up: registry.int_gauges(
                "copilot_exporter_valkey_up",
                "1 if the last request to Valkey got a response, else 0. Only with a shared store.",
                &[],
            )?,
            duration: registry.durations(
                "copilot_exporter_valkey_request_duration_seconds",
                "Duration of requests to Valkey, by operation: read, write, lease, chunk (of a document's body).",
                &["operation"],
            )?,
            failures: registry.counters(
                "copilot_exporter_valkey_failures_total",
                "Number of requests to Valkey that failed, by kind: refused, timeout, network, certificate, password, permission, out_of_memory, read_only, not_persistent, loading, cluster_down, topology, no_primary, setting, other.",
                &["kind"],
            )?,
            bytes: registry.counters(
                "copilot_exporter_valkey_bytes_total",
                "Bytes of documents and samples sent to and received from Valkey, by direction: sent, received.",
                &["direction"],
            )?,
        })
    }

    /// Initializes the series, because Valkey is used: an alert on their increase does not miss the first
    /// failure.
    pub(super) fn start(&self) {
        self.set_up(false);
        for kind in FailureKind::ALL {
            self.failures.with_label_values(&[kind.label()]);
        }
        for direction in ["sent", "received"] {
            self.bytes.with_label_values(&[direction]);
        }
    }

    pub(super) fn set_up(&self, up: bool) {
        self.up.with_label_values::<&str>(&[]).set(up.into());
    }

    pub(super) fn observe(&self, operation: &str, took: Duration) {
        self.duration.with_label_values(&[operation]).observe(took.as_secs_f64());
    }

    pub(super) fn count_failure(&self, kind: FailureKind) {
        self.failures.with_label_values(&[kind.label()]).inc();
    }

    pub(super) fn count_sent(&self, bytes: usize) {
        self.bytes.with_label_values(&["sent"]).inc_by(bytes as u64);
    }

    pub(super) fn count_received(&self, bytes: usize) {
        self.bytes.with_label_values(&["received"]).inc_by(bytes as u64);
    }
}
