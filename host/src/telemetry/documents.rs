//! Metrics of the cached documents, read from the cache at every scrape: what is no longer
//! cached is no longer there, and ages are those of the moment.

use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use prometheus::core::{Collector, Desc};
use prometheus::proto::{MetricFamily, MetricType};

use super::register::gauge_of;
use crate::cache::Cache;
use crate::github::Document;
use crate::settings::TargetSettings;

/// The labels of a document's metrics, in the order in which the crate writes all others.
const LABELS: [&str; 3] = ["document", "org", "scope"];

/// A document that is older than as many times its TTL is stale: a refresh has failed or hangs.
const STALE_AFTER: u32 = 2;

/// One metric: its name, its help, how it is read off a document at a given time.
struct Reading {
    name: &'static str,
    help: &'static str,
    read: fn(&Cached<'_>) -> Option<f64>,
}

/// A document in the cache, at a time.
struct Cached<'a> {
    settings: &'a TargetSettings,
    name: &'a str,
    document: &'a Document,
    now: Timestamp,
}

impl Cached<'_> {
    fn age_seconds(&self) -> f64 {
        self.now.duration_since(self.document.fetched_at).as_secs_f64()
    }
}

const READINGS: [Reading; 5] = [
    Reading {
        name: "copilot_exporter_last_success_timestamp_seconds",
        help: "When the document that is served was fetched, or confirmed by GitHub, in seconds since 1970.",
        read: |cached| Some(cached.document.fetched_at.as_second() as f64),
    },
    Reading {
        name: "copilot_exporter_cache_age_seconds",
        help: "The time since the cached document was fetched or confirmed.",
        read: |cached| Some(cached.age_seconds()),
    },
    Reading {
        name: "copilot_exporter_stale",
        help: "1 while the document that is served is older than twice its TTL, else 0.",
        read: |cached| {
            let ttl = cached.settings.ttl_of(cached.name) * STALE_AFTER;
            Some(f64::from(u8::from(cached.age_seconds() > ttl.as_secs_f64())))
        },
    },
    Reading {
        name: "copilot_exporter_cache_bytes",
        help: "The memory that the cached document takes, compressed.",
        read: |cached| Some(cached.document.compressed_length() as f64),
    },
    Reading {
        name: "copilot_exporter_report_day_timestamp_seconds",
        help: "The start, in UTC, of the day that GitHub says the cached report is about (of 28 the last), in seconds since 1970.",
        read: |cached| {
            let start = cached.document.report_day?.to_datetime(jiff::civil::Time::midnight());
            Some(TimeZone::UTC.to_timestamp(start).ok()?.as_second() as f64)
        },
    },
];

/// Collects the metrics of the cached documents.
#[derive(Clone)]
pub(super) struct Documents {
    cache: Arc<Cache>,
    descriptions: Vec<Desc>,
}

impl Documents {
    pub(super) fn new(cache: Arc<Cache>) -> prometheus::Result<Self> {
        let describe = |reading: &Reading| {
            let labels = LABELS.map(str::to_owned).to_vec();
            Desc::new(reading.name.to_owned(), reading.help.to_owned(), labels, Default::default())
        };
        let descriptions = READINGS.iter().map(describe).collect::<Result<_, _>>()?;
        Ok(Self { cache, descriptions })
    }
}

impl Collector for Documents {
    fn desc(&self) -> Vec<&Desc> {
        self.descriptions.iter().collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let now = Timestamp::now();
        let family = |reading: &Reading| {
            let mut metrics = Vec::new();
            self.cache.visit(|settings, name, document| {
                let cached = Cached { settings, name, document, now };
                if let Some(value) = (reading.read)(&cached) {
                    let [org, scope] = settings.target.labels();
                    metrics.push(gauge_of(&LABELS, &[name, org, scope], value));
                }
            });
            let mut family = MetricFamily::default();
            family.set_name(reading.name.to_owned());
            family.set_help(reading.help.to_owned());
            family.set_field_type(MetricType::GAUGE);
            family.set_metric(metrics);
            family
        };
        READINGS.iter().map(family).filter(|family| !family.get_metric().is_empty()).collect()
    }
}
