//! Draws a chart with lines over days: computes where everything is. `lines.html` has the look.

use askama::Template;
use jiff::civil::{Date, Weekday};

use super::data::{Line, LineData};
use super::frame::Frame;
use super::numbers::{month, short_day, ticks};

/// The size of the chart, in the units of its `viewBox`.
const WIDTH: f64 = 440.0;
const HEIGHT: f64 = 210.0;
/// The space for the numbers of the axes.
const LEFT: f64 = 54.0;
const BOTTOM: f64 = 34.0;
const MARGIN: f64 = 10.0;
/// The number of intervals between the dates on the axis.
const DATE_INTERVALS: usize = 3;
/// From this many days on, a date is a month of a year. From the same number on, lines are thin.
const MANY_DAYS: usize = 180;
/// Weekends are shaded if a day is at least so wide.
const WEEKEND_WIDTH: f64 = 3.0;
/// The number of line styles in `page.css`. More lines share them.
const STYLES: usize = 6;

/// A chart with lines over days.
pub(super) struct LineChart<'a> {
    /// What is around it.
    pub frame: Frame<'a>,
    /// Its values.
    pub data: &'a LineData,
}

/// A number or date on an axis, and its position.
struct Tick {
    at: f64,
    text: String,
    /// The SVG attribute `text-anchor`.
    anchor: &'static str,
}

struct LinePath<'a> {
    name: &'a str,
    /// The number of its style, from 1.
    style: usize,
    /// The SVG path through its points.
    path: String,
    last: String,
}

/// A day: the area that shows its values under the pointer, and its row of the table.
struct DayColumn {
    date: Date,
    left: f64,
    /// The value of each line.
    values: Vec<String>,
    /// All of it on one line.
    text: String,
}

#[derive(Template)]
#[template(path = "lines.html")]
struct LinesTemplate<'a> {
    frame: &'a Frame<'a>,
    summary: String,
    numbers: Vec<Tick>,
    dates: Vec<Tick>,
    lines: Vec<LinePath<'a>>,
    days: Vec<DayColumn>,
    /// The left edges and the widths of the weekends, where they are shaded.
    weekends: Vec<(f64, f64)>,
    /// Whether the lines are thin, because days are close together.
    is_thin: bool,
    day_width: f64,
}

impl LineChart<'_> {
    /// Renders HTML that contains SVG.
    pub(super) fn render(&self) -> askama::Result<String> {
        let LineData { unit, days, lines } = self.data;
        let values = lines.iter().flat_map(|line| line.values.iter().flatten().copied());
        let ticks = ticks(values.fold(0.0, f64::max));
        let top = ticks.last().copied().unwrap_or(1.0);
        let y = |value: f64| {
            let height = HEIGHT - BOTTOM - MARGIN;
            // Negative values are not expected; they stay within the chart.
            MARGIN + height * (1.0 - (value / top).clamp(0.0, 1.0))
        };
        let numbers =
            ticks.iter().map(|tick| Tick { at: y(*tick), text: unit.short(*tick), anchor: "end" });
        let dates = days.iter().enumerate().rev();
        let dates = dates.step_by((days.len().saturating_sub(1) / DATE_INTERVALS).max(1));
        let dates = dates.map(|(at, day)| Tick {
            at: self.x(at),
            text: if self.has_many_days() { month(*day) } else { short_day(*day) },
            // The first and the last one stay within the axis.
            anchor: match at {
                0 => "start",
                _ if at + 1 == days.len() => "end",
                _ => "middle",
            },
        });
        let lines = lines.iter().enumerate().map(|(at, line)| LinePath {
            name: &line.name,
            style: at % STYLES + 1,
            path: self.path(&line.values, y),
            last: self.text(last(line)),
        });
        let template = LinesTemplate {
            frame: &self.frame,
            summary: self.summary(),
            numbers: numbers.collect(),
            dates: dates.collect(),
            lines: lines.collect(),
            days: self.day_columns(),
            weekends: self.weekends(),
            is_thin: self.has_many_days(),
            day_width: self.day_width(),
        };
        template.render()
    }

    /// Whether there is room to shade weekends.
    pub(super) fn shades_weekends(&self) -> bool {
        self.day_width() >= WEEKEND_WIDTH
    }

    fn day_width(&self) -> f64 {
        (WIDTH - LEFT - MARGIN) / self.data.days.len().max(2) as f64
    }

    fn has_many_days(&self) -> bool {
        self.data.days.len() >= MANY_DAYS
    }

    /// The left edges and the widths of Saturdays and Sundays: without them, a week looks like an outage.
    fn weekends(&self) -> Vec<(f64, f64)> {
        if !self.shades_weekends() {
            return Vec::new();
        }
        let mut weekends: Vec<(usize, u8)> = Vec::new();
        for (at, day) in self.data.days.iter().enumerate() {
            match (day.weekday(), weekends.last_mut()) {
                (Weekday::Sunday, Some((first, days))) if *first + 1 == at => *days = 2,
                (Weekday::Saturday | Weekday::Sunday, _) => weekends.push((at, 1)),
                _ => {}
            }
        }
        let width = self.day_width();
        let edges = |(first, days)| (self.x(first) - width / 2.0, width * f64::from(days));
        weekends.into_iter().map(edges).collect()
    }

    fn x(&self, day: usize) -> f64 {
        LEFT + (day as f64 + 0.5) * self.day_width()
    }

    fn text(&self, value: Option<f64>) -> String {
        value.map_or_else(|| "no data".to_owned(), |value| self.data.unit.full(value))
    }

    /// The path through the points, with a gap at each day without a value.
    fn path(&self, values: &[Option<f64>], y: impl Fn(f64) -> f64) -> String {
        let mut path = String::new();
        let mut is_pen_down = false;
        for (day, value) in values.iter().enumerate() {
            if let Some(value) = value {
                let command = if is_pen_down { "L" } else { "M" };
                let (x, y) = (self.x(day), y(*value));
                path.push_str(&format!("{command}{x:.1} {y:.1}"));
                if !is_pen_down {
                    // A line of no length is a dot, so that a day between two gaps is visible.
                    path.push_str("h0");
                }
            }
            is_pen_down = value.is_some();
        }
        path
    }

    fn day_columns(&self) -> Vec<DayColumn> {
        let LineData { days, lines, .. } = self.data;
        let day = |(at, date): (usize, &Date)| {
            let value = |line: &Line| self.text(line.values.get(at).copied().flatten());
            let values: Vec<String> = lines.iter().map(value).collect();
            let named = lines.iter().zip(&values);
            let named: Vec<String> =
                named.map(|(line, value)| format!("{} {value}", line.name)).collect();
            let left = self.x(at) - self.day_width() / 2.0;
            DayColumn { date: *date, left, values, text: format!("{date}: {}", named.join(", ")) }
        };
        days.iter().enumerate().map(day).collect()
    }

    /// Describes the chart in words.
    fn summary(&self) -> String {
        let LineData { unit, days, lines } = self.data;
        let mut summary = self.frame.help.to_owned();
        if let (Some(first), Some(last)) = (days.first(), days.last()) {
            summary.push_str(&format!(" From {first} to {last}."));
        }
        for line in lines {
            let values = || line.values.iter().flatten().copied();
            if let Some((least, most)) = values().reduce(f64::min).zip(values().reduce(f64::max)) {
                let [least, most] = [least, most].map(|value| unit.full(value));
                let (name, last) = (&line.name, self.text(last(line)));
                summary.push_str(&format!(" {name}: {least} to {most}, {last} on the last day."));
            }
        }
        summary
    }
}

fn last(line: &Line) -> Option<f64> {
    line.values.last().copied().flatten()
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::super::numbers::Unit;
    use super::*;

    const FRAME: Frame<'_> =
        Frame { id: "t-1", title: "Title", help: "Help.", query: "org=octo-org&chart=Title" };

    #[test]
    fn a_day_without_a_value_is_a_gap() {
        let days = (1..=4).map(|day| date(2026, 11, day)).collect();
        let values = vec![Some(0.0), Some(50.0), None, Some(100.0)];
        let lines = vec![Line { name: "day".to_owned(), values }];
        let data = LineData { unit: Unit::Count, days, lines };
        let chart = LineChart { frame: FRAME, data: &data };
        let html = chart.render().unwrap();
        // Two of the four days are connected; the last one is a dot.
        assert!(html.contains("d=\"M101.0 176.0h0L195.0 93.0M383.0 10.0h0\""), "{html}");
        assert!(html.contains("<th scope=\"row\">2026-11-03</th><td>no data</td>"), "{html}");
        assert!(html.contains("Help. From 2026-11-01 to 2026-11-04. day: 0 to 100, 100 on"));
    }

    /// A chart of so many days, all of which but the second one have a value.
    fn html_of(days: usize) -> String {
        let first = date(2025, 11, 26);
        let dates = (0..days as i64).map(|day| first.saturating_add(jiff::ToSpan::days(day)));
        let values = (0..days).map(|day| (day != 1).then_some(1.0)).collect();
        let lines = vec![Line { name: "day".to_owned(), values }];
        let data = LineData { unit: Unit::Count, days: dates.collect(), lines };
        LineChart { frame: FRAME, data: &data }.render().unwrap()
    }

    /// The texts of the dates on the axis, newest first.
    fn dates_of(html: &str) -> Vec<&str> {
        let texts = html.split(" y=\"204\"").skip(1);
        texts.filter_map(|rest| Some(rest.split_once('>')?.1.split_once('<')?.0)).collect()
    }

    #[test]
    fn every_range_has_four_dates_on_the_axis_and_a_year_shows_which_year() {
        assert_eq!(dates_of(&html_of(28)), ["Dec 23", "Dec 14", "Dec 5", "Nov 26"]);
        assert_eq!(dates_of(&html_of(90)), ["Feb 23", "Jan 25", "Dec 27", "Nov 28"]);
        assert_eq!(dates_of(&html_of(365)), ["Nov 2026", "Jul 2026", "Mar 2026", "Nov 2025"]);
        assert_eq!(dates_of(&html_of(1)), ["Nov 26"]);
    }

    #[test]
    fn weekends_are_shaded_where_there_is_room_and_a_gap_is_one_in_every_range() {
        let weekends = |days| html_of(days).matches("class=\"weekend\"").count();
        assert_eq!([weekends(28), weekends(90), weekends(365)], [4, 13, 0]);
        for days in [28, 90, 365] {
            let html = html_of(days);
            let path = html.split("<path class=\"line line-1\" d=\"").nth(2).unwrap();
            let path = path.split('"').next().unwrap();
            assert_eq!(path.matches('M').count(), 2, "{path}");
            assert_eq!(path.matches('L').count(), days - 3, "{path}");
        }
    }
}
