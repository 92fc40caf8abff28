//! Metrics of the mappings: which are in use, how their runs went, how they were swapped.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use prometheus::proto::{MetricFamily, MetricType};
use prometheus::{Gauge, HistogramVec, IntCounterVec, IntGauge, IntGaugeVec};

use super::now_seconds;
use super::register::{Described, Maker, forget_others, gauge_of};
use crate::exposition::encode::{EncodedFamily, write};
use crate::pipeline::Mapped;
use crate::plugin::{Mapping, wit};
use crate::target::Target;

/// The metric that names the mappings in use. It is part of the snapshot, not of the registry.
const INFO: &str = "copilot_exporter_mapping_info";
const INFO_HELP: &str = "Always 1; the labels hold a mapping in use for the target. It changes in the same scrape as what the mapping makes.";
/// In the order in which the crate writes all others.
const INFO_LABELS: [&str; 5] = ["name", "org", "scope", "sha256", "version"];

/// The metrics of mappings.
pub struct MappingMetrics {
    duration: HistogramVec,
    memory: IntGaugeVec,
    failures: IntCounterVec,
    swaps: IntCounterVec,
    last_successful: IntGauge,
    last_success_time: Gauge,
    rollbacks: IntCounterVec,
    quarantined: IntGauge,
    series: IntGaugeVec,
    unmapped_fields: IntGaugeVec,
    /// The fields that `unmapped_fields` has, by target and mapping.
    unmapped_shown: Mutex<HashMap<(Target, String), Vec<wit::UnmappedField>>>,
}

/// How a swap went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Swap<'a> {
    /// A mapping came, went or was rolled back.
    Success(&'static str),
    /// One was refused, for this cause.
    Failure(&'a str),
}

impl MappingMetrics {
    pub(super) fn new(make: &Maker) -> prometheus::Result<Self> {
        make.described.borrow_mut().push(Described {
            name: INFO.to_owned(),
            labels: INFO_LABELS.map(str::to_owned).to_vec(),
            help: INFO_HELP.to_owned(),
        });
        let metrics = Self {
            duration: make.histograms(
                "copilot_exporter_mapping_duration_seconds",
                "The time of a run of the mapping over the documents of a target, trials included.",
                &["mapping"],
            )?,
            memory: make.int_gauges(
                "copilot_exporter_mapping_memory_max_bytes",
                "The most memory that an instance of the mapping took since the mapping is in use.",
                &["mapping"],
            )?,
            failures: make.counters(
                "copilot_exporter_mapping_failures_total",
                "Runs of the mapping that gave no samples, by cause: malformed, refused, time, memory, panic, invalid_samples, read; or pictures, where only the page lacks them.",
                &["org", "scope", "mapping", "cause"],
            )?,
            swaps: make.counters(
                "copilot_exporter_mapping_swaps_total",
                "Changes of the mappings in use (result success, reason start, added, removed or rollback), and files that were refused (result failure): by unreadable, size, digest, quarantined, component, import, world, version, describe, manifest, conflict, settings, or the cause of a failed trial run.",
                &["result", "reason"],
            )?,
            last_successful: make.register(IntGauge::new(
                "copilot_exporter_mapping_last_swap_successful",
                "1 if nothing was refused when the mappings' files last changed, else 0; then what was in use stays in use.",
            ))?,
            last_success_time: make.gauge(
                "copilot_exporter_mapping_last_swap_success_timestamp_seconds",
                "When the mappings in use last changed, in seconds since 1970.",
            )?,
            rollbacks: make.counters(
                "copilot_exporter_mapping_rollbacks_total",
                "How often a mapping failed again and again, so that the one of before took its place.",
                &["mapping"],
            )?,
            quarantined: make.register(IntGauge::new(
                "copilot_exporter_mappings_quarantined",
                "Files whose mapping was rolled back, and which are not tried again until they change.",
            ))?,
            series: make.int_gauges(
                "copilot_exporter_series",
                "Samples of the target on /metrics, by mapping.",
                &["org", "scope", "mapping"],
            )?,
            unmapped_fields: make.int_gauges(
                "copilot_exporter_unmapped_fields",
                "Fields that GitHub sent and the mapping does not know, with how often each was seen in the last run.",
                &["org", "scope", "mapping", "document", "field"],
            )?,
            unmapped_shown: Mutex::default(),
        };
        // There from the start, so that an alert on its increase never misses the first one.
        metrics.swaps.with_label_values(&["success", "rollback"]);
        Ok(metrics)
    }

    /// A run of a mapping ended.
    pub fn observe_run(&self, mapping: &str, took: Duration) {
        self.duration.with_label_values(&[mapping]).observe(took.as_secs_f64());
    }

    /// A run of a mapping failed.
    pub fn count_failure(&self, target: &Target, mapping: &str, cause: &str) {
        let [org, scope] = target.labels();
        self.failures.with_label_values(&[org, scope, mapping, cause]).inc();
    }

    /// What is served of a run.
    pub fn set_samples(&self, target: &Target, mapping: &str, mapped: &Mapped) {
        let [org, scope] = target.labels();
        self.series.with_label_values(&[org, scope, mapping]).set(mapped.series as i64);
        let memory = self.memory.with_label_values(&[mapping]);
        memory.set(memory.get().max(mapped.memory_bytes as i64));
        let now = &mapped.unmapped;
        for field in now {
            let labels = [org, scope, mapping, &field.document, &field.path];
            self.unmapped_fields.with_label_values(&labels).set(field.count as i64);
        }
        let mut shown = self.unmapped_shown.lock().unwrap_or_else(PoisonError::into_inner);
        let before = shown.insert((target.clone(), mapping.to_owned()), now.clone());
        let same = |one: &wit::UnmappedField, other: &wit::UnmappedField| {
            one.document == other.document && one.path == other.path
        };
        for field in before.unwrap_or_default() {
            if !now.iter().any(|other| same(other, &field)) {
                let labels = [org, scope, mapping, &field.document, &field.path];
                // It fails only where there is no such series.
                self.unmapped_fields.remove_label_values(&labels).ok();
            }
        }
    }

    /// The mappings in use changed, or a file was refused.
    pub fn count_swap(&self, swap: Swap<'_>) {
        let labels = match swap {
            Swap::Success(reason) => ["success", reason],
            Swap::Failure(cause) => ["failure", cause],
        };
        self.swaps.with_label_values(&labels).inc();
    }

    /// Files changed, and all of them are in use now; or not. `changed`: what is in use changed.
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

    /// How many contents are quarantined.
    pub fn set_quarantined(&self, contents: usize) {
        self.quarantined.set(contents as i64);
    }

    /// A mapping takes the place of another one of its name.
    pub fn replace(&self, mapping: &str) {
        self.memory.with_label_values(&[mapping]).set(0);
    }

    /// A target is no longer exported.
    pub fn forget(&self, target: &Target) {
        self.keep_only(target, &[]);
    }

    /// A target has these mappings only.
    pub fn keep_only(&self, target: &Target, mappings: &[&str]) {
        let [org, scope] = target.labels();
        let labels = [("org", org), ("scope", scope)];
        for vector in [&self.series, &self.unmapped_fields] {
            forget_others(vector, &labels, mappings);
        }
        forget_others(&self.failures, &labels, mappings);
        let mut shown = self.unmapped_shown.lock().unwrap_or_else(PoisonError::into_inner);
        shown.retain(|(of, name), _| of != target || mappings.contains(&name.as_str()));
    }

    /// No target has any other mappings than these.
    pub fn keep_only_anywhere(&self, mappings: &HashSet<String>) {
        let mappings: Vec<&str> = mappings.iter().map(String::as_str).collect();
        forget_others(&self.duration, &[], &mappings);
        forget_others(&self.memory, &[], &mappings);
    }
}

/// The mappings in use, as a family of the snapshot.
pub fn mapping_info<'a>(
    in_use: impl Iterator<Item = (&'a Target, &'a Mapping)>,
) -> Option<EncodedFamily> {
    let metric = |(target, mapping): (&Target, &Mapping)| {
        let wit::Manifest { name, version, .. } = mapping.manifest();
        let [org, scope] = target.labels();
        let values = [name.as_str(), org, scope, mapping.sha256(), version];
        gauge_of(&INFO_LABELS, &values, 1.0)
    };
    let mut family = MetricFamily::default();
    family.set_name(INFO.to_owned());
    family.set_help(INFO_HELP.to_owned());
    family.set_field_type(MetricType::GAUGE);
    family.set_metric(in_use.map(metric).collect());
    // A family without samples can't be written.
    write(family).ok()
}
