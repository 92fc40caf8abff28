//! Metrics about requests to GitHub.

use std::time::Duration;

use prometheus::{HistogramVec, IntCounter, IntCounterVec, IntGaugeVec};

use super::rate_limit::{Labels, Reading};
use crate::model::metrics::{Registry, remove_series_if};

/// The labels of a credential's metrics.
const CREDENTIAL: [&str; 3] = ["credential", "api", "installation"];

/// Counts requests and exports the rate limits. Clones share the metrics.
#[derive(Clone)]
pub struct Metrics {
    requests: IntCounter,
    requests_total: IntCounter,
    failures: IntCounterVec,
    retries: IntCounterVec,
    duration: HistogramVec,
    limit: IntGaugeVec,
    remaining: IntGaugeVec,
    reset: IntGaugeVec,
}

impl Metrics {
    /// Registers the metrics.
    pub fn new(registry: &Registry) -> prometheus::Result<Self> {
        let metrics = Self {
            requests: registry.counter(
                "copilot_exporter_github_api_requests",
                "Number of requests sent to GitHub, including downloads of report files.",
            )?,
            requests_total: registry.counter(
                "copilot_exporter_github_api_requests_total",
                "Same as copilot_exporter_github_api_requests, under the name that dashboards use.",
            )?,
            failures: registry.counters(
                "copilot_exporter_requests_failed_total",
                "Number of failed requests to GitHub, by HTTP status or cause (env_missing, request_exception, invalid_answer, credential, rate_limit).",
                &["status_code"],
            )?,
            retries: registry.counters(
                "copilot_exporter_github_retries_total",
                "Number of requests to GitHub that were retried, by the cause of the failure.",
                &["cause"],
            )?,
            duration: registry.durations(
                "copilot_exporter_github_request_duration_seconds",
                "Duration of requests to GitHub until the whole response is read: of the API (kind api) or of a report file (kind download).",
                &["kind"],
            )?,
            limit: registry.int_gauges(
                "copilot_exporter_rate_limit",
                "Number of requests that GitHub allows per hour, as of its last response.",
                &CREDENTIAL,
            )?,
            remaining: registry.int_gauges(
                "copilot_exporter_rate_limit_remaining",
                "Number of requests that GitHub still allows until the reset, as of its last response.",
                &CREDENTIAL,
            )?,
            reset: registry.int_gauges(
                "copilot_exporter_rate_limit_reset_timestamp_seconds",
                "Time at which GitHub resets the rate limit, in seconds since 1970.",
                &CREDENTIAL,
            )?,
        };
        // Initialized, so that an alert on its increase does not miss the first one.
        metrics.failures.with_label_values(&["env_missing"]);
        Ok(metrics)
    }

    /// Counts a request that is sent.
    pub(super) fn count_request(&self) {
        self.requests.inc();
        self.requests_total.inc();
    }

    /// Counts a request that failed or could not be sent.
    pub fn count_failure(&self, status_code: &str) {
        self.failures.with_label_values(&[status_code]).inc();
    }

    /// Counts a retry.
    pub(super) fn count_retry(&self, cause: &str) {
        self.retries.with_label_values(&[cause]).inc();
    }

    /// Records the duration of a request to the API or of a download.
    pub(super) fn observe_request(&self, is_api: bool, took: Duration) {
        let kind = if is_api { "api" } else { "download" };
        self.duration.with_label_values(&[kind]).observe(took.as_secs_f64());
    }

    /// Sets what GitHub reports about a credential's rate limit.
    /// <https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#checking-the-status-of-your-rate-limit>
    pub(super) fn set_rate_limit(&self, labels: &Labels, reading: Reading) {
        let labels = [&*labels.credential, &*labels.api, &*labels.installation];
        for (gauge, value) in [
            (&self.limit, reading.limit),
            (&self.remaining, reading.remaining),
            (&self.reset, reading.reset),
        ] {
            if let Some(value) = value {
                gauge.with_label_values(&labels).set(value);
            }
        }
    }

    /// Removes the rate limits of credentials that are no longer in use.
    pub(super) fn keep_credentials(&self, in_use: &[(String, String)]) {
        for gauge in [&self.limit, &self.remaining, &self.reset] {
            remove_series_if(gauge, |value| {
                let (credential, api) = (value("credential"), value("api"));
                !in_use.iter().any(|(name, host)| name == credential && host == api)
            });
        }
    }
}
