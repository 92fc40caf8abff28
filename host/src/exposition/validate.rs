//! Checks the samples of a mapping. Nothing unchecked reaches a scrape: one malformed line or
//! duplicate series there would cost Prometheus all of them.

use std::collections::{HashMap, HashSet};

use thiserror::Error;

use crate::plugin::Limits;
use crate::plugin::wit::{Family, FamilySamples, Manifest, SampleSet, Span};
use crate::text::plain;

/// What is wrong with the samples of a mapping.
#[derive(Debug, Error, PartialEq)]
pub enum SamplesError {
    /// A family that is not in the manifest.
    #[error("family {0:?} is not in the mapping's manifest")]
    Undeclared(String),
    /// A family that comes twice.
    #[error("family {0:?} comes twice")]
    FamilyTwice(String),
    /// Columns that don't fit each other.
    #[error("family {family:?}: {values} values need {wanted} {column}, not {found}")]
    Columns {
        /// The family.
        family: String,
        /// How many values it has.
        values: usize,
        /// The column that does not fit.
        column: &'static str,
        /// How long it should be.
        wanted: usize,
        /// How long it is.
        found: usize,
    },
    /// A reference to a string that is not there.
    #[error("family {0:?}: label value {1} is beyond the {2} strings")]
    Reference(String, u32, usize),
    /// A value that is not a finite number.
    #[error("family {0:?}: sample {1} has the value {2}")]
    Value(String, usize, f64),
    /// Two samples that Prometheus could not tell apart.
    #[error("family {0:?}: two samples have the labels {{{1}}}")]
    Duplicate(String, String),
    /// More samples than allowed.
    #[error("{0} samples are more than the limit of {1}")]
    TooMany(usize, usize),
    /// More text than allowed.
    #[error("the samples come to {0} bytes of text, more than the limit of {1}")]
    TooMuch(usize, usize),
    /// A label value that is too long.
    #[error("a label value of {0} bytes is longer than the limit of {1}")]
    TooLong(usize, usize),
}

/// Samples that have passed every check.
pub struct ValidSamples<'a> {
    /// The families with their samples, in the manifest's order.
    pub families: Vec<(&'a Family, &'a FamilySamples)>,
    /// What the label values refer to.
    pub strings: &'a [String],
    /// How many samples there are.
    pub series: usize,
}

/// Checks samples against the manifest and the limits.
pub fn validate<'a>(
    set: &'a SampleSet,
    manifest: &'a Manifest,
    span: Span,
    limits: &Limits,
) -> Result<ValidSamples<'a>, SamplesError> {
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
    let mut families: Vec<Option<&FamilySamples>> = vec![None; manifest.families.len()];
    for samples in &set.families {
        let undeclared = || SamplesError::Undeclared(plain(&samples.name));
        let at = *order.get(samples.name.as_str()).ok_or_else(undeclared)?;
        let family = manifest.families.get(at).ok_or_else(undeclared)?;
        let slot = families.get_mut(at).ok_or_else(undeclared)?;
        if slot.replace(samples).is_some() {
            return Err(SamplesError::FamilyTwice(samples.name.clone()));
        }
        check_columns(family, samples, span)?;
        check_series(family, samples, &set.strings, &canonical)?;
        // A few long strings make much text when many samples refer to them.
        text_bytes = text_bytes.saturating_add(text_bytes_of(family, samples, &set.strings));
    }
    if text_bytes > limits.result_bytes {
        return Err(SamplesError::TooMuch(text_bytes, limits.result_bytes));
    }
    let families = manifest
        .families
        .iter()
        .zip(families)
        .filter_map(|(family, samples)| Some((family, samples?)))
        .filter(|(_, samples)| !samples.values.is_empty())
        .collect();
    Ok(ValidSamples { families, strings: &set.strings, series })
}

/// How much text the samples come to: names, label values, and some bytes for each number and quote.
fn text_bytes_of(family: &Family, samples: &FamilySamples, strings: &[String]) -> usize {
    let names: usize = family.label_names.iter().map(|name| name.len() + 4).sum();
    let each = family.name.len() + names + 24;
    let value = |id: &u32| strings.get(*id as usize).map_or(0, String::len);
    let values: usize = samples.label_values.iter().map(value).sum();
    samples.values.len().saturating_mul(each).saturating_add(values)
}

/// For every string the position of the first one that equals it: mappings need not intern.
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
    use crate::plugin::wit::MetricKind;

    fn manifest() -> Manifest {
        let family = |name: &str, labels: &[&str]| Family {
            name: name.to_owned(),
            help: "h".to_owned(),
            kind: MetricKind::Gauge,
            label_names: labels.iter().map(|label| (*label).to_owned()).collect(),
        };
        Manifest {
            name: "test".to_owned(),
            version: "1".to_owned(),
            documents: vec![],
            options: vec![],
            families: vec![family("first", &["a", "b"]), family("second", &[])],
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
        let manifest = manifest();
        let valid = validate(&set, &manifest, span, &limits)?;
        Ok(valid.families.iter().map(|(family, _)| family.name.clone()).collect())
    }

    #[test]
    fn good_samples_come_in_the_order_of_the_manifest_and_empty_families_not_at_all() {
        let first = samples("first", &[0, 1, 1, 0], &[1.0, 2.0]);
        let second = samples("second", &[], &[3.0]);
        assert_eq!(check(vec![second, first], Span::Latest).unwrap(), ["first", "second"]);
        let empty = samples("first", &[], &[]);
        assert!(check(vec![empty], Span::Latest).unwrap().is_empty());
    }

    #[test]
    fn what_prometheus_would_refuse_or_count_twice_is_refused() {
        let refused = |families| check(families, Span::Latest).unwrap_err().to_string();
        let one = |label_values: &[u32], values: &[f64]| {
            refused(vec![samples("first", label_values, values)])
        };
        assert_eq!(
            refused(vec![samples("third", &[], &[])]),
            "family \"third\" is not in the mapping's manifest"
        );
        let second = samples("second", &[], &[1.0]);
        assert_eq!(refused(vec![second.clone(), second]), "family \"second\" comes twice");
        assert_eq!(one(&[0], &[1.0]), "family \"first\": 1 values need 2 label values, not 1");
        assert_eq!(one(&[0, 3], &[1.0]), "family \"first\": label value 3 is beyond the 3 strings");
        assert_eq!(one(&[0, 1], &[f64::NAN]), "family \"first\": sample 0 has the value NaN");
        assert_eq!(one(&[0, 1], &[f64::INFINITY]), "family \"first\": sample 0 has the value inf");
        // Strings 0 and 2 are the same text.
        assert_eq!(
            one(&[0, 1, 2, 1], &[1.0, 2.0]),
            "family \"first\": two samples have the labels {a=\"x\",b=\"y\"}"
        );
        assert_eq!(
            refused(vec![samples("second", &[], &[1.0; 4])]),
            "4 samples are more than the limit of 3"
        );
    }

    #[test]
    fn times_belong_to_history_and_only_there() {
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
