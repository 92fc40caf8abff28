//! The metadata of families in OpenMetrics. It is all that differs from the text format 0.0.4, except for
//! the label `le` of histograms: the lines of other samples are the same.
//! <https://prometheus.io/docs/specs/om/open_metrics_spec/>

use std::fmt::Write;

use prometheus::proto::MetricType;

use super::openmetrics::escaped;

/// The `# HELP` and `# TYPE` lines of a family. `is_family`: whether the exposition has a family of this name.
///
/// A series has the same name in both formats: a counter whose name does not end with `_total`, as OpenMetrics
/// demands, is of unknown type, as in Prometheus' client library for Go. So is a counter that would have
/// the same name as another family without `_total`.
pub(super) fn openmetrics_metadata(
    name: &str,
    help: &str,
    kind: MetricType,
    is_family: impl Fn(&str) -> bool,
) -> String {
    let counter = name.strip_suffix("_total").filter(|base| !base.is_empty() && !is_family(base));
    let (name, kind) = match (kind, counter) {
        (MetricType::COUNTER, Some(base)) => (base, "counter"),
        (MetricType::COUNTER, None) | (MetricType::UNTYPED, _) => (name, "unknown"),
        (MetricType::GAUGE, _) => (name, "gauge"),
        (MetricType::HISTOGRAM, _) => (name, "histogram"),
        (MetricType::SUMMARY, _) => (name, "summary"),
    };
    let mut text = String::new();
    // In the order of the text format, so that most are the same. Writing to a string does not fail.
    if !help.is_empty() {
        writeln!(text, "# HELP {name} {}", escaped(help)).ok();
    }
    writeln!(text, "# TYPE {name} {kind}").ok();
    text
}

/// The length of the metadata at the start of a family's text. Line breaks in help texts and label values
/// are escaped, so only the first lines start with `#`.
pub(super) fn metadata_length(text: &str) -> usize {
    text.split_inclusive('\n').take_while(|line| line.starts_with('#')).map(str::len).sum()
}
