//! Selects and adds up the samples that a chart shows.

use std::collections::{BTreeMap, HashMap};
use std::ops::RangeInclusive;

use jiff::civil::Date;
use jiff::{Span, Timestamp};

use crate::model::{Samples, Selection};

/// Larger values are ignored, so that every sum is a finite number.
const MAX_VALUE: f64 = 1e15;

const MILLISECONDS_PER_DAY: i64 = 86_400_000;
const EPOCH: Date = Date::constant(1970, 1, 1);

/// A day, as the number of days since 1970.
pub(super) type Day = i64;

/// The date of a day.
pub(super) fn date(day: Day) -> Date {
    Span::new().try_days(day).map_or(EPOCH, |span| EPOCH.saturating_add(span))
}

/// The day of a date.
pub(super) fn day(date: Date) -> Day {
    (date - EPOCH).get_days().into()
}

/// The sum of each day.
pub(super) fn sums_by_day(samples: &Samples, selection: &Selection) -> BTreeMap<Day, f64> {
    let mut sums = BTreeMap::new();
    for sample in selected_samples(samples, selection) {
        *sums.entry(sample.day).or_default() += sample.value;
    }
    sums
}

/// The sums over some days, by the value of a label.
pub(super) fn sums_by_label<'a>(
    samples: &'a Samples,
    selection: &'a Selection,
    label: &str,
    days: RangeInclusive<Day>,
) -> HashMap<&'a str, f64> {
    let mut sums = HashMap::new();
    for (value, sample) in labeled_samples(samples, selection, label) {
        if days.contains(&sample.day) {
            *sums.entry(value).or_default() += sample.value;
        }
    }
    sums
}

/// A sample with the indexes of its label values.
pub(super) struct Sample<'a> {
    label_values: &'a [u32],
    /// The day it is about.
    pub day: Day,
    /// Its value.
    pub value: f64,
}

/// The samples that a selection matches, if they are about a day.
pub(super) fn selected_samples<'a>(
    samples: &'a Samples,
    selection: &'a Selection,
) -> impl Iterator<Item = Sample<'a>> {
    matching_samples(samples, selection).filter_map(|(label_values, value, time)| {
        // Out of range, it is not a time.
        let time = Timestamp::from_millisecond(time?).ok()?.as_millisecond();
        Some(Sample { label_values, day: time.div_euclid(MILLISECONDS_PER_DAY), value })
    })
}

/// The sum of the samples that a selection matches, whatever day they are about: those that `/metrics`
/// serves have no day. `None` if there are none.
pub(super) fn latest_sum(samples: &Samples, selection: &Selection) -> Option<f64> {
    let values = matching_samples(samples, selection).map(|(_, value, _)| value);
    values.reduce(|sum, value| sum + value)
}

/// The samples that a selection matches: the indexes of their label values, their values and times.
fn matching_samples<'a>(
    samples: &'a Samples,
    selection: &'a Selection,
) -> impl Iterator<Item = (&'a [u32], f64, Option<i64>)> {
    let family = samples.families.iter().find(|(family, _)| family.name == selection.family);
    family.into_iter().flat_map(move |(family, columns)| {
        let position = |label: &String| family.label_names.iter().position(|name| name == label);
        let matchers = selection.matchers.iter();
        let matchers: Vec<_> =
            matchers.map(|matcher| (position(&matcher.label), &matcher.values)).collect();
        columns.iter(family.label_names.len()).filter(move |(label_values, value, _)| {
            let mut matchers = matchers.iter();
            let matches = matchers.all(|(position, wanted)| {
                let value = position.and_then(|position| string(samples, label_values, position));
                value.is_some_and(|value| wanted.iter().any(|wanted| wanted == value))
            });
            matches && value.abs() <= MAX_VALUE
        })
    })
}

/// The selected samples whose value of a label is not empty, with that value.
pub(super) fn labeled_samples<'a>(
    samples: &'a Samples,
    selection: &'a Selection,
    label: &str,
) -> impl Iterator<Item = (&'a str, Sample<'a>)> {
    let family = samples.families.iter().find(|(family, _)| family.name == selection.family);
    let position =
        family.and_then(|(family, _)| family.label_names.iter().position(|n| n == label));
    selected_samples(samples, selection).filter_map(move |sample| {
        let value = string(samples, sample.label_values, position?)?;
        (!value.is_empty()).then_some((value, sample))
    })
}

fn string<'a>(samples: &'a Samples, label_values: &[u32], position: usize) -> Option<&'a str> {
    let index = *label_values.get(position)? as usize;
    samples.strings.get(index).map(String::as_str)
}
