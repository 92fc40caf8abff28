//! Draws a chart with bars: computes where everything is. `bars.html` has the look.

use askama::Template;

use super::data::{Bar, BarData};
use super::frame::Frame;
use super::numbers::{Unit, short_day};

/// The width of the chart, and the heights of a row and of its bar, in the units of the `viewBox`.
const WIDTH: f64 = 440.0;
const ROW_HEIGHT: f64 = 44.0;
const BAR_HEIGHT: f64 = 12.0;
/// The width of a name that fits next to the number, on a phone too, in characters. One that is not
/// ASCII may be twice as wide.
const MAX_NAME_WIDTH: usize = 24;

/// A chart with bars.
pub(super) struct BarChart<'a> {
    /// What is around it.
    pub frame: Frame<'a>,
    /// Its values.
    pub data: &'a BarData,
}

/// A bar with its texts.
struct Row<'a> {
    name: &'a str,
    /// The name as far as it fits.
    label: String,
    top: f64,
    length: f64,
    part_length: f64,
    value: String,
    part: Option<String>,
    percent: Option<String>,
    /// The value, with the percentage if there is one. Of amounts, the part is what matters.
    text: String,
}

#[derive(Template)]
#[template(path = "bars.html")]
struct BarsTemplate<'a> {
    frame: &'a Frame<'a>,
    help: String,
    columns: &'a [String],
    summary: String,
    rows: Vec<Row<'a>>,
    width: f64,
    height: f64,
    bar_height: f64,
    has_percentages: bool,
}

impl BarChart<'_> {
    /// Renders HTML that contains SVG.
    pub(super) fn render(&self) -> askama::Result<String> {
        let bars = &self.data.bars;
        let values = || bars.iter().map(|bar| bar.value);
        let scale = Scale { largest: values().fold(0.0, f64::max), total: values().sum() };
        let rows = bars.iter().enumerate().map(|(at, bar)| self.row(at, bar, &scale));
        let rows: Vec<Row<'_>> = rows.collect();
        let [first, last] = self.data.days.map(short_day);
        let help = match first == last {
            true => format!("{} As of {last}.", self.frame.help),
            false => format!("{} From {first} to {last}.", self.frame.help),
        };
        let texts = rows.iter().map(|row| format!(" {}: {}.", row.name, row.text));
        let summary = help.clone() + &texts.collect::<String>();
        let template = BarsTemplate {
            frame: &self.frame,
            help,
            columns: &self.data.columns,
            summary,
            width: WIDTH,
            height: rows.len() as f64 * ROW_HEIGHT,
            bar_height: BAR_HEIGHT,
            has_percentages: self.data.has_shares,
            rows,
        };
        template.render()
    }

    fn row<'a>(&self, at: usize, bar: &'a Bar, scale: &Scale) -> Row<'a> {
        let unit = self.data.unit;
        let value = unit.full(bar.value);
        // Other bars have a part, this one can't have any.
        let lacks_part = bar.part.is_none() && self.data.columns.len() > 1;
        let percent = self.data.has_shares.then(|| match bar.part {
            _ if lacks_part => ABSENT.to_owned(),
            Some(part) => percent(part, bar.value),
            None => percent(bar.value, scale.total),
        });
        let text = match (&percent, bar.part) {
            (Some(percent), Some(part)) if unit == Unit::Dollars => {
                format!("{} of {value} ({percent})", unit.full(part))
            }
            (Some(percent), _) if !lacks_part => format!("{value} ({percent})"),
            _ => value.clone(),
        };
        Row {
            name: &bar.name,
            label: shorten(&bar.name),
            top: at as f64 * ROW_HEIGHT,
            length: scale.length(bar.value),
            // Code that is accepted may have been generated before the days that are summed up.
            part_length: scale.length(bar.part.unwrap_or_default().min(bar.value)),
            value,
            part: match lacks_part {
                true => Some(ABSENT.to_owned()),
                false => bar.part.map(|part| unit.full(part)),
            },
            percent,
            text,
        }
    }
}

/// What stands for a number that does not exist.
const ABSENT: &str = "–";

/// What the lengths and percentages of bars are relative to.
struct Scale {
    largest: f64,
    total: f64,
}

impl Scale {
    fn length(&self, value: f64) -> f64 {
        if self.largest > 0.0 { WIDTH * (value / self.largest).clamp(0.0, 1.0) } else { 0.0 }
    }
}

fn percent(part: f64, whole: f64) -> String {
    Unit::Ratio.full(if whole > 0.0 { part / whole } else { 0.0 })
}

/// The text, cut off where it would run into the number next to it.
fn shorten(text: &str) -> String {
    let mut width = 0;
    let fits = |c: &char| {
        width += if c.is_ascii() { 1 } else { 2 };
        width <= MAX_NAME_WIDTH
    };
    let shortened: String = text.chars().take_while(fits).collect();
    if shortened.len() < text.len() { shortened + "…" } else { shortened }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn render(unit: Unit, part: Option<f64>) -> String {
        let bar = |name: &str, value| Bar { name: name.to_owned(), value, part };
        let bars = vec![bar("rust", 0.5), bar("a name that does not fit in the chart", 0.25)];
        let (days, has_shares) = ([date(2026, 11, 24); 2], unit != Unit::Ratio);
        let data = BarData { unit, days, has_shares, columns: vec!["value".to_owned()], bars };
        let frame =
            Frame { id: "t-1", title: "Title", help: "Help.", query: "org=octo-org&chart=Title" };
        BarChart { frame, data: &data }.render().unwrap()
    }

    #[test]
    fn a_bar_shows_its_share_of_all_bars_or_the_share_of_its_part() {
        assert!(render(Unit::Count, None).contains(">0.5 (66.7%)</text>"));
        assert!(render(Unit::Count, Some(0.1)).contains(">0.5 (20.0%)</text>"));
        let ratio = render(Unit::Ratio, None);
        assert!(ratio.contains(">50.0%</text>") && !ratio.contains("share"), "{ratio}");
        assert!(ratio.contains("<p>Help. As of Nov 24.</p>"), "{ratio}");
    }

    #[test]
    fn a_part_of_an_amount_is_shown_with_the_amount() {
        assert!(render(Unit::Dollars, None).contains(">$0.50 (66.7%)</text>"));
        let html = render(Unit::Dollars, Some(0.1));
        assert!(html.contains(">$0.10 of $0.50 (20.0%)</text>"), "{html}");
    }

    #[test]
    fn a_long_name_is_shortened_in_the_chart_and_complete_in_the_table() {
        let html = render(Unit::Count, None);
        assert!(html.contains(">a name that does not fit…</text>"), "{html}");
        assert!(html.contains("<th scope=\"row\">a name that does not fit in the chart</th>"));
    }
}
