//! Checks the samples of a mapping. Nothing unchecked reaches a scrape: for one malformed line or
//! duplicate series, Prometheus would drop all of them.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use thiserror::Error;

use super::series::{fit, text_bytes_of};
use crate::model::text::sanitize;
use crate::model::{Family, FamilySamples, Limits, Manifest, SampleSet, Samples, Span};

/// What is wrong with the samples of a mapping.
#[derive(Debug, Error, PartialEq)]
pub enum SamplesError {
    /// A family that is not in the manifest.
    #[error("family {0:?} is not in the mapping's manifest")]
    Undeclared(String),
    /// A family that appears twice.
    #[error("duplicate family {0:?}")]
    DuplicateFamily(String),
    /// Columns of different lengths.
    #[error("family {family:?}: {values} values require {wanted} {column}, found {found}")]
    Columns {
        /// The family.
        family: String,
        /// The number of values.
        values: usize,
        /// The column with another length.
        column: &'static str,
        /// Its expected length.
        wanted: usize,
        /// Its length.
        found: usize,
    },
    /// A reference to a string that does not exist.
    #[error("family {0:?}: label value {1} is out of range of the {2} strings")]
    Reference(String, u32, usize),
    /// A value that is not a finite number.
    #[error("family {0:?}: sample {1} has the value {2}")]
    Value(String, usize, f64),
    /// Two samples that Prometheus could not distinguish.
    #[error("family {0:?}: duplicate sample with the labels {{{1}}}")]
    Duplicate(String, String),
    /// More samples than allowed.
    #[error("{0} samples exceed the limit of {1} (mapping.series)")]
    TooMany(usize, usize),
    /// More samples of all days than allowed.
    #[error("{0} samples of 28 days exceed the limit of {1} for each day (mapping.series)")]
    TooManyOfAllDays(usize, usize),
    /// More text than allowed.
    #[error("the samples take {0} bytes of text, more than the limit of {1} (mapping.result_mib)")]
    TooMuchText(usize, usize),
    /// A label value that is too long.
    #[error("a label value of {0} bytes exceeds the limit of {1}")]
    TooLong(usize, usize),
}

/// Checks samples against the manifest and the limits. Of too many samples, the most detailed families
/// are left out.
pub fn validate(
    mut set: SampleSet,
    manifest: &Manifest,
    span: Span,
    limits: &Limits,
) -> Result<Samples, SamplesError> {
    let left_out = fit(&mut set, manifest, limits);
    let series = set.families.iter().map(|samples| samples.values.len()).sum();
    if series > limits.series {
        return Err(SamplesError::TooMany(series, limits.series));
    }
    let longest = set.strings.iter().map(String::len).max().unwrap_or(0);
    if longest > limits.label_value_bytes {
        return Err(SamplesError::TooLong(longest, limits.label_value_bytes));
    }
    let order: HashMap<&str, usize> =
        manifest.families.iter().enumerate().map(|(at, f)| (f.name.as_str(), at)).collect();
    let canonical = canonical_ids(&set.strings);
    let mut text_bytes = 0_usize;
    let SampleSet { strings, families: given, .. } = set;
    let mut families: Vec<Option<FamilySamples>> = vec![None; manifest.families.len()];
    for samples in given {
        let undeclared = || SamplesError::Undeclared(sanitize(&samples.name));
        let at = *order.get(samples.name.as_str()).ok_or_else(undeclared)?;
        let family = manifest.families.get(at).ok_or_else(undeclared)?;
        let slot = families.get_mut(at).ok_or_else(undeclared)?;
        if slot.is_some() {
            return Err(SamplesError::DuplicateFamily(samples.name.clone()));
        }
        check_columns(family, &samples, span)?;
        check_series(family, &samples, &strings, &canonical)?;
        // A few long strings make much text if many samples refer to them.
        text_bytes = text_bytes.saturating_add(text_bytes_of(family, &samples, &strings));
        *slot = Some(samples);
    }
    if text_bytes > limits.result_bytes {
        return Err(SamplesError::TooMuchText(text_bytes, limits.result_bytes));
    }
    let mut families: Vec<_> = manifest
        .families
        .iter()
        .zip(families)
        .filter_map(|(family, samples)| Some((family, samples?)))
        .filter(|(_, samples)| !samples.values.is_empty())
        .map(|(family, samples)| (Arc::clone(family), samples))
        .collect();
    // They are kept until the next refresh.
    families.shrink_to_fit();
    Ok(Samples { strings, families, left_out })
}

/// For every string the index of the first equal one: mappings need not deduplicate strings.
fn canonical_ids(strings: &[String]) -> Vec<u32> {
    let mut first = HashMap::new();
    (0..).zip(strings).map(|(at, text)| *first.entry(text.as_str()).or_insert(at)).collect()
}

fn check_columns(family: &Family, samples: &FamilySamples, span: Span) -> Result<(), SamplesError> {
    let values = samples.values.len();
    let timestamps = samples.timestamps.as_ref().map_or(0, Vec::len);
    let columns = [
        (
            "label values",
            values.saturating_mul(family.label_names.len()),
            samples.label_values.len(),
        ),
        ("timestamps", if span == Span::History { values } else { 0 }, timestamps),
    ];
    for (column, wanted, found) in columns {
        if wanted != found {
            let family = samples.name.clone();
            return Err(SamplesError::Columns { family, values, column, wanted, found });
        }
    }
    match samples.values.iter().enumerate().find(|(_, value)| !value.is_finite()) {
        Some((at, value)) => Err(SamplesError::Value(samples.name.clone(), at, *value)),
        None => Ok(()),
    }
}

fn check_series(
    family: &Family,
    samples: &FamilySamples,
    strings: &[String],
    canonical: &[u32],
) -> Result<(), SamplesError> {
    let width = family.label_names.len();
    let mut ids = Vec::with_capacity(samples.label_values.len());
    for id in &samples.label_values {
        ids.push(
            *canonical
                .get(*id as usize)
                .ok_or_else(|| SamplesError::Reference(samples.name.clone(), *id, strings.len()))?,
        );
    }
    let mut seen = HashSet::with_capacity(samples.values.len());
    for at in 0..samples.values.len() {
        let labels = ids.get(at * width..(at + 1) * width).unwrap_or_default();
        let time = samples.timestamps.as_ref().and_then(|times| times.get(at));
        if !seen.insert((labels, time)) {
            let pairs = family.label_names.iter().zip(labels).map(|(name, id)| {
                format!("{name}={:?}", strings.get(*id as usize).map_or("", String::as_str))
            });
            let pairs = pairs.collect::<Vec<_>>().join(",");
            return Err(SamplesError::Duplicate(samples.name.clone(), pairs));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::MetricKind;

    fn manifest() -> Manifest {
        let family = |name: &str, labels: &[&str]| Family {
            name: name.to_owned(),
            help: "h".to_owned(),
            kind: MetricKind::Gauge,
            label_names: labels.iter().map(|label| (*label).to_owned()).collect(),
            enabled_by: None,
            detail: 0,
        };
        Manifest {
            name: "test".to_owned(),
            version: "1".to_owned(),
            families: vec![Arc::new(family("first", &["a", "b"])), Arc::new(family("second", &[]))],
            ..Manifest::default()
        }
    }

    fn samples(name: &str, label_values: &[u32], values: &[f64]) -> FamilySamples {
        FamilySamples {
            name: name.to_owned(),
            label_values: label_values.to_vec(),
            values: values.to_vec(),
            timestamps: None,
        }
    }

    fn check(families: Vec<FamilySamples>, span: Span) -> Result<Vec<String>, SamplesError> {
        let strings = ["x", "y", "x"].map(str::to_owned).to_vec();
        let set = SampleSet { strings, families, unmapped: vec![] };
        let limits = Limits { series: 3, ..Limits::default() };
        let valid = validate(set, &manifest(), span, &limits)?;
        Ok(valid.families.iter().map(|(family, _)| family.name.clone()).collect())
    }

    #[test]
    fn valid_samples_are_in_the_order_of_the_manifest_without_empty_families() {
        let first = samples("first", &[0, 1, 1, 0], &[1.0, 2.0]);
        let second = samples("second", &[], &[3.0]);
        assert_eq!(check(vec![second, first], Span::Latest).unwrap(), ["first", "second"]);
        let empty = samples("first", &[], &[]);
        assert!(check(vec![empty], Span::Latest).unwrap().is_empty());
    }

    #[test]
    fn samples_that_prometheus_would_reject_or_count_twice_are_rejected() {
        let refused = |families| check(families, Span::Latest).unwrap_err().to_string();
        let one = |label_values: &[u32], values: &[f64]| {
            refused(vec![samples("first", label_values, values)])
        };
        assert_eq!(
            refused(vec![samples("third", &[], &[])]),
            "family \"third\" is not in the mapping's manifest"
        );
        let second = samples("second", &[], &[1.0]);
        assert_eq!(refused(vec![second.clone(), second]), "duplicate family \"second\"");
        assert_eq!(one(&[0], &[1.0]), "family \"first\": 1 values require 2 label values, found 1");
        assert_eq!(
            one(&[0, 3], &[1.0]),
            "family \"first\": label value 3 is out of range of the 3 strings"
        );
        assert_eq!(one(&[0, 1], &[f64::NAN]), "family \"first\": sample 0 has the value NaN");
        assert_eq!(one(&[0, 1], &[f64::INFINITY]), "family \"first\": sample 0 has the value inf");
        // Strings 0 and 2 are the same text.
        assert_eq!(
            one(&[0, 1, 2, 1], &[1.0, 2.0]),
            "family \"first\": duplicate sample with the labels {a=\"x\",b=\"y\"}"
        );
        assert_eq!(
            refused(vec![samples("second", &[], &[1.0; 4])]),
            "4 samples exceed the limit of 3 (mapping.series)"
        );
    }

    #[test]
    fn timestamps_are_required_with_history_and_rejected_without() {
        let timed = |times: &[i64]| FamilySamples {
            timestamps: Some(times.to_vec()),
            ..samples("second", &[], &[1.0, 2.0])
        };
        assert!(check(vec![timed(&[1, 2])], Span::History).is_ok());
        assert!(check(vec![timed(&[1, 1])], Span::History).is_err());
        assert!(check(vec![timed(&[1])], Span::History).is_err());
        assert!(check(vec![timed(&[1, 2])], Span::Latest).is_err());
        assert!(check(vec![samples("second", &[], &[1.0])], Span::History).is_err());
    }
}
