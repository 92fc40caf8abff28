//! The exporter's own metrics: here those of refreshes and scrapes; `github` has those of requests,
//! `documents` those of the cache, `mappings` those of mappings; `register` makes them.

mod documents;
mod github;
mod mappings;
mod register;

pub use github::GithubMetrics;
pub use mappings::{MappingMetrics, Swap, mapping_info};
pub use register::Described;

use std::sync::Arc;
use std::time::Duration;

use prometheus::{
    Gauge, GaugeVec, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts,
    Registry, TextEncoder,
};

use self::documents::Documents;
use self::register::{Maker, forget};
use crate::cache::Cache;
use crate::target::Target;

/// The labels of a target's metrics.
const TARGET: [&str; 2] = ["org", "scope"];

/// The labels of a document's metrics.
const DOCUMENT: [&str; 3] = ["org", "scope", "document"];

/// The registry and every metric in it.
pub struct Telemetry {
    registry: Registry,
    described: Vec<Described>,
    /// About requests to GitHub.
    pub github: GithubMetrics,
    /// About mappings.
    pub mappings: MappingMetrics,
    scrapes: IntCounter,
    failures: IntCounterVec,
    cache_hits: IntCounter,
    cache_hits_total: IntCounter,
    up: IntGaugeVec,
    document_failures: IntCounterVec,
    last_attempt: GaugeVec,
    store_failures: IntCounterVec,
    reload_successful: IntGauge,
    reload_success_time: Gauge,
    refresh_duration: HistogramVec,
    encode_duration: Gauge,
}

impl Telemetry {
    /// Registers every metric. It fails only if two had one name.
    pub fn new(cache: Arc<Cache>) -> prometheus::Result<Self> {
        let make = Maker::default();
        make.register_boxed(Box::new(Documents::new(cache)?))?;
        let build = make.int_gauges(
            "copilot_exporter_build_info",
            "Always 1; the label holds the exporter's version.",
            &["version"],
        )?;
        build.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
        #[cfg(target_os = "linux")]
        make.register_boxed(Box::new(prometheus::process_collector::ProcessCollector::for_self()))?;
        Ok(Self {
            github: GithubMetrics::new(&make)?,
            mappings: MappingMetrics::new(&make)?,
            scrapes: make.counter("copilot_exporter_requests_total", "Requests to /metrics.")?,
            failures: make.counters(
                "copilot_exporter_requests_failed_total",
                "Failed requests to GitHub, by HTTP status or cause (env_missing, request_exception, invalid_answer, credential, rate_limit).",
                &["status_code"],
            )?,
            cache_hits: make.counter(
                "copilot_exporter_cache_hits",
                "Requests to /metrics that were answered from the cache: all but those before the first data.",
            )?,
            cache_hits_total: make.counter(
                "copilot_exporter_cache_hits_total",
                "The same number under the name that dashboards use.",
            )?,
            up: make.int_gauges(
                "copilot_exporter_up",
                "1 if the last refresh of the target got all required documents and mapped them, else 0.",
                &TARGET,
            )?,
            document_failures: make.counters(
                "copilot_exporter_document_failures_total",
                "Failures to get or map a document, by cause: policy_off, permission_missing, sso_required, address_not_allowed, bad_credentials, rate_limit, credential, another HTTP status, request_exception, invalid_answer, malformed.",
                &["org", "scope", "document", "cause"],
            )?,
            last_attempt: make.register(GaugeVec::new(
                Opts::new(
                    "copilot_exporter_last_attempt_timestamp_seconds",
                    "When the document was last asked for, in seconds since 1970.",
                ),
                &DOCUMENT,
            ))?,
            store_failures: make.counters(
                "copilot_exporter_cache_store_failures_total",
                "Documents that could not be loaded from or saved in CACHE_DIR, by cause: corrupt (the file was set aside), no_space, permission, io.",
                &["operation", "cause"],
            )?,
            reload_successful: make.register(IntGauge::new(
                "copilot_exporter_config_last_reload_successful",
                "1 if the settings could be used when they were last read, else 0; then those of before are in use.",
            ))?,
            reload_success_time: make.gauge(
                "copilot_exporter_config_last_reload_success_timestamp_seconds",
                "When the settings in use were read, in seconds since 1970.",
            )?,
            refresh_duration: make.histograms(
                "copilot_exporter_refresh_duration_seconds",
                "The time of a refresh of a target, requests included.",
                &TARGET,
            )?,
            encode_duration: make.gauge(
                "copilot_exporter_encode_duration_seconds",
                "The time that the last encoding and compression of the samples took.",
            )?,
            described: make.described.into_inner(),
            registry: make.registry,
        })
        .inspect(|telemetry: &Self| {
            // There from the start, so that an alert on its increase never misses the first one.
            telemetry.failures.with_label_values(&["env_missing"]);
            for cause in ["corrupt", "no_space", "permission", "io"] {
                let operation = if cause == "corrupt" { "load" } else { "save" };
                telemetry.store_failures.with_label_values(&[operation, cause]);
            }
        })
    }

    /// The metrics in the text format.
    pub fn encode(&self) -> prometheus::Result<String> {
        TextEncoder::new().encode_to_string(&self.registry.gather())
    }

    /// Every metric, whether it has a value by now or not.
    pub fn described(&self) -> &[Described] {
        &self.described
    }

    /// A scrape came; `cached` says whether there was data to answer with.
    pub fn count_scrape(&self, cached: bool) {
        self.scrapes.inc();
        if cached {
            self.cache_hits.inc();
            self.cache_hits_total.inc();
        }
    }

    /// A request failed, or could not be made.
    pub fn count_failure(&self, status_code: &str) {
        self.failures.with_label_values(&[status_code]).inc();
    }

    /// A document is asked for.
    pub fn set_attempted(&self, target: &Target, document: &str) {
        let [org, scope] = target.labels();
        self.last_attempt.with_label_values(&[org, scope, document]).set(now_seconds());
    }

    /// A document could not be loaded or saved.
    pub fn count_store_failure(&self, operation: &str, cause: &str) {
        self.store_failures.with_label_values(&[operation, cause]).inc();
    }

    /// The settings were read.
    pub fn set_reloaded(&self, successful: bool) {
        self.reload_successful.set(successful.into());
        if successful {
            self.reload_success_time.set(now_seconds());
        }
    }

    /// A document of a target could not be had.
    pub fn count_document_failure(&self, target: &Target, document: &str, cause: &str) {
        let [org, scope] = target.labels();
        self.document_failures.with_label_values(&[org, scope, document, cause]).inc();
    }

    /// Whether a target's data is fresh.
    pub fn set_up(&self, target: &Target, up: bool) {
        self.up.with_label_values(&target.labels()).set(up.into());
    }

    /// A refresh ended.
    pub fn set_refreshed(&self, target: &Target, up: bool, took: Duration) {
        self.set_up(target, up);
        self.refresh_duration.with_label_values(&target.labels()).observe(took.as_secs_f64());
    }

    /// A document is no longer wanted.
    pub fn forget_document(&self, target: &Target, document: &str) {
        let [org, scope] = target.labels();
        let labels = [("org", org), ("scope", scope), ("document", document)];
        forget(&self.last_attempt, &labels);
        forget(&self.document_failures, &labels);
    }

    /// A target is known, and has no data yet.
    pub fn add_target(&self, target: &Target) {
        self.set_up(target, false);
    }

    /// A target is no longer exported: none of its series stay.
    pub fn remove_target(&self, target: &Target) {
        let [org, scope] = target.labels();
        let labels = [("org", org), ("scope", scope)];
        forget(&self.up, &labels);
        forget(&self.refresh_duration, &labels);
        forget(&self.last_attempt, &labels);
        forget(&self.document_failures, &labels);
        self.mappings.forget(target);
    }

    /// The snapshot was made anew.
    pub fn set_encode_duration(&self, took: Duration) {
        self.encode_duration.set(took.as_secs_f64());
    }
}

/// The time in seconds since 1970.
fn now_seconds() -> f64 {
    jiff::Timestamp::now().as_millisecond() as f64 / 1000.0
}
