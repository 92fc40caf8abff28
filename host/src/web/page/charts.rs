//! Draws the charts that the mappings of a target declare.

use std::sync::Arc;

use askama::Template;
use jiff::civil::Date;
use url::form_urlencoded;

use super::bars::BarChart;
use super::data::ChartData;
use super::frame::Frame;
use super::lines::LineChart;
use super::past::Past;
use super::range::Range;
use crate::model::text::sanitize;
use crate::model::{Chart, Samples};

/// The charts of a mapping, and the samples that they show.
pub(super) struct ChartSource {
    /// The charts, in order.
    pub charts: Vec<Chart>,
    /// The samples: none if the mapping failed or there was no document for it.
    pub samples: Samples,
    /// The sums of kept days.
    pub past: Arc<Past>,
    /// Why there are none, if the mapping failed.
    pub failure: Option<String>,
}

/// The charts of a target, drawn.
#[derive(Debug, Default)]
pub(super) struct Charts {
    /// HTML.
    pub html: String,
    /// The values of each chart.
    pub values: Vec<ChartValues>,
    /// Whether weekends are shaded in any of them.
    pub shades_weekends: bool,
    /// The newest day of the charts over days.
    pub newest_day: Option<Date>,
    /// Why mappings failed.
    pub failures: Vec<String>,
}

/// The values of a chart, and what it says about them.
#[derive(Debug)]
pub(super) struct ChartValues {
    /// Its title.
    pub title: String,
    /// What it shows.
    pub help: String,
    /// Its values.
    pub data: ChartData,
}

/// The charts that are not drawn.
#[derive(Default, Template)]
#[template(path = "absent.html")]
struct AbsentCharts {
    /// The titles of those that have no samples.
    without_data: Vec<String>,
    /// The titles of those whose mapping failed.
    failed: Vec<String>,
}

impl Charts {
    /// Draws the charts of a target's mappings. Of several charts with the same title, the first one
    /// with samples is drawn; at the end are the titles without any. Those with lines show the days of
    /// `range`. `link` selects the target and the range in a query.
    pub(super) fn draw(sources: &[ChartSource], range: Range, link: &str) -> askama::Result<Self> {
        let failures = sources.iter().filter_map(|source| source.failure.clone()).collect();
        let mut charts = Self { failures, ..Self::default() };
        let mut absent = AbsentCharts::default();
        for (candidates, number) in by_title(sources).iter().zip(1..) {
            match charts.draw_first(candidates, range, (number, link)) {
                Some(html) => charts.html.push_str(&html?),
                None => absent.add(candidates),
            }
        }
        charts.html.push_str(&absent.render()?);
        Ok(charts)
    }

    /// Draws the first of the charts that has samples, if any.
    fn draw_first(
        &mut self,
        candidates: &[Candidate<'_>],
        range: Range,
        (number, link): (usize, &str),
    ) -> Option<askama::Result<String>> {
        let title = title(candidates);
        for Candidate { chart, source } in candidates {
            let values = (&source.samples, &*source.past);
            let Some(data) = ChartData::new(chart, values, range) else { continue };
            let help = sanitize(&chart.help);
            let mut query = form_urlencoded::Serializer::new(link.to_owned());
            let query = query.append_pair("chart", &title).finish();
            let frame =
                Frame { id: &format!("c{number}"), title: &title, help: &help, query: &query };
            let html = match &data {
                ChartData::Lines(data) => {
                    self.newest_day = self.newest_day.max(data.days.last().copied());
                    let chart = LineChart { frame, data };
                    self.shades_weekends |= chart.shades_weekends();
                    chart.render()
                }
                ChartData::Bars(data) => BarChart { frame, data }.render(),
            };
            self.values.push(ChartValues { title, help, data });
            return Some(html);
        }
        None
    }
}

impl AbsentCharts {
    fn add(&mut self, candidates: &[Candidate<'_>]) {
        let failed = candidates.iter().any(|candidate| candidate.source.failure.is_some());
        let titles = if failed { &mut self.failed } else { &mut self.without_data };
        titles.push(title(candidates));
    }
}

/// The title of charts that have the same.
fn title(candidates: &[Candidate<'_>]) -> String {
    sanitize(candidates.first().map_or("", |candidate| &candidate.chart.title))
}

/// A chart that may be drawn.
struct Candidate<'a> {
    chart: &'a Chart,
    source: &'a ChartSource,
}

/// The charts of each title, in the order in which the titles first appear.
fn by_title(sources: &[ChartSource]) -> Vec<Vec<Candidate<'_>>> {
    let mut titles: Vec<Vec<Candidate<'_>>> = Vec::new();
    let charts = sources
        .iter()
        .flat_map(|source| source.charts.iter().map(move |chart| Candidate { chart, source }));
    for candidate in charts {
        let has_title = |candidates: &&mut Vec<Candidate<'_>>| {
            candidates.iter().any(|other| other.chart.title == candidate.chart.title)
        };
        match titles.iter_mut().find(has_title) {
            Some(candidates) => candidates.push(candidate),
            None => titles.push(vec![candidate]),
        }
    }
    titles
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{NEWEST, all_of, samples, series};
    use super::*;
    use crate::model::ChartForm;

    /// A chart with a line for a family.
    fn chart(title: &str, family: &str) -> Chart {
        let form = ChartForm::Lines(vec![series(family, all_of(family))]);
        Chart { title: title.to_owned(), help: "Help.".to_owned(), form }
    }

    /// A sample of a family on a day.
    fn sample(family: &str, day: i64) -> Samples {
        samples(&[(family, &[("a", day, 1.0)])])
    }

    fn source(charts: Vec<Chart>, samples: Samples, failure: Option<&str>) -> ChartSource {
        ChartSource { charts, samples, past: Arc::default(), failure: failure.map(str::to_owned) }
    }

    #[test]
    fn of_charts_with_one_title_the_first_with_samples_is_drawn_whichever_mapping_declares_it() {
        let sources = [
            source(vec![chart("Users", "a"), chart("Seats", "b")], sample("b", NEWEST), None),
            source(vec![chart("Users", "c"), chart("Users", "d")], sample("d", NEWEST + 1), None),
        ];
        let charts = Charts::draw(&sources, Range::default(), "org=a").unwrap();
        assert_eq!(charts.html.matches("<h3>").count(), 2);
        let [users, seats] = ["<h3>Users", "<h3>Seats"].map(|title| charts.html.find(title));
        assert!(users.is_some() && users < seats, "{}", charts.html);
        assert!(charts.html.contains("<th scope=\"col\">d</th>"), "{}", charts.html);
        assert_eq!(charts.newest_day, Some(jiff::civil::date(2024, 10, 5)));
    }

    #[test]
    fn a_chart_without_samples_says_whether_a_mapping_failed() {
        let failed = source(vec![chart("Users", "a")], Samples::default(), Some("it trapped"));
        let empty = source(vec![chart("Seats", "b")], Samples::default(), None);
        let charts = Charts::draw(&[failed, empty], Range::default(), "org=a").unwrap();
        assert_eq!(charts.failures, ["it trapped"]);
        assert!(charts.html.contains("No data in the current documents for: Seats."));
        assert!(charts.html.contains("Could not be drawn, for the reason above: Users."));
        assert!(!charts.html.contains("<figure>"), "{}", charts.html);
        assert_eq!(charts.newest_day, None);
    }

    #[test]
    fn texts_of_a_mapping_are_escaped() {
        let charts = vec![chart("<script>", "a")];
        let charts =
            Charts::draw(&[source(charts, sample("a", 0), None)], Range::default(), "org=a")
                .unwrap();
        assert!(!charts.html.contains("<script>"), "{}", charts.html);
    }
}
