//! Writes families in Prometheus' text format.
//! <https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format>

use prometheus::TextEncoder;
use prometheus::proto::{Counter, Gauge, LabelPair, Metric, MetricFamily, MetricType};

use super::metadata::metadata_length;
use crate::model::{Family, FamilySamples, MetricKind};

/// The samples that are converted at once: each takes some hundred bytes meanwhile.
const CHUNK: usize = 1000;

/// The samples of one family of one target, with the strings they refer to.
#[derive(Clone, Copy)]
pub(super) struct FamilyPart<'a> {
    pub family: &'a Family,
    pub samples: &'a FamilySamples,
    pub strings: &'a [String],
}

/// Appends a family, which may have samples of several targets. The text of the first one is its help.
pub(super) fn write_family(parts: &[FamilyPart<'_>], out: &mut String) -> prometheus::Result<()> {
    let Some(FamilyPart { family, .. }) = parts.first() else { return Ok(()) };
    let mut metrics = parts.iter().flat_map(|part| {
        let width = part.family.label_names.len();
        part.samples.iter(width).map(|(ids, value, time)| metric(part, ids, value, time))
    });
    let mut proto = MetricFamily::default();
    proto.set_name(family.name.clone());
    proto.set_help(family.help.clone());
    proto.set_field_type(metric_type(family.kind));
    let mut is_first = true;
    loop {
        let chunk: Vec<Metric> = metrics.by_ref().take(CHUNK).collect();
        if chunk.is_empty() {
            return Ok(());
        }
        proto.set_metric(chunk);
        write_proto(&proto, is_first, out)?;
        is_first = false;
    }
}

/// The type of a family.
pub(super) fn metric_type(kind: MetricKind) -> MetricType {
    match kind {
        MetricKind::Gauge => MetricType::GAUGE,
        MetricKind::Counter => MetricType::COUNTER,
    }
}

/// Appends a family, with or without its `# HELP` and `# TYPE` lines.
pub(super) fn write_proto(
    proto: &MetricFamily,
    with_header: bool,
    out: &mut String,
) -> prometheus::Result<()> {
    let start = out.len();
    TextEncoder::new().encode_utf8(std::slice::from_ref(proto), out)?;
    if !with_header {
        let header = metadata_length(out.get(start..).unwrap_or_default());
        out.drain(start..start + header);
    }
    Ok(())
}

fn metric(part: &FamilyPart<'_>, ids: &[u32], value: f64, time: Option<i64>) -> Metric {
    let labels = part.family.label_names.iter().zip(ids).map(|(name, id)| {
        let mut pair = LabelPair::default();
        pair.set_name(name.clone());
        pair.set_value(part.strings.get(*id as usize).cloned().unwrap_or_default());
        pair
    });
    let mut metric = Metric::from_label(labels.collect());
    match part.family.kind {
        MetricKind::Gauge => {
            let mut gauge = Gauge::default();
            gauge.set_value(value);
            metric.set_gauge(gauge);
        }
        MetricKind::Counter => {
            let mut counter = Counter::default();
            counter.set_value(value);
            metric.set_counter(counter);
        }
    }
    if let Some(time) = time {
        metric.set_timestamp_ms(time);
    }
    metric
}
