//! Metrics of refreshes and of the settings.

use std::collections::BTreeMap;
use std::time::Duration;

use prometheus::{Gauge, GaugeVec, HistogramVec, IntCounterVec, IntGauge, IntGaugeVec};
use url::Url;

use super::budget::LimitKey;
use crate::model::Target;
use crate::model::metrics::{Registry, TARGET, now_seconds, remove_series, remove_series_if};

/// Measures refreshes. Clones share the metrics.
#[derive(Clone)]
pub struct Metrics {
    up: IntGaugeVec,
    leader: IntGaugeVec,
    document_failures: IntCounterVec,
    last_attempt: GaugeVec,
    duration: HistogramVec,
    planned: GaugeVec,
    reload_successful: IntGauge,
    reload_success_time: Gauge,
    target_info: IntGaugeVec,
}

impl Metrics {
    /// Registers the metrics.
    pub fn new(registry: &Registry) -> prometheus::Result<Self> {
        Ok(Self {
            up: registry.int_gauges(
                "copilot_exporter_up",
                "1 if the last refresh of the target fetched and mapped all required documents, else 0.",
                &TARGET,
            )?,
            leader: registry.int_gauges(
                "copilot_exporter_leader",
                "1 if this replica fetches for the target, 0 if another one does. Only with a shared store.",
                &TARGET,
            )?,
            document_failures: registry.counters(
                "copilot_exporter_document_failures_total",
                "Number of failures to fetch or map a document, by cause: policy_off, permission_missing, classic_token_forbidden, token_lifetime, account_suspended, sso_required, address_not_allowed, bad_credentials, rate_limit, credential, another HTTP status, request_exception, invalid_answer, malformed.",
                &["org", "scope", "document", "cause"],
            )?,
            last_attempt: registry.gauges(
                "copilot_exporter_last_attempt_timestamp_seconds",
                "Time of the last attempt to fetch the document, in seconds since 1970.",
                &["org", "scope", "document"],
            )?,
            duration: registry.durations(
                "copilot_exporter_refresh_duration_seconds",
                "Duration of refreshes of a target, including requests.",
                &TARGET,
            )?,
            planned: registry.gauges(
                "copilot_exporter_planned_requests_per_hour",
                "Number of requests per hour that the TTLs of the documents need, at most: to be compared with copilot_exporter_rate_limit.",
                &["credential", "api", "installation"],
            )?,
            reload_successful: registry.int_gauge(
                "copilot_exporter_config_last_reload_successful",
                "1 if the settings were valid when they were last read, else 0; the previous settings then stay in use.",
            )?,
            reload_success_time: registry.gauge(
                "copilot_exporter_config_last_reload_success_timestamp_seconds",
                "Time at which the settings in use were read, in seconds since 1970.",
            )?,
            target_info: registry.int_gauges(
                "copilot_exporter_target_info",
                "Always 1; the labels are the credential that is used for the target, and the host of the API.",
                &["org", "scope", "credential", "api"],
            )?,
        })
    }

    /// The settings were read.
    pub fn set_reloaded(&self, successful: bool) {
        self.reload_successful.set(successful.into());
        if successful {
            self.reload_success_time.set(now_seconds());
        }
    }

    /// A document is being fetched.
    pub(super) fn set_attempted(&self, target: &Target, document: &str) {
        let [org, scope] = target.labels();
        self.last_attempt.with_label_values(&[org, scope, document]).set(now_seconds());
    }

    /// A document of a target could not be fetched or mapped.
    pub(super) fn count_document_failure(&self, target: &Target, document: &str, cause: &str) {
        let [org, scope] = target.labels();
        self.document_failures.with_label_values(&[org, scope, document, cause]).inc();
    }

    /// Whether a target has all required data.
    pub(super) fn set_up(&self, target: &Target, up: bool) {
        self.up.with_label_values(&target.labels()).set(up.into());
    }

    /// Whether this replica or another one fetches for a target.
    pub(super) fn set_leader(&self, target: &Target, leader: bool) {
        self.leader.with_label_values(&target.labels()).set(leader.into());
    }

    /// How many requests per hour count toward each rate limit.
    pub(super) fn set_planned(&self, requests: &BTreeMap<LimitKey, f64>) {
        let mut planned: BTreeMap<[&str; 3], f64> = BTreeMap::new();
        // Targets whose installation is not known yet have the same labels.
        for (LimitKey { credential, api, installation, .. }, requests) in requests {
            *planned.entry([credential, api, installation]).or_default() += requests;
        }
        remove_series_if(&self.planned, |value| {
            let labels = ["credential", "api", "installation"].map(value);
            !planned.keys().any(|known| labels.iter().eq(known.iter()))
        });
        for (labels, requests) in planned {
            self.planned.with_label_values(&labels).set(requests);
        }
    }

    /// A refresh ended.
    pub(super) fn observe_refresh(&self, target: &Target, took: Duration) {
        self.duration.with_label_values(&target.labels()).observe(took.as_secs_f64());
    }

    /// The name of the credential that is used for a target, and the URL of the API.
    pub(super) fn set_credential(&self, target: &Target, credential: &str, api: &Url) {
        let [org, scope] = target.labels();
        remove_series(&self.target_info, &[("org", org), ("scope", scope)]);
        let host = api.host_str().unwrap_or_default();
        self.target_info.with_label_values(&[org, scope, credential, host]).set(1);
    }

    /// A document is no longer wanted.
    pub(super) fn remove_document(&self, target: &Target, document: &str) {
        let [org, scope] = target.labels();
        let labels = [("org", org), ("scope", scope), ("document", document)];
        remove_series(&self.last_attempt, &labels);
        remove_series(&self.document_failures, &labels);
    }

    /// A target is no longer exported.
    pub(super) fn remove_target(&self, target: &Target) {
        let [org, scope] = target.labels();
        let labels = [("org", org), ("scope", scope)];
        remove_series(&self.up, &labels);
        remove_series(&self.leader, &labels);
        remove_series(&self.duration, &labels);
        remove_series(&self.last_attempt, &labels);
        remove_series(&self.document_failures, &labels);
        remove_series(&self.target_info, &labels);
    }
}
