//! How many days the charts with lines show.

use std::collections::BTreeSet;

use jiff::ToSpan;
use jiff::civil::Date;

/// How many days the charts with lines show, up to the newest one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) enum Range {
    /// Those that GitHub's reports are about.
    #[default]
    Days28,
    /// About a quarter.
    Days90,
    /// A year.
    Year,
}

impl Range {
    /// All ranges, shortest first.
    const ALL: [Self; 3] = [Self::Days28, Self::Days90, Self::Year];

    /// The range that a value of the query parameter `range` means.
    pub(super) fn parse(value: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|range| range.value() == value)
    }

    /// The value of the query parameter.
    pub(super) fn value(self) -> &'static str {
        match self {
            Self::Days28 => "28d",
            Self::Days90 => "90d",
            Self::Year => "1y",
        }
    }

    /// The name on the page.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Days28 => "28 days",
            Self::Days90 => "90 days",
            Self::Year => "1 year",
        }
    }

    /// The number of days.
    pub(super) fn days(self) -> i64 {
        match self {
            Self::Days28 => 28,
            Self::Days90 => 90,
            Self::Year => 365,
        }
    }

    /// Whether it needs more than the newest documents.
    pub(super) fn needs_kept_days(self) -> bool {
        self != Self::Days28
    }

    /// The first day, if `newest` is the last one.
    pub(super) fn first_day(self, newest: Date) -> Date {
        newest.saturating_sub((self.days() - 1).days())
    }

    /// The ranges that show more than shorter ones do, given the newest day and the days that are kept:
    /// at least the 28 days.
    pub(super) fn available(newest: Option<Date>, kept: &BTreeSet<Date>) -> Vec<Self> {
        let mut ranges = vec![Self::default()];
        let Some(newest) = newest.max(kept.last().copied()) else { return ranges };
        for (shorter, range) in Self::ALL.into_iter().zip(Self::ALL.into_iter().skip(1)) {
            let days = range.first_day(newest)..shorter.first_day(newest);
            if kept.range(days).next().is_some() {
                ranges.push(range);
            }
        }
        ranges
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    const NEWEST: Date = date(2026, 11, 20);

    #[test]
    fn a_range_is_parsed_from_its_value_and_from_nothing_else() {
        for range in Range::ALL {
            assert_eq!(Range::parse(range.value()), Some(range));
        }
        for other in ["", "90", "90D", "2y", "1y ", "<b>"] {
            assert_eq!(Range::parse(other), None, "{other}");
        }
    }

    #[test]
    fn a_range_is_available_if_days_are_kept_that_the_shorter_ones_do_not_show() {
        let available = |ages: &[i64]| {
            let kept = ages.iter().map(|age| NEWEST.saturating_sub(age.days())).collect();
            Range::available(Some(NEWEST), &kept)
        };
        assert_eq!(available(&[]), [Range::Days28]);
        assert_eq!(available(&[0, 27]), [Range::Days28]);
        assert_eq!(available(&[28]), [Range::Days28, Range::Days90]);
        assert_eq!(available(&[89]), [Range::Days28, Range::Days90]);
        assert_eq!(available(&[90]), [Range::Days28, Range::Year]);
        assert_eq!(available(&[30, 364]), [Range::Days28, Range::Days90, Range::Year]);
        assert_eq!(available(&[365]), [Range::Days28]);
    }

    #[test]
    fn without_documents_the_newest_day_is_the_last_one_that_is_kept() {
        let kept = [NEWEST, NEWEST.saturating_sub(40.days())].into();
        assert_eq!(Range::available(None, &kept), [Range::Days28, Range::Days90]);
        assert_eq!(Range::available(None, &BTreeSet::new()), [Range::Days28]);
    }
}
