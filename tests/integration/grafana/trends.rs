use std::collections::BTreeMap;

use copilot_metrics_tests::command::Serving;
use copilot_metrics_tests::database::{Database, Series};
use copilot_metrics_tests::fixtures::read;
use copilot_metrics_tests::github::{StandIn, stand_in};
use copilot_metrics_tests::prometheus::{Prometheus, Version};
use copilot_metrics_tests::victoria_metrics::VictoriaMetrics;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};
use serde_json::Value;

use super::{dashboards, expanded, panels};

const DAY_SECONDS: i64 = 86_400;
/// Where a query reads the sample of the day that begins at a step.
const START: &str = "last_over_time(";
const END: &str = "[1d] offset -1d)";

/// Whether a panel draws GitHub's data over days.
pub fn is_trend(panel: &Value) -> bool {
    let query = panel["targets"][0]["expr"].as_str().unwrap();
    panel["type"] == "timeseries" && (query.contains("github_copilot_") || query.contains("total_"))
}

/// The query of a trend for the time of a step instead of the day that begins there.
pub fn without_days(query: &str) -> String {
    query.replace(START, "").replace(END, "")
}

/// The query of a trend without the limit to the series with the largest sums in the time range.
fn without_ranking(query: &str) -> String {
    let ranking = query.split_once(" and on (").and_then(|(before, rest)| {
        let (ranking, after) = rest.split_once("[$__range] @ end())))")?;
        assert!(ranking.contains(") topk by (org, scope) (10, sum by ("), "{query}");
        Some(format!("{before}{after}"))
    });
    ranking.unwrap_or_else(|| query.to_owned())
}

/// Whether a trend divides what a day cost by the activity of that day. GitHub bills a day before it reports its
/// activity, and an exporter serves the bill of the newest day only, so that the days meet in a database.
fn needs_history(query: &str) -> bool {
    let activity = ["_active_users{", "_pull_requests_merged{", "_lines_added{"];
    query.contains("_ai_usage_day_") && activity.iter().any(|family| query.contains(family))
}

/// Whether the samples of a trend are still to come: those of seats, billing and budgets are of today's noon, and
/// Prometheus rejects samples of the future.
pub fn is_ahead(query: &str) -> bool {
    is_of_noon(query) && noon() > Timestamp::now()
}

/// Whether a trend draws what is of each day's noon.
fn is_of_noon(query: &str) -> bool {
    let is_of_today = ["github_copilot_seats", "github_copilot_billing", "github_copilot_budget"];
    let is_trend = query.contains(END);
    is_trend && is_of_today.iter().any(|family| query.contains(family))
}

/// Noon of today.
fn noon() -> Timestamp {
    day_of(Timestamp::now()).at(12, 0, 0, 0).to_zoned(TimeZone::UTC).unwrap().timestamp()
}

/// A browser that is this far ahead of UTC.
pub struct Browser(SignedDuration);

impl Browser {
    pub const UTC: Self = Self(SignedDuration::ZERO);

    /// The start and end that Grafana requests for the default range of a dashboard and a minimum interval of
    /// a day: both are moved back to the beginning of a day of the browser.
    pub fn range(&self, dashboard: &Value) -> (Timestamp, Timestamp) {
        let from = dashboard["time"]["from"].as_str().unwrap();
        let days = from.strip_prefix("now-").and_then(|rest| rest.strip_suffix('d')).unwrap();
        assert_eq!(dashboard["time"]["to"], "now");
        let aligned = |time: Timestamp| {
            let local = time.as_second() + self.0.as_secs();
            let day = local.div_euclid(DAY_SECONDS) * DAY_SECONDS;
            Timestamp::from_second(day - self.0.as_secs()).unwrap()
        };
        let now = Timestamp::now();
        (aligned(now - SignedDuration::from_hours(24 * days.parse::<i64>().unwrap())), aligned(now))
    }

    /// The value of each series on each day before `end`, as a reader of the panel sees it.
    fn table_until(&self, end: Date, drawn: &[Series]) -> Table {
        let mut table = Table::new();
        for series in drawn {
            let mut labels = series.labels.clone();
            labels.as_object_mut().unwrap().remove("__name__");
            for (time, value) in &series.samples {
                let day = day_of(Timestamp::from_millisecond(*time).unwrap() + self.0);
                let series = table.entry(day).or_default();
                // A sum depends on the order in which the server adds.
                let value = format!("{value:.9e}").parse::<f64>().unwrap().to_string();
                assert_eq!(series.insert(labels.to_string(), value), None, "{labels}");
            }
        }
        table.retain(|day, _| *day < end);
        table
    }
}

/// Values (as text) by day and labels.
type Table = BTreeMap<Date, BTreeMap<String, String>>;

fn day_of(time: Timestamp) -> Date {
    time.to_zoned(TimeZone::UTC).date()
}

/// The queries of all trends: the dashboard, the title of the panel, and the query as Grafana sends it.
fn trends() -> Vec<(Value, String, String)> {
    let mut trends = Vec::new();
    for dashboard in dashboards().into_values() {
        for panel in panels(&dashboard).filter(|panel| is_trend(panel)) {
            for target in panel["targets"].as_array().unwrap() {
                let query = expanded(target["expr"].as_str().unwrap(), &dashboard);
                let title = panel["title"].as_str().unwrap().to_owned();
                trends.push((dashboard.clone(), title, query));
            }
        }
    }
    trends
}

#[test]
fn trends_read_daily_samples_one_step_a_day_and_other_panels_the_live_series() {
    for (name, dashboard) in dashboards() {
        let has_trends = panels(&dashboard).any(is_trend);
        assert_eq!(has_trends, !["exporter", "overview"].contains(&name.as_str()));
        let variables = dashboard["templating"]["list"].as_array().unwrap();
        let prefix = variables.iter().find(|variable| variable["name"] == "prefix");
        let has_prefix = name != "exporter";
        assert_eq!(prefix.map(|prefix| &prefix["query"]), has_prefix.then_some(&"daily_".into()));
        let range = if has_trends { "now-90d" } else { "now-24h" };
        assert_eq!(dashboard["time"]["from"], range, "{name}");
        // GitHub's days are days of UTC.
        assert_eq!(dashboard["timezone"], "utc", "{name}");
        // One range does not fit all dashboards.
        assert_eq!(dashboard["links"][0]["keepTime"], false, "{name}");
        for panel in panels(&dashboard) {
            let title = &panel["title"];
            for target in panel["targets"].as_array().unwrap() {
                let query = &without_ranking(target["expr"].as_str().unwrap());
                let live = without_days(query);
                if name == "overview" && query.contains("prefix") {
                    // The change to last week is tested on its own.
                    continue;
                }
                if !is_trend(panel) {
                    assert_eq!(live, *query, "{name}: {title}");
                    assert!(!query.contains("prefix"), "{name}: {title}");
                    continue;
                }
                // Every selector is of daily samples.
                let selectors = live.matches('{').count() - live.matches("${").count();
                assert_eq!(query.matches("last_over_time(${prefix}").count(), selectors, "{title}");
                assert_eq!(query.matches(END).count(), selectors, "{name}: {title}");
                assert_eq!(target["interval"], "1d", "{name}: {title}");
            }
            if is_trend(panel) {
                assert_eq!(panel["interval"], "1d", "{name}: {title}");
                // Each day is visible by itself. A bar covers its day.
                let style = &panel["fieldConfig"]["defaults"]["custom"];
                let is_bars = style["drawStyle"] == "bars" && style["barAlignment"] == 1;
                assert!(is_bars || style["showPoints"] == "always", "{name}: {title}");
                // Bars of several series hide each other unless they are stacked.
                assert_eq!(is_bars, style["stacking"]["mode"] == "normal", "{name}: {title}");
            }
        }
    }
}

/// An exporter of all recordings.
fn serving(github: &StandIn) -> Serving {
    let mut command = github.exporter();
    command.args(["--option", "repositories=true"]);
    Serving::start_with_targets(command, 3)
}

/// The daily samples that an exporter serves, as far as databases accept them.
struct Served {
    number: usize,
    /// The end of the days whose samples count: samples of today's noon do only after it.
    end: Timestamp,
    /// Whether today's count.
    has_today: bool,
}

/// The daily samples of an exporter, once they are ready.
async fn daily_samples(serving: &Serving) -> Served {
    // Nothing is computed before the first request, which may not wait long enough on a busy machine.
    serving.get("/metrics/daily").await;
    for _ in 0..3 {
        serving.wait_for("daily samples published");
    }
    let (_, text) = serving.get("/metrics/daily").await;
    let now = Timestamp::now();
    let has_today = noon() <= now;
    let end = noon() + SignedDuration::from_hours(if has_today { 12 } else { -12 });
    let samples = text.lines().filter(|line| !line.starts_with('#'));
    let time = |line: &str| line.rsplit(' ').next().unwrap().parse::<i64>().unwrap();
    let number = samples.filter(|line| time(line) < end.as_millisecond()).count();
    Served { number, end, has_today }
}

/// Waits until a database has all daily samples, each once.
async fn has_all(database: &Database, served: &Served) {
    let start = served.end - SignedDuration::from_hours(40 * 24);
    database.has_count("{__name__=~\"daily_.+\"}", start, served.end, served.number).await;
}

/// Checks that what every trend draws for a day in these browsers is computed from the samples of that day.
async fn assert_own_days(database: &Database, browsers: &[Browser], served: &Served) {
    has_all(database, served).await;
    let end_day = day_of(served.end);
    for (dashboard, title, query) in trends() {
        let (start, end) = Browser::UTC.range(&dashboard);
        // Samples are at most 6 s before noon.
        let noon = SignedDuration::from_hours(12);
        let at_noon = query.replace(END, "[1h])");
        let at_noon = database.query_range(&at_noon, start + noon, end + noon, "1d").await;
        let recorded = Browser::UTC.table_until(end_day, &at_noon);
        let is_ahead = is_of_noon(&query) && !served.has_today;
        let may_be_empty = is_ahead || needs_history(&query);
        assert!(!recorded.is_empty() || may_be_empty, "{title}: {query}");
        for browser in browsers {
            let (start, end) = browser.range(&dashboard);
            let drawn = database.query_range(&query, start, end, "1d").await;
            let drawn = browser.table_until(end_day, &drawn);
            assert_eq!(drawn, recorded, "{:?}: {title}: {query}", browser.0);
        }
    }
}

/// UTC−11, UTC and UTC+11.
fn browsers() -> [Browser; 3] {
    [-11, 0, 11].map(|hours| Browser(SignedDuration::from_hours(hours)))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_trend_draws_each_day_on_its_own_day_whatever_the_time_zone_of_the_browser() {
    let github = stand_in().await;
    let serving = serving(&github);
    let served = daily_samples(&serving).await;
    let address = serving.address().to_string();
    let start = |version| Prometheus::new(version).scraping_daily(&address, "400d").run();
    for prometheus in Version::ALL.map(start) {
        assert_own_days(&prometheus, &browsers(), &served).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_trend_draws_each_day_on_its_own_day_in_utc_with_victoria_metrics() {
    let github = stand_in().await;
    let serving = serving(&github);
    let served = daily_samples(&serving).await;
    let flags = ["-retentionPeriod=2y", "-dedup.minScrapeInterval=1ms"];
    let server = VictoriaMetrics::new(&flags);
    let database = server.scraping_daily(&serving.address().to_string()).run();
    // It moves the steps of long ranges to days of UTC, whatever Grafana requests.
    assert_own_days(&database, &[Browser::UTC], &served).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_trend_of_active_users_is_the_recorded_one_with_its_weekends() {
    let report: Value =
        serde_json::from_slice(&read("demo/octodemo/organization-28-day.json")).unwrap();
    let rows = report["day_totals"].as_array().unwrap();
    let recorded: Vec<f64> =
        rows.iter().map(|row| row["daily_active_users"].as_f64().unwrap()).collect();
    let github = stand_in().await;
    let serving = serving(&github);
    let served = daily_samples(&serving).await;
    let server = Prometheus::new(Version::Installed);
    let prometheus = server.scraping_daily(&serving.address().to_string(), "400d").run();
    has_all(&prometheus, &served).await;
    let (dashboard, _, query) =
        trends().into_iter().find(|(_, title, _)| title == "Active users").unwrap();
    let query = query.replacen(".*", "octodemo", 1);
    // The newest recorded day is the newest day of the stand-in.
    let newest = github.newest_day();
    let first = newest.checked_sub((recorded.len() as i64 - 1).days()).unwrap();
    let days = first.series(1.day()).take(recorded.len());
    let expected: BTreeMap<Date, f64> = days.zip(recorded).collect();
    for browser in browsers() {
        let (start, end) = browser.range(&dashboard);
        let drawn = prometheus.query_range(&query, start, end, "1d").await;
        let of_days = drawn.iter().filter(|series| series.labels["window"] == "day");
        let table = browser.table_until(Date::MAX, &of_days.cloned().collect::<Vec<_>>());
        let drawn: BTreeMap<Date, f64> = table
            .into_iter()
            .map(|(day, series)| (day, series.into_values().next().unwrap().parse().unwrap()))
            .collect();
        assert_eq!(drawn, expected);
    }
}
