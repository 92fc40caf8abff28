//! Metrics of the sources of mappings.

use prometheus::{GaugeVec, IntCounterVec, IntGaugeVec};

use super::error::OciError;
use crate::config::ArtifactReference;
use crate::model::metrics::{Registry, now_seconds, remove_series};

/// Measures the checks of sources. Clones share the metrics.
#[derive(Clone)]
pub struct Metrics {
    up: IntGaugeVec,
    last_success: GaugeVec,
    info: IntGaugeVec,
    failures: IntCounterVec,
}

impl Metrics {
    /// Registers the metrics.
    pub fn new(registry: &Registry) -> prometheus::Result<Self> {
        Ok(Self {
            up: registry.int_gauges(
                "copilot_exporter_mapping_source_up",
                "1 if the last check of the OCI registry for the mapping succeeded, else 0; the mapping that was pulled before then stays in use.",
                &["source"],
            )?,
            last_success: registry.gauges(
                "copilot_exporter_mapping_source_last_success_timestamp_seconds",
                "Time of the last successful check of the OCI registry for the mapping, in seconds since 1970.",
                &["source"],
            )?,
            info: registry.int_gauges(
                "copilot_exporter_mapping_source_info",
                "Always 1; the label digest is that of the manifest that was pulled last.",
                &["source", "digest"],
            )?,
            failures: registry.counters(
                "copilot_exporter_mapping_source_failures_total",
                "Number of failed checks of the OCI registry for the mapping, by cause: unreachable, timeout, status, not_found, unauthorized, redirect, response, or, if the artifact was refused, size, digest, artifact, signature.",
                &["source", "cause"],
            )?,
        })
    }

    /// A check ended.
    pub(super) fn count_check(&self, reference: &ArtifactReference, result: Result<(), &OciError>) {
        let source = reference.to_string();
        self.up.with_label_values(&[&source]).set(result.is_ok().into());
        match result {
            Ok(()) => self.last_success.with_label_values(&[&source]).set(now_seconds()),
            Err(error) => self.failures.with_label_values(&[&*source, error.cause()]).inc(),
        }
    }

    /// What was pulled last.
    pub(super) fn set_digest(&self, reference: &ArtifactReference, digest: Option<&str>) {
        let source = reference.to_string();
        remove_series(&self.info, &[("source", &source)]);
        if let Some(digest) = digest {
            self.info.with_label_values(&[&*source, digest]).set(1);
        }
    }

    /// A source is no longer in use.
    pub(super) fn remove(&self, reference: &ArtifactReference) {
        let source = reference.to_string();
        let labels = [("source", source.as_str())];
        remove_series(&self.up, &labels);
        remove_series(&self.last_success, &labels);
        remove_series(&self.info, &labels);
        remove_series(&self.failures, &labels);
    }
}
