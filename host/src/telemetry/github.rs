//! Metrics of the requests to GitHub.

use std::time::Duration;

use prometheus::{HistogramVec, IntCounter, IntCounterVec, IntGaugeVec};

use super::register::Maker;
use crate::github::{Labels, Reading};

/// The labels of a credential's metrics.
const CREDENTIAL: [&str; 3] = ["credential", "api", "installation"];

/// Counts requests, and shows the rate limits.
pub struct GithubMetrics {
    requests: IntCounter,
    requests_total: IntCounter,
    retries: IntCounterVec,
    duration: HistogramVec,
    limit: IntGaugeVec,
    remaining: IntGaugeVec,
    reset: IntGaugeVec,
}

impl GithubMetrics {
    pub(super) fn new(make: &Maker) -> prometheus::Result<Self> {
        Ok(Self {
            requests: make.counter(
                "copilot_exporter_github_api_requests",
                "Requests sent to GitHub, downloads of report files included.",
            )?,
            requests_total: make.counter(
                "copilot_exporter_github_api_requests_total",
                "The same number under the name that dashboards use.",
            )?,
            retries: make.counters(
                "copilot_exporter_github_retries_total",
                "Requests to GitHub that were sent again, by the cause of the failure before.",
                &["cause"],
            )?,
            duration: make.histograms(
                "copilot_exporter_github_request_duration_seconds",
                "The time of a request to GitHub, its whole answer included: of the API, or of a report's file (kind download).",
                &["kind"],
            )?,
            limit: make.int_gauges(
                "copilot_exporter_rate_limit",
                "Requests that GitHub allows in an hour, as of its last answer.",
                &CREDENTIAL,
            )?,
            remaining: make.int_gauges(
                "copilot_exporter_rate_limit_remaining",
                "Requests that GitHub still allows until the reset, as of its last answer.",
                &CREDENTIAL,
            )?,
            reset: make.int_gauges(
                "copilot_exporter_rate_limit_reset_timestamp_seconds",
                "When GitHub allows all requests again, in seconds since 1970.",
                &CREDENTIAL,
            )?,
        })
    }

    /// A request is sent.
    pub fn count_request(&self) {
        self.requests.inc();
        self.requests_total.inc();
    }

    /// A request is to be sent again.
    pub fn count_retry(&self, cause: &str) {
        self.retries.with_label_values(&[cause]).inc();
    }

    /// A request ended: one of the API, or a download.
    pub fn observe_request(&self, of_api: bool, took: Duration) {
        let kind = if of_api { "api" } else { "download" };
        self.duration.with_label_values(&[kind]).observe(took.as_secs_f64());
    }

    /// What GitHub says of a credential's limit.
    /// <https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#checking-the-status-of-your-rate-limit>
    pub fn set_rate_limit(&self, labels: &Labels, reading: Reading) {
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
}
