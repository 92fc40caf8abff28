//! Metrics about requests to endpoints for remote write.

use std::time::Duration;

use prometheus::{HistogramVec, IntCounterVec};

use crate::model::metrics::{Registry, remove_series_if};

/// Counts requests and samples. Clones share the metrics.
#[derive(Clone)]
pub struct Metrics {
    samples: IntCounterVec,
    requests: IntCounterVec,
    duration: HistogramVec,
}

impl Metrics {
    /// Registers the metrics.
    pub fn new(registry: &Registry) -> prometheus::Result<Self> {
        Ok(Self {
            samples: registry.counters(
                "copilot_exporter_remote_write_samples_total",
                "Number of samples in write requests that the endpoint accepted.",
                &["endpoint"],
            )?,
            requests: registry.counters(
                "copilot_exporter_remote_write_requests_total",
                "Number of write requests sent to the endpoint, including retries, by HTTP status, or request_exception if there was no complete response.",
                &["endpoint", "code"],
            )?,
            duration: registry.durations(
                "copilot_exporter_remote_write_request_duration_seconds",
                "Duration of write requests to the endpoint until the whole response is read.",
                &["endpoint"],
            )?,
        })
    }

    /// Creates the counter of an endpoint, so that an alert on its increase does not miss the first one.
    pub(super) fn initialize(&self, endpoint: &str) {
        self.samples.with_label_values(&[endpoint]);
    }

    /// Counts the samples of a request that was accepted.
    pub(super) fn count_samples(&self, endpoint: &str, samples: usize) {
        self.samples.with_label_values(&[endpoint]).inc_by(samples as u64);
    }

    /// Counts a request. Without a status, there was no complete response.
    pub(super) fn observe_request(&self, endpoint: &str, status: Option<u16>, took: Duration) {
        let code = status.map_or_else(|| "request_exception".to_owned(), |code| code.to_string());
        self.requests.with_label_values(&[endpoint, &code]).inc();
        self.duration.with_label_values(&[endpoint]).observe(took.as_secs_f64());
    }

    /// Removes the series of all other endpoints.
    pub fn keep_endpoints(&self, in_use: &[&str]) {
        let is_obsolete = |endpoint: &str| !in_use.contains(&endpoint);
        remove_series_if(&self.samples, |value| is_obsolete(value("endpoint")));
        remove_series_if(&self.requests, |value| is_obsolete(value("endpoint")));
        remove_series_if(&self.duration, |value| is_obsolete(value("endpoint")));
    }
}
