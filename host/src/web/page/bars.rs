//! A picture with bars: where everything is. `bars.html` says how it looks.

use askama::Template;

use super::numbers::Unit;

/// The size of the picture, of a bar with its text, and of the bar, in the units of the `viewBox`.
const WIDTH: f64 = 440.0;
const ROW: f64 = 44.0;
const BAR: f64 = 12.0;
/// How much of a name fits beside the number, on a phone too. What is not ASCII may be twice as wide.
const MOST_WIDTH: usize = 24;

/// A picture with bars.
pub(super) struct Bars {
    /// Its id on the page.
    pub id: String,
    /// Its title.
    pub title: &'static str,
    /// What the values are.
    pub what: String,
    /// The name of the values, and of their parts, if they have any.
    pub columns: &'static [&'static str],
    /// The bars, as they come.
    pub bars: Vec<Bar>,
}

/// A bar.
pub(super) struct Bar {
    /// Its name.
    pub name: String,
    /// Its length.
    pub value: f64,
    /// How much of it is darker.
    pub part: Option<f64>,
}

/// The text, cut where it would run into the number beside it.
fn cut(text: &str) -> String {
    let mut width = 0;
    let fits = |c: &char| {
        width += if c.is_ascii() { 1 } else { 2 };
        width <= MOST_WIDTH
    };
    let cut: String = text.chars().take_while(fits).collect();
    if cut.len() < text.len() { cut + "…" } else { cut }
}

struct Row {
    name: String,
    label: String,
    top: f64,
    width: f64,
    part: f64,
    value: String,
    /// The part, where there are parts.
    of_it: Option<String>,
    percent: String,
}

#[derive(Template)]
#[template(path = "bars.html")]
struct BarsTemplate<'a> {
    picture: &'a Bars,
    summary: String,
    rows: Vec<Row>,
    width: f64,
    height: f64,
    bar: f64,
}

impl Bars {
    /// Draws it: HTML with SVG inside.
    pub(super) fn draw(&self) -> askama::Result<String> {
        let values = || self.bars.iter().map(|bar| bar.value);
        let (most, all) = (values().fold(0.0, f64::max), values().sum::<f64>());
        let length =
            |value: f64| if most > 0.0 { WIDTH * (value / most).clamp(0.0, 1.0) } else { 0.0 };
        let percent = |part: f64, whole: f64| match whole > 0.0 {
            true => Unit::Ratio.full(part / whole),
            false => Unit::Ratio.full(0.0),
        };
        let rows = self.bars.iter().enumerate().map(|(at, bar)| Row {
            name: bar.name.clone(),
            label: cut(&bar.name),
            top: at as f64 * ROW,
            width: length(bar.value),
            // More may be accepted than was generated on the days that are counted.
            part: length(bar.part.unwrap_or_default().min(bar.value)),
            value: Unit::Count.full(bar.value),
            of_it: bar.part.map(|part| Unit::Count.full(part)),
            percent: bar
                .part
                .map_or_else(|| percent(bar.value, all), |part| percent(part, bar.value)),
        });
        let rows: Vec<Row> = rows.collect();
        let words =
            rows.iter().map(|row| format!(" {}: {} ({}).", row.name, row.value, row.percent));
        let summary = self.what.clone() + &words.collect::<String>();
        let height = rows.len() as f64 * ROW;
        BarsTemplate { picture: self, summary, rows, width: WIDTH, height, bar: BAR }.render()
    }
}
