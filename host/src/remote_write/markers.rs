//! Asks an endpoint which days it has completely.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use jiff::ToSpan;
use jiff::civil::Date;

use super::day;
use super::endpoint::Endpoint;
use super::error::VerifyError;
use super::promql::selector;
use super::series::{Labeler, NAME};
use crate::model::day::day_of_ms;

/// How many days are asked for at once: some servers limit the range of a query, many of them to a month.
const DAYS_PER_QUERY: i64 = 28;

impl Endpoint {
    /// The timestamps, in milliseconds since 1970, of the last sample of a series on each of the given days
    /// that has any. The series is the one that marks days of a target as complete: its family, with the
    /// prefix of daily samples, and its labels, before external labels and relabeling.
    ///
    /// A day that is not in the result is due, and so is one whose timestamp is earlier than the one that it
    /// would be written with now: it has been revised.
    pub async fn markers(
        &self,
        family: &str,
        labels: &[(&str, &str)],
        days: RangeInclusive<Date>,
    ) -> Result<BTreeMap<Date, i64>, VerifyError> {
        let labels = Labeler::new(&self.settings).labels(family, labels.iter().copied())?;
        let labels = labels.ok_or_else(|| VerifyError::NoMarker { family: family.to_owned() })?;
        let name = labels.iter().find(|label| label.name == NAME);
        let name = name.map(|label| label.value.to_string()).unwrap_or_default();
        let selector = selector(&[name], &labels);
        let mut found: BTreeMap<Date, i64> = BTreeMap::new();
        let (mut first, end) = days.into_inner();
        while first <= end {
            let last = first.saturating_add((DAYS_PER_QUERY - 1).days()).min(end);
            let (from, to) = day::bounds_ms(first, last);
            for series in self.raw(&selector, from, to).await? {
                for (time, _) in series.samples {
                    if let Some(day) = day_of_ms(time) {
                        let newest = found.entry(day).or_insert(time);
                        *newest = time.max(*newest);
                    }
                }
            }
            match last.checked_add(1.day()) {
                Ok(next) => first = next,
                Err(_) => break,
            }
        }
        Ok(found)
    }
}
