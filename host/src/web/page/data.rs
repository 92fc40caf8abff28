//! The values of a chart, computed from the samples of a mapping.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use jiff::civil::Date;

use super::numbers::Unit;
use super::past::Past;
use super::range::Range;
use super::select::{Day, date, labeled_samples, selected_samples, sums_by_day, sums_by_label};
use crate::model::{Chart, ChartForm, ChartSeries, LabelBars, Samples, Selection};

/// The number of days of a chart with bars.
const DAYS: i64 = 28;
/// The largest number of bars by label. If there are more labels, the last bar is their sum.
const MAX_BARS: usize = 8;

/// The values of a chart.
#[derive(Debug, PartialEq)]
pub(super) enum ChartData {
    /// Lines over days.
    Lines(LineData),
    /// Bars.
    Bars(BarData),
}

/// The values of a chart with lines.
#[derive(Debug, PartialEq)]
pub(super) struct LineData {
    /// The unit of all values.
    pub unit: Unit,
    /// The days, in order: those of a range up to the newest day with a value.
    pub days: Vec<Date>,
    /// The lines.
    pub lines: Vec<Line>,
}

/// A line.
#[derive(Debug, PartialEq)]
pub(super) struct Line {
    /// Its name.
    pub name: String,
    /// Its value on each day, if it has one.
    pub values: Vec<Option<f64>>,
}

/// The values of a chart with bars.
#[derive(Debug, PartialEq)]
pub(super) struct BarData {
    /// The unit of all values.
    pub unit: Unit,
    /// The first and the last day that are summed up: the same if it is one day.
    pub days: [Date; 2],
    /// Whether each value has a share: of the sum of all values, or that of its part in it.
    pub has_shares: bool,
    /// The name of the values, and of their parts if they have any.
    pub columns: Vec<String>,
    /// The bars, in order.
    pub bars: Vec<Bar>,
}

/// A bar.
#[derive(Debug, PartialEq)]
pub(super) struct Bar {
    /// Its name.
    pub name: String,
    /// Its length.
    pub value: f64,
    /// The part of it to highlight.
    pub part: Option<f64>,
}

impl ChartData {
    /// Computes the values of a chart: lines over the days of a range, also of kept days, and bars of the
    /// newest documents. `None` if there are no samples for it.
    pub(super) fn new(
        chart: &Chart,
        (samples, past): (&Samples, &Past),
        range: Range,
    ) -> Option<Self> {
        match &chart.form {
            ChartForm::Lines(series) => lines(series, samples, past, range).map(Self::Lines),
            ChartForm::Bars(series) => bars(&chart.title, series, samples).map(Self::Bars),
            ChartForm::BarsByLabel(bars) => bars_by_label(bars, samples).map(Self::Bars),
        }
    }
}

fn lines(series: &[ChartSeries], samples: &Samples, past: &Past, range: Range) -> Option<LineData> {
    let sums = |selection: &Selection| past.merge(selection, sums_by_day(samples, selection));
    let values: Vec<_> = series.iter().map(|series| values_by_day(series, sums)).collect();
    let newest = newest_day(&values)?;
    let lines = series.iter().zip(&values).map(|(series, values)| Line {
        name: series.name.clone(),
        values: days_up_to(newest, range.days()).map(|day| values.get(&day).copied()).collect(),
    });
    Some(LineData {
        unit: unit(series),
        days: days_up_to(newest, range.days()).map(date).collect(),
        lines: lines.collect(),
    })
}

fn bars(title: &str, series: &[ChartSeries], samples: &Samples) -> Option<BarData> {
    let sums = |selection: &Selection| sums_by_day(samples, selection);
    let values: Vec<_> = series.iter().map(|series| values_by_day(series, sums)).collect();
    let newest = newest_day(&values)?;
    let bars = series.iter().zip(&values).filter_map(|(series, values)| {
        let value = values.get(&newest).copied();
        // If the family has samples of that day, but none that match, their sum is 0.
        let or_zero = || is_count_of_day(series, newest, samples).then_some(0.0);
        Some(Bar { name: series.name.clone(), value: value.or_else(or_zero)?, part: None })
    });
    let (unit, columns) = (unit(series), vec![title.to_owned()]);
    // Counts are parts of a whole, such as seats. Amounts are of different things, such as a budget.
    let has_shares = unit == Unit::Count;
    Some(BarData { unit, days: [date(newest); 2], has_shares, columns, bars: bars.collect() })
}

fn bars_by_label(chart: &LabelBars, samples: &Samples) -> Option<BarData> {
    let days = || labeled_samples(samples, &chart.value, &chart.label).map(|(_, it)| it.day);
    let newest = days().max()?;
    // A sum over a single day is about that day, such as a month so far.
    let first = if days().min() == Some(newest) { newest } else { newest - (DAYS - 1) };
    let values = sums_by_label(samples, &chart.value, &chart.label, days_up_to(newest, DAYS));
    let parts = chart
        .part
        .as_ref()
        .map(|part| sums_by_label(samples, part, &chart.label, days_up_to(newest, DAYS)));
    let bar = |(name, value): (&str, f64)| {
        // A part that does not exist is not 0: code of agents, for example, can't be accepted.
        let part = parts.as_ref().and_then(|parts| parts.get(name).copied());
        Bar { name: name.to_owned(), value, part }
    };
    let mut bars: Vec<Bar> =
        values.into_iter().filter(|(_, value)| *value > 0.0).map(bar).collect();
    bars.sort_by(|one, other| {
        other.value.total_cmp(&one.value).then_with(|| one.name.cmp(&other.name))
    });
    if bars.len() > MAX_BARS {
        let others = bars.split_off(MAX_BARS - 1);
        bars.push(Bar {
            name: format!("{} others", others.len()),
            value: others.iter().map(|bar| bar.value).sum(),
            part: others.iter().filter_map(|bar| bar.part).reduce(|sum, part| sum + part),
        });
    }
    let mut columns = vec![chart.value_name.clone()];
    if chart.part.is_some() {
        columns.push(chart.part_name.clone().unwrap_or_else(|| "part".to_owned()));
    }
    let unit = Unit::of_family(&chart.value.family);
    let days = [date(first), date(newest)];
    (!bars.is_empty()).then_some(BarData { unit, days, has_shares: true, columns, bars })
}

/// The unit of a chart, if every series has the same one. A quotient of one unit is a ratio, and otherwise has
/// the unit of the dividend: dollars per user are dollars.
pub(super) fn unit<'a>(series: impl IntoIterator<Item = &'a ChartSeries>) -> Unit {
    let of_family = |selection: &Selection| Unit::of_family(&selection.family);
    let of_series = |series: &ChartSeries| match &series.divided_by {
        Some(divisor) if of_family(divisor) == of_family(&series.value) => Unit::Ratio,
        _ => of_family(&series.value),
    };
    let mut units = series.into_iter().map(of_series);
    let first = units.next().unwrap_or(Unit::Count);
    if units.all(|unit| unit == first) { first } else { Unit::Count }
}

fn newest_day(values: &[BTreeMap<Day, f64>]) -> Option<Day> {
    values.iter().filter_map(|values| values.keys().next_back()).max().copied()
}

/// This many days up to the newest one.
fn days_up_to(newest: Day, days: i64) -> RangeInclusive<Day> {
    newest - (days - 1)..=newest
}

/// The value of a series on each day: a sum, or a ratio of sums. A day whose divisor is 0 or unknown
/// has no ratio.
pub(super) fn values_by_day(
    series: &ChartSeries,
    sums: impl Fn(&Selection) -> BTreeMap<Day, f64>,
) -> BTreeMap<Day, f64> {
    let values = sums(&series.value);
    let Some(divisor) = &series.divided_by else { return values };
    let divisors = sums(divisor);
    let ratio = |(day, value): (Day, f64)| {
        let ratio = value / divisors.get(&day)?;
        ratio.is_finite().then_some((day, ratio))
    };
    values.into_iter().filter_map(ratio).collect()
}

/// Whether a series is a sum of a family that has samples of a day.
fn is_count_of_day(series: &ChartSeries, day: Day, samples: &Samples) -> bool {
    let family = Selection { matchers: Vec::new(), ..series.value.clone() };
    series.divided_by.is_none()
        && selected_samples(samples, &family).any(|sample| sample.day == day)
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{NEWEST, all_of, of_kind, samples, series};
    use super::*;

    fn lines_of_28_days(series: &[ChartSeries], samples: &Samples) -> Option<LineData> {
        lines(series, samples, &Past::default(), Range::Days28)
    }

    #[test]
    fn a_line_is_the_sum_of_each_of_the_last_28_days() {
        let samples = samples(&[(
            "users",
            &[
                ("a", NEWEST, 1.0),
                ("b", NEWEST, 2.0),
                ("c", NEWEST, 4.0),
                ("a", NEWEST - 27, 8.0),
                ("a", NEWEST - 28, 16.0),
                ("a", NEWEST, f64::NAN),
                ("a", NEWEST, f64::INFINITY),
            ],
        )]);
        let lines = [
            series("all", all_of("users")),
            series("some", of_kind("users", &["a", "b"])),
            series("none", of_kind("users", &["x"])),
        ];
        let data = lines_of_28_days(&lines, &samples).unwrap();
        assert_eq!(data.unit, Unit::Count);
        assert_eq!(data.days.len(), 28);
        assert_eq!(data.days.last(), Some(&date(NEWEST)));
        let ends = |at: usize| [data.lines[at].values[0], data.lines[at].values[27]];
        assert_eq!(ends(0), [Some(8.0), Some(7.0)]);
        assert_eq!(ends(1), [Some(8.0), Some(3.0)]);
        assert_eq!(ends(2), [None, None]);
        assert_eq!(data.lines[0].values.iter().flatten().count(), 2);
    }

    #[test]
    fn a_ratio_has_no_point_on_a_day_whose_divisor_is_0_or_unknown() {
        let samples = samples(&[
            ("accepted", &[("a", NEWEST, 1.0), ("b", NEWEST - 1, 2.0), ("a", NEWEST - 2, 3.0)]),
            (
                "generated",
                &[("a", NEWEST - 1, 0.0), ("a", NEWEST - 2, 4.0), ("b", NEWEST - 2, 2.0)],
            ),
        ]);
        let divided_by = Some(all_of("generated"));
        let ratio = ChartSeries { divided_by, ..series("ratio", all_of("accepted")) };
        let data = lines_of_28_days(&[ratio], &samples).unwrap();
        assert_eq!(data.unit, Unit::Ratio);
        // The newest day that has a point.
        assert_eq!(data.days.last(), Some(&date(NEWEST - 2)));
        assert_eq!(data.lines[0].values[27], Some(0.5));
        assert_eq!(data.lines[0].values.iter().flatten().count(), 1);
    }

    #[test]
    fn a_longer_range_continues_the_line_with_kept_days_and_leaves_gaps_where_none_are_kept() {
        let newest = samples(&[("users", &[("a", NEWEST, 1.0), ("a", NEWEST - 1, 2.0)])]);
        let series = [series("all", all_of("users"))];
        let form = ChartForm::Lines(series.to_vec());
        let mut past = Past::new(&[Chart { title: "".to_owned(), help: "".to_owned(), form }]);
        for (day, value) in [(NEWEST - 1, 4.0), (NEWEST - 89, 8.0), (NEWEST - 90, 16.0)] {
            let samples = samples(&[("users", &[("a", day, value)])]);
            past.insert(day, String::new(), &samples);
        }
        let data = lines(&series, &newest, &past, Range::Days90).unwrap();
        assert_eq!([data.days[0], data.days[89]], [date(NEWEST - 89), date(NEWEST)]);
        let values = &data.lines[0].values;
        assert_eq!([values[0], values[88], values[89]], [Some(8.0), Some(4.0), Some(1.0)]);
        assert_eq!(values.iter().flatten().count(), 3);
    }

    #[test]
    fn a_chart_without_samples_has_no_data() {
        let samples = samples(&[("users", &[("a", NEWEST, 1.0)])]);
        let none = || of_kind("users", &["b"]);
        assert_eq!(lines_of_28_days(&[series("none", none())], &samples), None);
        assert_eq!(bars("Title", &[series("none", all_of("other"))], &samples), None);
    }

    #[test]
    fn bars_of_series_are_of_the_newest_day() {
        let samples = samples(&[(
            "seats",
            &[("1d", NEWEST, 1.0), ("7d", NEWEST, 2.0), ("30d", NEWEST - 1, 4.0)],
        )]);
        let seats = [
            series("recent", of_kind("seats", &["1d", "7d"])),
            series("earlier", of_kind("seats", &["30d"])),
            series("unknown", all_of("other")),
        ];
        let bar = |name: &str, value| Bar { name: name.to_owned(), value, part: None };
        let data = bars("Seats", &seats, &samples).unwrap();
        assert_eq!(data.columns, ["Seats"]);
        assert_eq!(data.bars, [bar("recent", 3.0), bar("earlier", 0.0)]);
    }

    #[test]
    fn dollars_per_something_are_dollars_and_dollars_per_dollars_are_a_ratio() {
        let per = |value: &str, divisor: &str| {
            let divided_by = Some(all_of(divisor));
            ChartSeries { divided_by, ..series("per", all_of(value)) }
        };
        assert_eq!(unit(&[per("net_dollars", "users")]), Unit::Dollars);
        assert_eq!(unit(&[per("net_dollars", "gross_dollars")]), Unit::Ratio);
        assert_eq!(unit(&[per("lines", "net_dollars")]), Unit::Count);
        assert_eq!(unit(&[per("accepted", "generated")]), Unit::Ratio);
        let dollars = || series("all", all_of("net_dollars"));
        assert_eq!(unit(&[dollars(), per("gross_dollars", "users")]), Unit::Dollars);
        assert_eq!(unit(&[dollars(), per("accepted", "generated")]), Unit::Count);
    }

    #[test]
    fn amounts_of_one_day_are_about_that_day_and_have_the_share_of_their_part() {
        let samples = samples(&[
            ("amount_dollars", &[("all", NEWEST, 8.0), ("web", NEWEST, 4.0)]),
            ("consumed_dollars", &[("all", NEWEST, 2.0)]),
        ]);
        let chart = LabelBars {
            label: "kind".to_owned(),
            value: all_of("amount_dollars"),
            value_name: "budget".to_owned(),
            part: Some(all_of("consumed_dollars")),
            part_name: Some("consumed".to_owned()),
        };
        let data = bars_by_label(&chart, &samples).unwrap();
        assert_eq!((data.unit, data.days), (Unit::Dollars, [date(NEWEST); 2]));
        assert!(data.has_shares);
        assert_eq!([data.bars[0].part, data.bars[1].part], [Some(2.0), None]);
        // A budget and what is spent are not parts of a whole.
        let series = [series("spent", all_of("consumed_dollars"))];
        assert!(!bars("Cost", &series, &samples).unwrap().has_shares);
    }

    #[test]
    fn the_smallest_bars_by_label_are_summed_up_in_the_last_one() {
        let names: Vec<String> = (0..10).map(|number| format!("name-{number}")).collect();
        let mut generated: Vec<(&str, Day, f64)> = names
            .iter()
            .zip(1..)
            .map(|(name, value)| (&**name, NEWEST, f64::from(value)))
            .collect();
        generated.extend([("", NEWEST, 100.0), ("old", NEWEST - 28, 100.0), ("zero", NEWEST, 0.0)]);
        let accepted =
            [("name-9", NEWEST, 5.0), ("name-9", NEWEST - 28, 100.0), ("name-0", NEWEST, 1.0)];
        let samples = samples(&[("generated", &generated), ("accepted", &accepted)]);
        let chart = LabelBars {
            label: "kind".to_owned(),
            value: all_of("generated"),
            value_name: "generated".to_owned(),
            part: Some(all_of("accepted")),
            part_name: Some("accepted".to_owned()),
        };
        let data = bars_by_label(&chart, &samples).unwrap();
        assert_eq!(data.columns, ["generated", "accepted"]);
        assert_eq!(data.days, [date(NEWEST - 27), date(NEWEST)]);
        assert_eq!(data.bars.len(), 8);
        let bar = |name: &str, value, part| Bar { name: name.to_owned(), value, part: Some(part) };
        assert_eq!(data.bars[0], bar("name-9", 10.0, 5.0));
        assert_eq!(data.bars[7], bar("3 others", 6.0, 1.0));
        let without_part = LabelBars { part: None, part_name: None, ..chart };
        let data = bars_by_label(&without_part, &samples).unwrap();
        assert_eq!(data.columns, ["generated"]);
        assert!(data.bars.iter().all(|bar| bar.part.is_none()));
    }
}
