//! The formats of `/metrics`, and the exporter's own metrics in each of them.

use std::fmt::Write;

use prometheus::proto::{LabelPair, Metric, MetricFamily, MetricType};

use super::encode::write_proto;
use super::metadata::openmetrics_metadata;
use super::openmetrics::{END, escaped};
use crate::model::metrics::Registry;

/// A format of an exposition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Prometheus' text format 0.0.4.
    Text,
    /// OpenMetrics 1.0.0.
    OpenMetrics,
}

impl Format {
    /// The end of an exposition, after the last family.
    pub fn end(self) -> &'static [u8] {
        match self {
            Format::Text => b"",
            Format::OpenMetrics => END,
        }
    }
}

/// The exporter's own metrics, which are the end of an exposition.
pub fn encode_own(registry: &Registry, format: Format) -> prometheus::Result<String> {
    if format == Format::Text {
        return registry.encode();
    }
    let families = registry.gather();
    let is_family = |name: &str| families.iter().any(|family| family.name() == name);
    let mut text = String::new();
    for family in &families {
        let kind = family.get_field_type();
        text.push_str(&openmetrics_metadata(family.name(), family.help(), kind, is_family));
        match kind {
            MetricType::HISTOGRAM => write_histogram(family, &mut text),
            _ => write_proto(family, false, &mut text)?,
        }
    }
    text.push_str(&String::from_utf8_lossy(END));
    Ok(text)
}

/// Writes the samples of histograms, whose label `le` has a decimal point in OpenMetrics: `1.0`.
fn write_histogram(family: &MetricFamily, out: &mut String) {
    let name = family.name();
    for metric in family.get_metric() {
        let histogram = metric.get_histogram();
        let labels = labels_of(metric);
        let comma = if labels.is_empty() { "" } else { "," };
        let mut bucket = |le: &str, count: u64| {
            // Writing to a string does not fail.
            writeln!(out, "{name}_bucket{{{labels}{comma}le=\"{le}\"}} {count}").ok();
        };
        for of in histogram.get_bucket().iter().filter(|of| of.upper_bound().is_finite()) {
            bucket(&format!("{:?}", of.upper_bound()), of.cumulative_count());
        }
        let count = histogram.get_sample_count();
        bucket("+Inf", count);
        let labels = if labels.is_empty() { labels } else { format!("{{{labels}}}") };
        writeln!(out, "{name}_sum{labels} {}", histogram.get_sample_sum()).ok();
        writeln!(out, "{name}_count{labels} {count}").ok();
    }
}

fn labels_of(metric: &Metric) -> String {
    let pair = |pair: &LabelPair| format!("{}=\"{}\"", pair.name(), escaped(pair.value()));
    metric.get_label().iter().map(pair).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_metrics_have_the_same_series_in_openmetrics() {
        let registry = Registry::default();
        registry.counter("hits", "Hits.").unwrap().inc();
        registry.counter("hits_total", "Hits \"twice\".").unwrap().inc();
        registry.counters("fails_total", "Fails.", &["org"]).unwrap().with_label_values(&["a\"b"]);
        registry.gauge("up", "Up.").unwrap().set(0.5);
        let durations = registry.durations("took_seconds", "Took.", &["org"]).unwrap();
        durations.with_label_values(&["o"]).observe(2.0);
        let text = encode_own(&registry, Format::OpenMetrics).unwrap();
        let (took, rest) = text.split_at(text.find("# HELP up").unwrap());
        assert_eq!(rest, "# HELP up Up.\n# TYPE up gauge\nup 0.5\n# EOF\n");
        let (others, took) = took.split_at(took.find("# HELP took").unwrap());
        assert_eq!(
            others,
            "# HELP fails Fails.\n# TYPE fails counter\nfails_total{org=\"a\\\"b\"} 0\n\
             # HELP hits Hits.\n# TYPE hits unknown\nhits 1\n\
             # HELP hits_total Hits \\\"twice\\\".\n# TYPE hits_total unknown\nhits_total 1\n"
        );
        assert!(took.starts_with("# HELP took_seconds Took.\n# TYPE took_seconds histogram\n"));
        assert!(took.contains("\ntook_seconds_bucket{org=\"o\",le=\"0.01\"} 0\n"), "{took}");
        assert!(took.contains("\ntook_seconds_bucket{org=\"o\",le=\"1.0\"} 0\n"), "{took}");
        let end = "took_seconds_bucket{org=\"o\",le=\"300.0\"} 1\n\
                   took_seconds_bucket{org=\"o\",le=\"+Inf\"} 1\n\
                   took_seconds_sum{org=\"o\"} 2\ntook_seconds_count{org=\"o\"} 1\n";
        assert!(took.ends_with(end), "{took}");
    }
}
