//! The exporter's metrics about what is published, read at every scrape: what is no longer published
//! has no series, and ages are current.

use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use prometheus::core::Desc;
use prometheus::proto::{Metric, MetricFamily};

use super::mapping_info;
use super::part::Part;
use super::publisher::Publisher;
use super::status::DocumentStatus;
use crate::model::metrics::{Registry, gauge_family, gauge_sample};

/// A document older than this many times its TTL is stale: a refresh has failed or hangs.
const STALE_AFTER: u32 = 2;

/// The labels of a document's metrics, in the order in which the crate writes all others.
const DOCUMENT: [&str; 3] = ["document", "org", "scope"];

/// A metric of documents: its name, its help, how it is read at a given time.
struct DocumentMetric {
    name: &'static str,
    help: &'static str,
    read: fn(&DocumentStatus, Timestamp) -> Option<f64>,
}

fn age_seconds(document: &DocumentStatus, now: Timestamp) -> f64 {
    now.duration_since(document.confirmed_at).as_secs_f64()
}

const DOCUMENT_METRICS: [DocumentMetric; 5] = [
    DocumentMetric {
        name: "copilot_exporter_last_success_timestamp_seconds",
        help: "Time at which the document that is served was fetched, or last confirmed by GitHub, in seconds since 1970.",
        read: |document, _| Some(document.confirmed_at.as_second() as f64),
    },
    DocumentMetric {
        name: "copilot_exporter_cache_age_seconds",
        help: "Time since the stored document was fetched, or last confirmed by GitHub.",
        read: |document, now| Some(age_seconds(document, now)),
    },
    DocumentMetric {
        name: "copilot_exporter_stale",
        help: "1 if the document that is served is older than twice its TTL, else 0.",
        read: |document, now| {
            let most = (document.ttl * STALE_AFTER).as_secs_f64();
            Some(f64::from(u8::from(age_seconds(document, now) > most)))
        },
    },
    DocumentMetric {
        name: "copilot_exporter_cache_bytes",
        help: "Size of the stored document, compressed, in memory or in a file.",
        read: |document, _| Some(document.bytes as f64),
    },
    DocumentMetric {
        name: "copilot_exporter_report_day_timestamp_seconds",
        help: "Start (UTC) of the day that the stored report is about (of 28 days the last one), in seconds since 1970.",
        read: |document, _| {
            let start = document.report_day?.to_datetime(jiff::civil::Time::midnight());
            Some(TimeZone::UTC.to_timestamp(start).ok()?.as_second() as f64)
        },
    },
];

const SERIES: &str = "copilot_exporter_series";
const SERIES_HELP: &str = "Number of samples of the target on /metrics, by mapping.";
const SERIES_LABELS: [&str; 3] = ["mapping", "org", "scope"];

const UNMAPPED: &str = "copilot_exporter_unmapped_fields";
const UNMAPPED_HELP: &str = "Number of times that a field was seen in the last run which the mapping does not know, or whose value it left out.";
const UNMAPPED_LABELS: [&str; 5] = ["document", "field", "mapping", "org", "scope"];

/// Collects the metrics about what is published.
#[derive(Clone)]
pub struct Collector {
    publisher: Arc<Publisher>,
    descriptions: Vec<Desc>,
}

impl Collector {
    /// Registers the metrics of a publisher.
    pub fn register(publisher: &Arc<Publisher>, registry: &Registry) -> prometheus::Result<()> {
        let describe = |name: &str, help: &str, labels: &[&str]| {
            let labels = labels.iter().map(|label| (*label).to_owned()).collect();
            Desc::new(name.to_owned(), help.to_owned(), labels, Default::default())
        };
        let mut descriptions = vec![
            describe(SERIES, SERIES_HELP, &SERIES_LABELS)?,
            describe(UNMAPPED, UNMAPPED_HELP, &UNMAPPED_LABELS)?,
        ];
        for metric in &DOCUMENT_METRICS {
            descriptions.push(describe(metric.name, metric.help, &DOCUMENT)?);
        }
        // It is written with the samples, not by the registry.
        mapping_info::describe(registry);
        let publisher = Arc::clone(publisher);
        registry.register_boxed(Box::new(Self { publisher, descriptions }))
    }
}

impl prometheus::core::Collector for Collector {
    fn desc(&self) -> Vec<&Desc> {
        self.descriptions.iter().collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let now = Timestamp::now();
        self.publisher.with_parts(|parts| {
            let documents = DOCUMENT_METRICS.iter().map(|metric| {
                let samples = parts.iter().flat_map(|part| {
                    let [org, scope] = part.target.labels();
                    part.documents.iter().filter_map(move |document| {
                        let value = (metric.read)(document, now)?;
                        Some(gauge_sample(&DOCUMENT, &[&document.name, org, scope], value))
                    })
                });
                gauge_family(metric.name, metric.help, samples.collect())
            });
            let of_parts = |samples: fn(&Part) -> Vec<Metric>| {
                parts.iter().flat_map(samples).collect::<Vec<Metric>>()
            };
            let families = documents.chain([
                gauge_family(SERIES, SERIES_HELP, of_parts(series)),
                gauge_family(UNMAPPED, UNMAPPED_HELP, of_parts(unmapped)),
            ]);
            families.filter(|family| !family.get_metric().is_empty()).collect()
        })
    }
}

fn series(part: &Part) -> Vec<Metric> {
    let [org, scope] = part.target.labels();
    let published = part.entries.iter().filter_map(|entry| entry.published.as_ref());
    let sample = published.map(|published| {
        let values = [&*published.mapping.name, org, scope];
        gauge_sample(&SERIES_LABELS, &values, published.samples.len() as f64)
    });
    sample.collect()
}

fn unmapped(part: &Part) -> Vec<Metric> {
    let [org, scope] = part.target.labels();
    let published = part.entries.iter().filter_map(|entry| entry.published.as_ref());
    let samples = published.flat_map(|published| {
        published.unmapped.iter().map(move |field| {
            let values = [&*field.document, &*field.path, &*published.mapping.name, org, scope];
            gauge_sample(&UNMAPPED_LABELS, &values, field.count as f64)
        })
    });
    samples.collect()
}
