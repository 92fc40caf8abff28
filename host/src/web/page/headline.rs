//! The headline numbers of a target: the columns of the overview, and the tiles above its charts.
//!
//! Which families a number comes from is the business of mappings, and their contract has no place for
//! headlines. But it has one for charts, so a headline is the sum of series of a chart, found by their
//! names: a mapping that declares such a chart supplies the number, whatever its families are called. This
//! is the only place that names charts. A number that no mapping supplies is absent, which is not 0.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::data::{unit, values_by_day};
use super::numbers::Unit;
use super::select::{Day, latest_sum, sums_by_day};
use crate::model::{Chart, ChartForm, ChartSeries, Samples, Selection};

/// A headline number.
pub(super) struct Headline {
    /// Its name above a column of the overview, in two lines.
    pub column: [&'static str; 2],
    /// Its name on a tile.
    pub name: &'static str,
    /// The title of the chart.
    chart: &'static str,
    /// The series of the chart that are summed up.
    series: &'static [&'static str],
    /// Whether it is compared with the value of a week earlier.
    pub is_compared: bool,
}

/// The headline numbers, in order.
pub(super) const HEADLINES: [Headline; 8] = [
    Headline::compared(["Active", "day"], "Active users, day", "Active users", &["day"]),
    Headline::compared(["Active", "week"], "Active users, week", "Active users", &["week"]),
    Headline::compared(["Active", "month"], "Active users, month", "Active users", &["month"]),
    Headline::new(["Accepted", "completions"], "Accepted completions", "Acceptance", &["accepted"]),
    Headline::new(
        ["Agents’", "share"],
        "Lines added by agents",
        "Share of agents",
        &["added by agents"],
    ),
    Headline::new(
        ["Seats", "used"],
        "Seats used within 30 days",
        "Seats",
        &["used within 7 days", "used within 30 days"],
    ),
    Headline::new(
        ["Seats", "idle"],
        "Seats idle for longer",
        "Seats",
        &["idle for 31 to 90 days", "idle for longer", "no activity on record"],
    ),
    Headline::new(["Cost this", "month"], "AI usage this month", "Cost this month", &["so far"]),
];

/// A number and its unit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Value {
    /// The number.
    pub number: f64,
    /// Its unit.
    pub unit: Unit,
}

impl Headline {
    const fn new(
        column: [&'static str; 2],
        name: &'static str,
        chart: &'static str,
        series: &'static [&'static str],
    ) -> Self {
        Self { column, name, chart, series, is_compared: false }
    }

    const fn compared(
        column: [&'static str; 2],
        name: &'static str,
        chart: &'static str,
        series: &'static [&'static str],
    ) -> Self {
        Self { is_compared: true, ..Self::new(column, name, chart, series) }
    }

    /// Its value in the samples that are served of a target, given the charts of its mappings. Of several
    /// charts with its title, the first one with samples counts. `None` if there is none.
    pub(super) fn value<'a>(
        &self,
        charts: impl Iterator<Item = &'a Chart>,
        samples: &[Arc<Samples>],
    ) -> Option<Value> {
        self.series(charts).find_map(|(are_bars, series)| {
            let value = |series: &&ChartSeries| latest_value(series, samples, are_bars);
            let number = series.iter().filter_map(value).reduce(|sum, number| sum + number)?;
            Some(Value { number, unit: unit(series) })
        })
    }

    /// Its value on each day of samples with days. Only headlines of a single series have one.
    pub(super) fn by_day<'a>(
        &self,
        charts: impl Iterator<Item = &'a Chart>,
        samples: &Samples,
    ) -> BTreeMap<Day, f64> {
        let by_day = self.series(charts).filter_map(|(_, series)| match series.as_slice() {
            [series] => Some(values_by_day(series, |selection| sums_by_day(samples, selection))),
            _ => None,
        });
        by_day.into_iter().find(|values| !values.is_empty()).unwrap_or_default()
    }

    /// The selections that it is computed from.
    pub(super) fn selections<'a>(
        &self,
        charts: impl Iterator<Item = &'a Chart>,
    ) -> Vec<&'a Selection> {
        let series = self.series(charts).flat_map(|(_, series)| series);
        series
            .flat_map(|series| [Some(&series.value), series.divided_by.as_ref()])
            .flatten()
            .collect()
    }

    /// The series of each chart that has all of them, and whether it has bars.
    fn series<'a>(
        &self,
        charts: impl Iterator<Item = &'a Chart>,
    ) -> impl Iterator<Item = (bool, Vec<&'a ChartSeries>)> {
        charts.filter(|chart| chart.title == self.chart).filter_map(|chart| {
            let (are_bars, of_chart) = match &chart.form {
                ChartForm::Lines(series) => (false, series),
                ChartForm::Bars(series) => (true, series),
                ChartForm::BarsByLabel(_) => return None,
            };
            let named = |name: &&str| of_chart.iter().find(|series| series.name == **name);
            let series: Option<Vec<_>> = self.series.iter().map(named).collect();
            Some((are_bars, series?))
        })
    }
}

/// The value of a series in the samples that are served. Bars are of families with a sample for each part:
/// if a family has samples, but none that match, the value is 0, as in the chart.
fn latest_value(series: &ChartSeries, samples: &[Arc<Samples>], is_bar: bool) -> Option<f64> {
    let sum = |selection| samples.iter().find_map(|samples| latest_sum(samples, selection));
    let Some(divisor) = &series.divided_by else {
        let family = Selection { matchers: Vec::new(), ..series.value.clone() };
        let or_zero = || (is_bar && sum(&family).is_some()).then_some(0.0);
        return sum(&series.value).or_else(or_zero);
    };
    Some(sum(&series.value)? / sum(divisor)?).filter(|ratio| ratio.is_finite())
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{NEWEST, all_of, of_kind, samples, series};
    use super::*;

    const DAY: Headline = Headline::compared(["", ""], "", "Users", &["day"]);
    const IDLE: Headline = Headline::new(["", ""], "", "Seats", &["a", "b"]);

    fn chart(title: &str, form: ChartForm) -> Chart {
        Chart { title: title.to_owned(), help: String::new(), form }
    }

    fn seats() -> Chart {
        let series = ["a", "b", "c"].map(|kind| series(kind, of_kind("seats", &[kind])));
        chart("Seats", ChartForm::Bars(series.to_vec()))
    }

    fn users(form: impl Fn(Vec<ChartSeries>) -> ChartForm) -> Chart {
        chart("Users", form(vec![series("day", of_kind("users", &["day"]))]))
    }

    fn value(headline: &Headline, charts: &[Chart], samples: Samples) -> Option<f64> {
        headline.value(charts.iter(), &[Arc::new(samples)]).map(|value| value.number)
    }

    #[test]
    fn a_headline_is_the_sum_of_series_of_a_chart_whatever_its_families_are_called() {
        let samples = || samples(&[("seats", &[("a", 0, 1.0), ("b", 0, 2.0), ("c", 0, 4.0)])]);
        assert_eq!(value(&IDLE, &[seats()], samples()), Some(3.0));
        // A chart without one of the series is another chart.
        let other = Headline::new(["", ""], "", "Seats", &["a", "d"]);
        assert_eq!(value(&other, &[seats()], samples()), None);
        assert_eq!(value(&IDLE, &[], samples()), None);
    }

    #[test]
    fn a_number_that_is_not_known_is_absent_and_not_0() {
        let none = || samples(&[("users", &[("week", 0, 1.0)])]);
        assert_eq!(value(&DAY, &[users(ChartForm::Lines)], none()), None);
        assert_eq!(value(&IDLE, &[seats()], none()), None);
        // Seats are counted by age: none of that age are 0.
        let used = samples(&[("seats", &[("c", 0, 4.0)])]);
        assert_eq!(value(&IDLE, &[seats()], used), Some(0.0));
        let of_nothing = |of: f64| {
            let per =
                ChartSeries { divided_by: Some(all_of("all")), ..series("day", all_of("users")) };
            let samples = samples(&[("users", &[("a", 0, 1.0)]), ("all", &[("a", 0, of)])]);
            value(&DAY, &[chart("Users", ChartForm::Lines(vec![per]))], samples)
        };
        assert_eq!([of_nothing(0.0), of_nothing(4.0)], [None, Some(0.25)]);
    }

    #[test]
    fn of_several_charts_with_the_title_the_first_one_with_samples_counts() {
        let fallback = chart("Users", ChartForm::Lines(vec![series("day", all_of("others"))]));
        let charts = [users(ChartForm::Lines), fallback];
        let both = samples(&[("others", &[("a", 0, 2.0)]), ("users", &[("day", 0, 1.0)])]);
        assert_eq!(value(&DAY, &charts, both), Some(1.0));
        let second = samples(&[("others", &[("a", NEWEST, 2.0)])]);
        assert_eq!(DAY.by_day(charts.iter(), &second), BTreeMap::from([(NEWEST, 2.0)]));
        assert_eq!(value(&DAY, &charts, second), Some(2.0));
        assert_eq!(DAY.selections(charts.iter()).len(), 2);
    }
}
