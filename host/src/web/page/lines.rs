//! A picture with lines over days: where everything is. `lines.html` says how it looks.

use askama::Template;
use jiff::civil::Date;

use super::numbers::{Unit, ticks};

/// The size of the picture, in the units of its `viewBox`.
const WIDTH: f64 = 440.0;
const HEIGHT: f64 = 210.0;
/// The room for the numbers of the axes.
const LEFT: f64 = 54.0;
const BOTTOM: f64 = 34.0;
const MARGIN: f64 = 10.0;

/// A picture with lines over days.
pub(super) struct Lines {
    /// Its id on the page.
    pub id: String,
    /// Its title.
    pub title: &'static str,
    /// What the values are.
    pub what: &'static str,
    /// What kind of number they are.
    pub unit: Unit,
    /// The days, in order.
    pub days: Vec<Date>,
    /// The lines.
    pub lines: Vec<Line>,
}

/// A line.
pub(super) struct Line {
    /// Its name.
    pub name: &'static str,
    /// A value for each day that has one.
    pub values: Vec<Option<f64>>,
}

/// A line of the grid, and where its number stands.
struct Tick {
    at: f64,
    text: String,
    /// Which part of its text is there, in the words of SVG.
    anchor: &'static str,
}

struct Drawn {
    name: &'static str,
    /// The path through its points, in the words of SVG.
    path: String,
    last: String,
}

/// A day: the strip that answers the pointer, and the row of the table.
struct Day {
    date: Date,
    left: f64,
    /// What each line has.
    values: Vec<String>,
    /// All of it in one line.
    text: String,
}

#[derive(Template)]
#[template(path = "lines.html")]
struct LinesTemplate<'a> {
    picture: &'a Lines,
    summary: String,
    rows: Vec<Tick>,
    columns: Vec<Tick>,
    lines: Vec<Drawn>,
    days: Vec<Day>,
    strip: f64,
}

impl Lines {
    /// The width of a day.
    fn strip(&self) -> f64 {
        (WIDTH - LEFT - MARGIN) / self.days.len().max(2) as f64
    }

    fn x(&self, day: usize) -> f64 {
        LEFT + (day as f64 + 0.5) * self.strip()
    }

    /// Draws it: HTML with SVG inside.
    pub(super) fn draw(&self) -> askama::Result<String> {
        let values = self.lines.iter().flat_map(|line| line.values.iter().flatten().copied());
        let ticks = ticks(values.fold(0.0, f64::max));
        let top = ticks.last().copied().unwrap_or(1.0);
        let y = |value: f64| {
            let height = HEIGHT - BOTTOM - MARGIN;
            // Nothing here is below zero; what is all the same stays in the picture.
            MARGIN + height * (1.0 - (value / top).clamp(0.0, 1.0))
        };
        let rows = ticks.iter().map(|tick| Tick {
            at: y(*tick),
            text: self.unit.short(*tick),
            anchor: "end",
        });
        let columns = self.days.iter().enumerate().rev().step_by(9);
        let columns = columns.map(|(at, day)| Tick {
            at: self.x(at),
            text: short_day(*day),
            // The first and the last one stay within the axis.
            anchor: match at {
                0 => "start",
                _ if at + 1 == self.days.len() => "end",
                _ => "middle",
            },
        });
        let lines = self.lines.iter().map(|line| Drawn {
            name: line.name,
            path: self.path(&line.values, y),
            last: self.text_of(line.values.last().copied().flatten()),
        });
        let template = LinesTemplate {
            picture: self,
            summary: self.summary(),
            rows: rows.collect(),
            columns: columns.collect(),
            lines: lines.collect(),
            days: self.days(),
            strip: self.strip(),
        };
        template.render()
    }

    fn text_of(&self, value: Option<f64>) -> String {
        value.map_or_else(|| "no data".to_owned(), |value| self.unit.full(value))
    }

    /// Through the points, with a gap where a day has none.
    fn path(&self, values: &[Option<f64>], y: impl Fn(f64) -> f64) -> String {
        let mut path = String::new();
        let mut pen_down = false;
        for (day, value) in values.iter().enumerate() {
            if let Some(value) = value {
                // A line of no length is a dot: a day between two gaps is seen.
                let command = if pen_down { "L" } else { "M" };
                let (x, y) = (self.x(day), y(*value));
                path.push_str(&format!("{command}{x:.1} {y:.1}"));
                if !pen_down {
                    path.push_str("h0");
                }
            }
            pen_down = value.is_some();
        }
        path
    }

    fn days(&self) -> Vec<Day> {
        let day = |(at, date): (usize, &Date)| {
            let values: Vec<String> = self
                .lines
                .iter()
                .map(|line| self.text_of(line.values.get(at).copied().flatten()))
                .collect();
            let named = self.lines.iter().zip(&values);
            let named: Vec<String> =
                named.map(|(line, value)| format!("{} {value}", line.name)).collect();
            let left = self.x(at) - self.strip() / 2.0;
            Day { date: *date, left, values, text: format!("{date}: {}", named.join(", ")) }
        };
        self.days.iter().enumerate().map(day).collect()
    }

    /// The picture in words.
    fn summary(&self) -> String {
        let mut words = self.what.to_owned();
        if let (Some(first), Some(last)) = (self.days.first(), self.days.last()) {
            words.push_str(&format!(" From {first} to {last}."));
        }
        for line in &self.lines {
            let values = || line.values.iter().flatten().copied();
            let (least, most) = (values().reduce(f64::min), values().reduce(f64::max));
            if let (Some(least), Some(most)) = (least, most) {
                let [least, most] = [least, most].map(|value| self.unit.full(value));
                let last = self.text_of(line.values.last().copied().flatten());
                let name = line.name;
                words.push_str(&format!(" {name}: {least} to {most}, {last} on the last day."));
            }
        }
        words
    }
}

/// A day as the axes have it.
pub(super) fn short_day(day: Date) -> String {
    day.strftime("%b %-d").to_string()
}
