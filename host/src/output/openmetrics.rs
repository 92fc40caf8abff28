//! Writes samples in the OpenMetrics text format, which `promtool tsdb create-blocks-from openmetrics`
//! reads: timestamps in seconds, `# EOF` at the end.
//! <https://prometheus.io/docs/specs/om/open_metrics_spec/>

use std::borrow::Cow;
use std::io::{self, Write};

use crate::model::{Family, FamilySamples, Samples};

/// The last line.
pub(super) const END: &[u8] = b"# EOF\n";

/// Writes samples. All families are gauges: a number of a day does not continue that of the day before.
pub fn write_openmetrics(samples: &Samples, out: &mut dyn Write) -> io::Result<()> {
    for (family, columns) in &samples.families {
        write_family(family, columns, &samples.strings, out)?;
    }
    out.write_all(END)
}

fn write_family(
    family: &Family,
    columns: &FamilySamples,
    strings: &[String],
    out: &mut dyn Write,
) -> io::Result<()> {
    write_header(family, out)?;
    let mut labels = String::new();
    for (ids, value, time) in columns.iter(family.label_names.len()) {
        labels.clear();
        write_labels(family, ids, strings, &mut labels);
        write_sample(&family.name, &labels, value, time, out)?;
    }
    Ok(())
}

/// Writes what comes before the samples of a family.
pub(super) fn write_header(family: &Family, out: &mut dyn Write) -> io::Result<()> {
    let name = &family.name;
    writeln!(out, "# TYPE {name} gauge")?;
    writeln!(out, "# HELP {name} {}", escaped(&family.help))
}

/// Writes the labels of a sample, in braces; nothing if there are none.
pub(super) fn write_labels(family: &Family, ids: &[u32], strings: &[String], to: &mut String) {
    let mut separator = '{';
    for (label, id) in family.label_names.iter().zip(ids) {
        let text = strings.get(*id as usize).map(String::as_str).unwrap_or_default();
        to.push(separator);
        to.push_str(label);
        to.push_str("=\"");
        to.push_str(&escaped(text));
        to.push('"');
        separator = ',';
    }
    if separator == ',' {
        to.push('}');
    }
}

/// Writes a sample with its labels.
pub(super) fn write_sample(
    name: &str,
    labels: &str,
    value: f64,
    time: Option<i64>,
    out: &mut dyn Write,
) -> io::Result<()> {
    out.write_all(name.as_bytes())?;
    out.write_all(labels.as_bytes())?;
    match value {
        f64::INFINITY => out.write_all(b" +Inf")?,
        f64::NEG_INFINITY => out.write_all(b" -Inf")?,
        value if value.is_nan() => out.write_all(b" NaN")?,
        value => write!(out, " {value}")?,
    }
    if let Some(time) = time {
        write!(out, " {}.{:03}", time.div_euclid(1000), time.rem_euclid(1000))?;
    }
    out.write_all(b"\n")
}

/// A help text or the value of a label.
pub(super) fn escaped(text: &str) -> Cow<'_, str> {
    match text.contains(['\\', '\n', '"']) {
        true => text.replace('\\', "\\\\").replace('\n', "\\n").replace('"', "\\\"").into(),
        false => text.into(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::model::MetricKind;

    #[test]
    fn samples_are_written_with_timestamps_in_seconds_and_an_end() {
        let family = |name: &str, labels: &[&str]| Family {
            name: name.to_owned(),
            help: "Lines \"added\".".to_owned(),
            kind: MetricKind::Counter,
            label_names: labels.iter().map(|label| (*label).to_owned()).collect(),
            enabled_by: None,
            detail: 0,
        };
        let columns =
            |name: &str, ids: &[u32], values: &[f64], times: Option<&[i64]>| FamilySamples {
                name: name.to_owned(),
                label_values: ids.to_vec(),
                values: values.to_vec(),
                timestamps: times.map(<[i64]>::to_vec),
            };
        let samples = Samples {
            strings: vec!["o".to_owned(), "a \"b\"\\\n".to_owned()],
            families: vec![
                (
                    Arc::new(family("daily_a", &["org", "ide"])),
                    columns("daily_a", &[0, 1], &[0.25], Some(&[1_763_639_994_240])),
                ),
                (
                    Arc::new(family("daily_b", &[])),
                    columns("daily_b", &[], &[1e21, f64::NAN], None),
                ),
            ],
            left_out: None,
        };
        let mut text = Vec::new();
        write_openmetrics(&samples, &mut text).unwrap();
        assert_eq!(
            String::from_utf8(text).unwrap(),
            "# TYPE daily_a gauge\n\
             # HELP daily_a Lines \\\"added\\\".\n\
             daily_a{org=\"o\",ide=\"a \\\"b\\\"\\\\\\n\"} 0.25 1763639994.240\n\
             # TYPE daily_b gauge\n\
             # HELP daily_b Lines \\\"added\\\".\n\
             daily_b 1000000000000000000000\n\
             daily_b NaN\n\
             # EOF\n"
        );
    }
}
