//! The sums of kept days: all that charts with lines need of them.

use std::collections::BTreeMap;

use super::select::{Day, selected_samples, sums_by_day};
use crate::model::{Chart, ChartForm, Samples, Selection};

/// The sums of the kept days of a mapping, for its charts with lines: a number for each selection and
/// day, so that the samples need not be kept.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Past {
    selections: Vec<Selection>,
    days: BTreeMap<Day, DaySums>,
}

#[derive(Clone, Debug, PartialEq)]
struct DaySums {
    /// Identifies what they were made of.
    fingerprint: String,
    /// One for each selection.
    sums: Vec<DaySum>,
}

/// The sum of the samples of a day that a selection matches.
#[derive(Clone, Copy, Debug, PartialEq)]
enum DaySum {
    /// The family has no samples of the day.
    NoFamily,
    /// The family has samples of the day, but none that match.
    NoMatch,
    Sum(f64),
}

impl Past {
    /// Without days, for these charts.
    pub(super) fn new(charts: &[Chart]) -> Self {
        let lines = charts.iter().filter(|chart| matches!(chart.form, ChartForm::Lines(_)));
        let mut selections: Vec<Selection> = Vec::new();
        for selection in lines.flat_map(Chart::selections) {
            if !selections.contains(selection) {
                selections.push(selection.clone());
            }
        }
        Self { selections, days: BTreeMap::new() }
    }

    /// What is summed up.
    pub(super) fn selections(&self) -> &[Selection] {
        &self.selections
    }

    /// Whether the sums of a day were made of what the fingerprint identifies.
    pub(super) fn is_current(&self, day: Day, fingerprint: &str) -> bool {
        self.days.get(&day).is_some_and(|sums| sums.fingerprint == fingerprint)
    }

    /// Sums up the samples that the documents of a day were mapped into.
    pub(super) fn insert(&mut self, day: Day, fingerprint: String, samples: &Samples) {
        let sum = |selection: &Selection| {
            let family = Selection { matchers: Vec::new(), ..selection.clone() };
            match sums_by_day(samples, selection).get(&day) {
                Some(sum) => DaySum::Sum(*sum),
                None if selected_samples(samples, &family).any(|sample| sample.day == day) => {
                    DaySum::NoMatch
                }
                None => DaySum::NoFamily,
            }
        };
        let sums = self.selections.iter().map(sum).collect();
        self.days.insert(day, DaySums { fingerprint, sums });
    }

    /// Forgets the days that do not satisfy a condition.
    pub(super) fn retain(&mut self, is_kept: impl Fn(Day) -> bool) {
        self.days.retain(|day, _| is_kept(*day));
    }

    /// Merges the sums of a selection with those of the newest documents. Where both have the family of
    /// a day, the kept day counts, as it does for daily samples.
    pub(super) fn merge(
        &self,
        selection: &Selection,
        mut newest: BTreeMap<Day, f64>,
    ) -> BTreeMap<Day, f64> {
        let Some(at) = self.selections.iter().position(|known| known == selection) else {
            return newest;
        };
        for (day, of_day) in &self.days {
            match of_day.sums.get(at) {
                Some(DaySum::Sum(sum)) => drop(newest.insert(*day, *sum)),
                Some(DaySum::NoMatch) => drop(newest.remove(day)),
                Some(DaySum::NoFamily) | None => {}
            }
        }
        newest
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{NEWEST, all_of, of_kind, samples, series};
    use super::*;
    use crate::model::ChartSeries;

    /// The past of a chart with a line of all users and a line of the ratio of those of kind `a`.
    fn past() -> Past {
        let divided_by = Some(all_of("users"));
        let ratio = ChartSeries { divided_by, ..series("ratio", of_kind("users", &["a"])) };
        let form = ChartForm::Lines(vec![series("all", all_of("users")), ratio]);
        Past::new(&[Chart { title: String::new(), help: String::new(), form }])
    }

    #[test]
    fn each_selection_of_the_lines_is_summed_up_once() {
        assert_eq!(past().selections(), [all_of("users"), of_kind("users", &["a"])]);
    }

    #[test]
    fn a_family_of_a_kept_day_replaces_that_of_the_newest_documents() {
        let mut past = past();
        let day = NEWEST - 1;
        past.insert(day, "1".to_owned(), &samples(&[("users", &[("b", day, 3.0)])]));
        let newest = || BTreeMap::from([(NEWEST, 1.0), (day, 2.0)]);
        assert_eq!(
            past.merge(&all_of("users"), newest()),
            BTreeMap::from([(NEWEST, 1.0), (day, 3.0)])
        );
        // The kept day has the family without that kind, so the sum of the newest documents is outdated.
        assert_eq!(
            past.merge(&of_kind("users", &["a"]), newest()),
            BTreeMap::from([(NEWEST, 1.0)])
        );
    }

    #[test]
    fn a_family_that_a_kept_day_lacks_is_that_of_the_newest_documents() {
        let mut past = past();
        past.insert(NEWEST, "1".to_owned(), &samples(&[("other", &[("a", NEWEST, 3.0)])]));
        // Samples of another day than the kept one do not count.
        past.insert(NEWEST - 1, "1".to_owned(), &samples(&[("users", &[("a", NEWEST, 3.0)])]));
        let newest = || BTreeMap::from([(NEWEST, 1.0)]);
        assert_eq!(past.merge(&all_of("users"), newest()), newest());
        assert_eq!(past.merge(&all_of("seats"), newest()), newest());
    }

    #[test]
    fn a_day_is_current_until_its_documents_change_or_are_removed() {
        let mut past = past();
        past.insert(NEWEST, "1".to_owned(), &Samples::default());
        assert!(past.is_current(NEWEST, "1"));
        assert!(!past.is_current(NEWEST, "2") && !past.is_current(NEWEST - 1, "1"));
        past.retain(|day| day < NEWEST);
        assert!(!past.is_current(NEWEST, "1"));
    }
}
