//! The values of a chart as CSV and JSON.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::cache::ChartsState;
use super::charts::ChartValues;
use super::data::{BarData, ChartData, Line, LineData};
use super::numbers::Unit;
use super::render::{Page, Selection};
use crate::model::Target;
use crate::model::text::visible;

/// Characters that spreadsheets take for the start of a formula.
/// <https://owasp.org/www-community/attacks/CSV_Injection>
const FORMULA_STARTS: [char; 4] = ['=', '+', '-', '@'];

/// The chart to export.
#[derive(Debug, Deserialize)]
pub struct ChartSelection {
    /// Its title.
    pub chart: String,
    /// Of which target, and of how many days.
    #[serde(flatten)]
    pub selection: Selection,
}

/// Why a chart can't be exported.
#[derive(Debug, PartialEq, thiserror::Error)]
pub enum ExportError {
    /// The labels do not select exactly one target.
    #[error(
        "not exactly one target has these labels: set org and scope as in the links of the page"
    )]
    Target,
    /// No mapping declares a chart with this title, or it has no data.
    #[error("no chart with this title has data; {}", titles(.0))]
    Chart(Vec<String>),
    /// It is not drawn yet.
    #[error("the charts are still being drawn: try again in a few seconds")]
    NotReady,
    /// It can't be written.
    #[error("cannot write the values: {0}")]
    Write(String),
}

fn titles(titles: &[String]) -> String {
    let quoted: Vec<_> = titles.iter().map(|title| format!("{title:?}")).collect();
    if quoted.is_empty() {
        "no chart has".to_owned()
    } else {
        format!("these have: {}", quoted.join(", "))
    }
}

impl Page {
    /// A chart as CSV: lines with a row for each day, and bars with a row for each bar, in both cases with a
    /// header. Numbers are not rounded, days are ISO 8601, and an empty field is a value that does not exist.
    pub async fn csv(&self, selected: &ChartSelection) -> Result<Vec<u8>, ExportError> {
        self.export(selected, |_, values| {
            csv(&values.data).map_err(|error| ExportError::Write(error.to_string()))
        })
        .await
    }

    /// A chart as a JSON object, with the same values.
    pub async fn json(&self, selected: &ChartSelection) -> Result<Vec<u8>, ExportError> {
        self.export(selected, |target, values| {
            json(target, values).map_err(|error| ExportError::Write(error.to_string()))
        })
        .await
    }

    async fn export(
        &self,
        selected: &ChartSelection,
        write: impl Fn(&Target, &ChartValues) -> Result<Vec<u8>, ExportError>,
    ) -> Result<Vec<u8>, ExportError> {
        let (target, charts) = self.charts(&selected.selection).await.ok_or(ExportError::Target)?;
        let values = match &charts {
            ChartsState::Ready(charts) => charts.values.as_slice(),
            ChartsState::Drawing | ChartsState::Computing => return Err(ExportError::NotReady),
            ChartsState::NoData | ChartsState::NotDeclared => &[],
        };
        match values.iter().find(|values| values.title == selected.chart) {
            Some(values) => write(&target, values),
            None => {
                Err(ExportError::Chart(values.iter().map(|values| values.title.clone()).collect()))
            }
        }
    }
}

fn csv(data: &ChartData) -> Result<Vec<u8>, csv::Error> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    match data {
        ChartData::Lines(LineData { days, lines, .. }) => {
            let names = lines.iter().map(|line| plain(&line.name));
            writer.write_record([plain("date")].into_iter().chain(names))?;
            for (at, day) in days.iter().enumerate() {
                let values =
                    lines.iter().map(|line| number(line.values.get(at).copied().flatten()));
                writer.write_record([day.to_string()].into_iter().chain(values))?;
            }
        }
        ChartData::Bars(BarData { days: [from, to], columns, bars, .. }) => {
            let names = columns.iter().map(|column| plain(column));
            let start = ["from", "to", "name"].map(str::to_owned);
            writer.write_record(start.into_iter().chain(names))?;
            for bar in bars {
                let start = [from.to_string(), to.to_string(), plain(&bar.name)];
                let values = [Some(bar.value), bar.part].map(number);
                writer.write_record(start.into_iter().chain(values).take(3 + columns.len()))?;
            }
        }
    }
    writer.into_inner().map_err(|error| error.into_error().into())
}

/// A text that neither spreadsheets take for a formula nor terminals for a command: names come from GitHub
/// and from mappings. A tab or line break, with which a formula may begin too, is shown as `\t` or `\n`.
fn plain(text: &str) -> String {
    let text = visible(text);
    if text.starts_with(FORMULA_STARTS) { format!("'{text}") } else { text }
}

fn number(value: Option<f64>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

#[derive(Serialize)]
struct JsonChart<'a> {
    org: &'a str,
    scope: &'a str,
    title: &'a str,
    help: &'a str,
    unit: &'static str,
    #[serde(flatten)]
    values: JsonValues<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum JsonValues<'a> {
    Lines { days: &'a [Date], series: Vec<JsonLine<'a>> },
    Bars { from: Date, to: Date, columns: &'a [String], bars: Vec<JsonBar<'a>> },
}

#[derive(Serialize)]
struct JsonLine<'a> {
    name: &'a str,
    /// One for each day.
    values: &'a [Option<f64>],
}

#[derive(Serialize)]
struct JsonBar<'a> {
    name: &'a str,
    /// One for each column.
    values: Vec<Option<f64>>,
}

fn json<'a>(target: &'a Target, values: &'a ChartValues) -> serde_json::Result<Vec<u8>> {
    let ChartValues { title, help, data } = values;
    let [org, scope] = target.labels();
    let (unit, values) = match data {
        ChartData::Lines(LineData { unit, days, lines }) => {
            let line = |line: &'a Line| JsonLine { name: &line.name, values: &line.values };
            (unit, JsonValues::Lines { days, series: lines.iter().map(line).collect() })
        }
        ChartData::Bars(BarData { unit, days: [from, to], columns, bars, .. }) => {
            let bars = bars.iter().map(|bar| {
                let values = [Some(bar.value), bar.part].into_iter().take(columns.len());
                JsonBar { name: &bar.name, values: values.collect() }
            });
            let bars = bars.collect();
            (unit, JsonValues::Bars { from: *from, to: *to, columns, bars })
        }
    };
    let unit = match unit {
        Unit::Count => "count",
        Unit::Ratio => "ratio",
        Unit::Dollars => "dollars",
    };
    serde_json::to_vec(&JsonChart { org, scope, title, help, unit, values })
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::super::data::Bar;
    use super::*;
    use crate::model::Scope;

    fn lines() -> ChartData {
        let line = |name: &str, values| Line { name: name.to_owned(), values };
        ChartData::Lines(LineData {
            unit: Unit::Ratio,
            days: vec![date(2026, 2, 28), date(2026, 3, 1)],
            lines: vec![
                line("a, \"b\"", vec![Some(0.1), None]),
                line("c", vec![Some(1e15), Some(-2.0)]),
            ],
        })
    }

    fn bars(names: &[&str]) -> ChartData {
        let bars = names.iter().zip([None, Some(0.5)].into_iter().cycle());
        let bar = |(name, part): (&&str, _)| Bar { name: (*name).to_owned(), value: 2.0, part };
        ChartData::Bars(BarData {
            unit: Unit::Dollars,
            days: [date(2026, 2, 1), date(2026, 2, 28)],
            has_shares: true,
            columns: vec!["budget".to_owned(), "consumed".to_owned()],
            bars: bars.map(bar).collect(),
        })
    }

    fn text(bytes: Vec<u8>) -> String {
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn csv_has_a_column_for_each_series_a_row_for_each_day_and_quotes_where_they_are_needed() {
        assert_eq!(
            text(csv(&lines()).unwrap()),
            "date,\"a, \"\"b\"\"\",c\n2026-02-28,0.1,1000000000000000\n2026-03-01,,-2\n"
        );
        assert_eq!(
            text(csv(&bars(&["web", "two, \nlines"])).unwrap()),
            "from,to,name,budget,consumed\n2026-02-01,2026-02-28,web,2,\n\
             2026-02-01,2026-02-28,\"two, \\nlines\",2,0.5\n"
        );
    }

    #[test]
    fn no_name_is_a_formula_in_a_spreadsheet_or_a_command_in_a_terminal() {
        let names = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\u{1b}[2J", "a=1"];
        let text = text(csv(&bars(&names)).unwrap());
        let rows = csv::Reader::from_reader(text.as_bytes()).into_records();
        let names: Vec<String> = rows.map(|row| row.unwrap()[2].to_owned()).collect();
        assert_eq!(names, ["'=1+1", "'+1", "'-1", "'@SUM(A1)", "\\t=1", "\\u{1b}[2J", "a=1"]);
    }

    #[test]
    fn json_has_the_same_values_with_null_for_one_that_does_not_exist() {
        let target = Target::new(Scope::Organization, "octo-org").unwrap();
        let json = |data| {
            let (title, help) = ("Title".to_owned(), "Help.".to_owned());
            let json = json(&target, &ChartValues { title, help, data }).unwrap();
            serde_json::from_slice::<serde_json::Value>(&json).unwrap()
        };
        assert_eq!(
            json(lines()),
            serde_json::json!({
                "org": "octo-org", "scope": "organization", "title": "Title", "help": "Help.",
                "unit": "ratio", "days": ["2026-02-28", "2026-03-01"],
                "series": [
                    {"name": "a, \"b\"", "values": [0.1, null]},
                    {"name": "c", "values": [1e15, -2.0]},
                ],
            })
        );
        assert_eq!(
            json(bars(&["web"])),
            serde_json::json!({
                "org": "octo-org", "scope": "organization", "title": "Title", "help": "Help.",
                "unit": "dollars", "from": "2026-02-01", "to": "2026-02-28",
                "columns": ["budget", "consumed"],
                "bars": [{"name": "web", "values": [2.0, null]}],
            })
        );
    }

    #[test]
    fn an_error_names_the_charts_that_exist() {
        let error = ExportError::Chart(vec!["Seats".to_owned(), "Users".to_owned()]);
        assert!(error.to_string().ends_with("these have: \"Seats\", \"Users\""), "{error}");
        let none = ExportError::Chart(vec![]).to_string();
        assert!(none.ends_with("no chart has"), "{none}");
    }
}
