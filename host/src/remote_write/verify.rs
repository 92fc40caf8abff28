//! Compares what an endpoint has with what it was sent.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::civil::Date;

use super::day;
use super::endpoint::Endpoint;
use super::error::VerifyError;
use super::promql::selector;
use super::query::Series;
use super::series::{Label, NAME, SentSeries, name_of, series};
use crate::model::Samples;
use crate::model::day::day_of_ms;

/// How many bytes the names in a query have at most. Servers limit the length of queries, VictoriaMetrics to
/// 16 KiB by default.
const MAX_NAME_BYTES: usize = 6 << 10;

/// How a day at an endpoint compares with its samples.
#[derive(Clone, Debug, PartialEq)]
pub struct DayReport {
    /// The day. `None` if there was nothing to compare.
    pub day: Option<Date>,
    /// The number of series whose last value of the day is right.
    pub matching: usize,
    /// The series that have no sample on the day.
    pub missing: Vec<String>,
    /// The series whose last value of the day is another one.
    pub different: Vec<Difference>,
}

impl DayReport {
    /// Whether the endpoint has every series with its value.
    pub fn is_complete(&self) -> bool {
        self.missing.is_empty() && self.different.is_empty()
    }
}

/// A series with another value than expected.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// The series, as it is at the endpoint.
    pub series: String,
    /// The value that was sent.
    pub expected: f64,
    /// The last value that the endpoint has on the day.
    pub found: f64,
}

impl Endpoint {
    /// The timestamp, in milliseconds since 1970, of the last sample that the endpoint has on a day of any of
    /// the given series.
    pub async fn newest_on(
        &self,
        day: Date,
        samples: &[Samples],
    ) -> Result<Option<i64>, VerifyError> {
        let ours = series(samples, &self.settings)?;
        let (start, end) = day::bounds_ms(day, day);
        let shared = shared_labels(&ours);
        let mut newest = None;
        for names in name_groups(&ours) {
            for found in self.raw(&selector(&names, &shared), start, end).await? {
                newest = newest.max(found.samples.iter().map(|(time, _)| *time).max());
            }
        }
        Ok(newest)
    }

    /// Compares the last value that the endpoint has of each series on a day (in UTC) with the given one.
    /// External labels and relabeling apply to the given samples. Labels that the server adds to all series,
    /// such as Thanos does, are ignored.
    pub async fn verify(&self, samples: &[Samples]) -> Result<DayReport, VerifyError> {
        let ours = series(samples, &self.settings)?;
        let times = || ours.iter().flat_map(|series| &series.samples).map(|s| s.timestamp);
        let mut report =
            DayReport { day: None, matching: 0, missing: Vec::new(), different: Vec::new() };
        let Some(first) = times().next() else { return Ok(report) };
        let day = day_of_ms(first).ok_or(VerifyError::NotOneDay)?;
        let (start, end) = day::bounds_ms(day, day);
        if !times().all(|time| (start..=end).contains(&time)) {
            return Err(VerifyError::NotOneDay);
        }
        report.day = Some(day);
        let shared = shared_labels(&ours);
        let mut found = Vec::new();
        for names in name_groups(&ours) {
            found.extend(self.raw(&selector(&names, &shared), start, end).await?);
        }
        compare(&ours, &found, &mut report);
        Ok(report)
    }
}

/// The labels that all series have, with the same value.
fn shared_labels<'a>(series: &[SentSeries<'a>]) -> Vec<Label<'a>> {
    let Some((first, others)) = series.split_first() else { return Vec::new() };
    let mut shared = first.labels.clone();
    for other in others {
        shared.retain(|label| other.labels.contains(label));
    }
    shared
}

/// The names of the series, in groups that fit into a query.
fn name_groups(series: &[SentSeries<'_>]) -> Vec<Vec<String>> {
    let labels = series.iter().flat_map(|series| &series.labels);
    let names: BTreeSet<String> =
        labels.filter(|label| label.name == NAME).map(|label| label.value.to_string()).collect();
    let mut groups: Vec<Vec<String>> = Vec::new();
    let mut room = 0_usize;
    for name in names {
        match room.checked_sub(name.len() + 1) {
            Some(rest) => room = rest,
            None => {
                groups.push(Vec::new());
                room = MAX_NAME_BYTES.saturating_sub(name.len() + 1);
            }
        }
        if let Some(group) = groups.last_mut() {
            group.push(name);
        }
    }
    groups
}

fn compare(ours: &[SentSeries<'_>], found: &[Series], report: &mut DayReport) {
    let known: BTreeSet<&str> =
        ours.iter().flat_map(|series| &series.labels).map(|label| &*label.name).collect();
    // The last sample of each series. Those of replicas are the same series.
    let mut last: HashMap<BTreeMap<&str, &str>, (i64, f64)> = HashMap::new();
    for Series { labels, samples } in found {
        let Some(sample) = samples.last() else { continue };
        let labels = labels.iter().filter(|(name, _)| known.contains(name.as_str()));
        let labels = labels.map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let newest = last.entry(labels).or_insert(*sample);
        if sample.0 > newest.0 {
            *newest = *sample;
        }
    }
    for series in ours {
        let Some(expected) = series.samples.last().map(|sample| sample.value) else { continue };
        let key: BTreeMap<&str, &str> =
            series.labels.iter().map(|label| (&*label.name, &*label.value)).collect();
        let name = || name_of(&series.labels);
        match last.get(&key) {
            None => report.missing.push(name()),
            Some((_, value)) if is_same(*value, expected) => {
                report.matching += 1;
            }
            Some((_, value)) => {
                report.different.push(Difference { series: name(), expected, found: *value });
            }
        }
    }
}

/// Whether two values are the same: VictoriaMetrics keeps 15 digits of a number.
fn is_same(one: f64, other: f64) -> bool {
    /// The largest difference, relative to the values.
    const PRECISION: f64 = 1e-14;
    one == other
        || one.is_nan() && other.is_nan()
        || (one - other).is_finite()
            && (one - other).abs() <= PRECISION * one.abs().max(other.abs())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::remote_write::test_samples::{endpoint, samples};

    fn found(labels: &[(&str, &str)], samples: &[(i64, f64)]) -> Series {
        let labels = labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Series { labels: labels.collect(), samples: samples.to_vec() }
    }

    #[test]
    fn the_last_value_of_the_day_counts_and_labels_that_the_server_adds_do_not() {
        let given = samples(&[
            ("a", &["l"], &[(&["x"], 1.0, 5), (&["y"], f64::NAN, 5), (&["z"], 3.0, 5)]),
            ("b", &[], &[(&[], 4.0, 5)]),
        ]);
        let (given, settings) = ([given], endpoint(""));
        let ours = series(&given, &settings).unwrap();
        let theirs = [
            found(&[("__name__", "a"), ("l", "x"), ("replica", "1")], &[(4, 9.0), (5, 8.0)]),
            found(&[("__name__", "a"), ("l", "x"), ("replica", "2")], &[(5, 8.0), (6, 1.0)]),
            found(&[("__name__", "a"), ("l", "y")], &[(5, f64::NAN)]),
            found(&[("__name__", "b"), ("l", "x")], &[(5, 4.0)]),
            found(&[("__name__", "a"), ("l", "z")], &[(5, 2.0)]),
        ];
        let mut report = DayReport { day: None, matching: 0, missing: vec![], different: vec![] };
        compare(&ours, &theirs, &mut report);
        assert_eq!(report.matching, 2);
        assert_eq!(report.missing, ["b{}"]);
        let different = Difference { series: "a{l=\"z\"}".to_owned(), expected: 3.0, found: 2.0 };
        assert_eq!(report.different, [different]);
        assert!(!report.is_complete());
    }

    #[test]
    fn a_value_is_the_same_if_fifteen_digits_are() {
        assert!(is_same(45.22, 45.220_000_000_000_006));
        assert!(is_same(0.0, -0.0) && is_same(f64::INFINITY, f64::INFINITY));
        for (one, other) in [(45.22, 45.220_000_1), (0.0, 1e-300), (1e15, 1e15 + 100.0)] {
            assert!(!is_same(one, other), "{one} {other}");
        }
        assert!(!is_same(f64::INFINITY, 1.0) && !is_same(f64::NAN, 1.0));
    }

    #[test]
    fn a_query_selects_the_shared_labels_and_has_no_more_names_than_fit() {
        let names: Vec<String> = (0..500).map(|n| format!("daily_a_family_{n}")).collect();
        let row: &[(&[&str], f64, i64)] = &[(&["o", "x"], 1.0, 5)];
        let mut families: Vec<(&str, &[&str], _)> =
            names.iter().map(|name| (name.as_str(), &["org", "l"][..], row)).collect();
        families.push(("b", &["org", "l"], &[(&["o", "y"], 1.0, 5)]));
        let (given, settings) = ([samples(&families)], endpoint(""));
        let ours = series(&given, &settings).unwrap();
        assert_eq!(shared_labels(&ours), [Label::new("org", "o")]);
        let groups = name_groups(&ours);
        assert!(groups.len() > 1);
        assert_eq!(groups.iter().map(Vec::len).sum::<usize>(), 501);
        for group in groups {
            assert!(selector(&group, &[]).len() < 8 << 10);
        }
    }
}
