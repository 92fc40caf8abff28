//! Writes valid samples in Prometheus' text format.
//! <https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format>

use prometheus::TextEncoder;
use prometheus::proto::{Counter, Gauge, LabelPair, Metric, MetricFamily, MetricType};
use serde::{Deserialize, Serialize};

use super::validate::ValidSamples;
use crate::model::{Family, FamilySamples, MetricKind};

/// One family of one target, written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EncodedFamily {
    /// The family's name.
    pub name: String,
    /// The lines `# HELP` and `# TYPE`.
    pub header: String,
    /// One line a sample.
    pub samples: String,
}

/// Writes every family.
pub fn encode(samples: &ValidSamples<'_>) -> prometheus::Result<Vec<EncodedFamily>> {
    samples
        .families
        .iter()
        .map(|(family, columns)| encode_family(family, columns, samples.strings))
        .collect()
}

fn encode_family(
    family: &Family,
    columns: &FamilySamples,
    strings: &[String],
) -> prometheus::Result<EncodedFamily> {
    let width = family.label_names.len();
    let metrics = columns.values.iter().enumerate().map(|(at, value)| {
        let ids = columns.label_values.get(at * width..(at + 1) * width).unwrap_or_default();
        let time = columns.timestamps.as_ref().and_then(|times| times.get(at));
        metric(family, ids, strings, *value, time.copied())
    });
    let mut proto = MetricFamily::default();
    proto.set_name(family.name.clone());
    proto.set_help(family.help.clone());
    proto.set_field_type(match family.kind {
        MetricKind::Gauge => MetricType::GAUGE,
        MetricKind::Counter => MetricType::COUNTER,
    });
    proto.set_metric(metrics.collect());
    write(proto)
}

/// Writes one family.
pub fn write(proto: MetricFamily) -> prometheus::Result<EncodedFamily> {
    let name = proto.name().to_owned();
    let mut header = TextEncoder::new().encode_to_string(&[proto])?;
    // Line breaks in help texts and label values are escaped, so that only the first lines start with '#'.
    let header_bytes: usize =
        header.split_inclusive('\n').take_while(|line| line.starts_with('#')).map(str::len).sum();
    let samples = header.split_off(header_bytes);
    Ok(EncodedFamily { name, header, samples })
}

fn metric(
    family: &Family,
    ids: &[u32],
    strings: &[String],
    value: f64,
    time: Option<i64>,
) -> Metric {
    let labels = family.label_names.iter().zip(ids).map(|(name, id)| {
        let mut pair = LabelPair::default();
        pair.set_name(name.clone());
        pair.set_value(strings.get(*id as usize).cloned().unwrap_or_default());
        pair
    });
    let mut metric = Metric::from_label(labels.collect());
    match family.kind {
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
