//! Daily samples in a real database.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::Path;

use copilot_metrics_tests::command::{Serving, client, printed, run};
use copilot_metrics_tests::database::Database;
use copilot_metrics_tests::fixtures::{OCTODEMO, Recorded};
use copilot_metrics_tests::github::{StandIn, stand_in};
use copilot_metrics_tests::prometheus::{Prometheus, Version};
use copilot_metrics_tests::victoria_metrics::VictoriaMetrics;
use flate2::read::GzDecoder;
use jiff::{SignedDuration, Timestamp};

use crate::serving::{command, metrics, serving};

const FAMILY: &str = "github_copilot_active_users";
const LABELS: &str = "window=\"day\",surface=\"any\"";

/// What `map` prints for every day of the recordings.
fn history(recorded: &Recorded, more: &[&str]) -> String {
    let mut arguments = recorded.map_arguments();
    let more = ["--span", "history"].iter().chain(more);
    arguments.extend(more.map(|argument| (*argument).to_owned()));
    printed(arguments)
}

/// Has promtool make blocks of an OpenMetrics file.
fn create_blocks(version: Version, file: &Path, data: &Path) {
    let made = version
        .promtool()
        .args(["tsdb", "create-blocks-from", "openmetrics", "--max-block-duration=744h"])
        .args([file, data])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&made.stderr).into_owned();
    assert!(made.status.success(), "{version:?}: {text}");
}

/// The number of samples in the blocks of a database.
fn count(version: Version, data: &Path) -> usize {
    // promtool also reads the samples that a server has not written into blocks yet.
    fs::create_dir_all(data.join("wal")).unwrap();
    let mut dump = version.promtool();
    // Later versions write temporary files to the directory `data` of the working directory.
    let dumped = dump.args(["tsdb", "dump", "data"]).current_dir(data.parent().unwrap()).output();
    let dumped = dumped.unwrap();
    assert!(dumped.status.success(), "{version:?}: {}", String::from_utf8_lossy(&dumped.stderr));
    String::from_utf8(dumped.stdout).unwrap().lines().count()
}

#[tokio::test]
async fn openmetrics_output_becomes_blocks_in_which_each_day_has_its_number_at_noon() {
    let text = history(&OCTODEMO, &["--format", "openmetrics"]);
    let samples = text.lines().filter(|line| !line.starts_with('#')).count();
    let recorded = recorded_days(&history(&OCTODEMO, &[]));
    assert_eq!(recorded.len(), 28);
    for version in Version::ALL {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("history.om");
        fs::write(&file, &text).unwrap();
        let data = directory.path().join("data");
        create_blocks(version, &file, &data);
        // Moved in twice, they count once.
        create_blocks(version, &file, &data);
        assert_eq!(count(version, &data), samples, "{version:?}");
        let prometheus = Prometheus::new(version).directory(directory).run();
        assert_curve(&prometheus, &recorded).await;
    }
}

/// The recorded number of each day, by the time at which the day begins.
fn recorded_days(history: &str) -> BTreeMap<Timestamp, f64> {
    let is_of_series = |line: &&str| line.starts_with(FAMILY) && line.contains(LABELS);
    let number = |line: &str| {
        let mut words = line.rsplit(' ');
        let time = words.next().unwrap().parse().unwrap();
        (Timestamp::from_millisecond(time).unwrap(), words.next().unwrap().parse().unwrap())
    };
    history.lines().filter(is_of_series).map(number).collect()
}

/// Checks that the curve which a dashboard draws has the right number on each day.
async fn assert_curve(database: &Database, days: &BTreeMap<Timestamp, f64>) {
    let query = format!("last_over_time({}[1d] offset -1d)", daily_series());
    let (first, last) = (*days.keys().next().unwrap(), *days.keys().last().unwrap());
    let drawn = database.query_range(&query, first, last, "1d").await;
    assert_eq!(drawn.len(), 1, "{}", database.log());
    let expected = days.iter().map(|(midnight, value)| (midnight.as_millisecond(), *value));
    assert_eq!(drawn[0].samples, expected.collect::<Vec<_>>(), "{}", database.log());
}

/// The selector of the series that the tests compare.
fn daily_series() -> String {
    format!("daily_{FAMILY}{{org=\"octodemo\",{LABELS}}}")
}

/// The daily samples that an exporter serves, as text.
async fn daily(serving: &Serving) -> String {
    // Nothing is computed before the first request, which may not wait long enough on a busy machine.
    serving.get("/metrics/daily").await;
    serving.wait_for("daily samples published");
    let (status, text) = serving.get("/metrics/daily").await;
    assert_eq!(status, 200);
    text
}

/// The numbers of the days by the beginning of the day, whenever on that day their samples are.
fn served_days(text: &str) -> BTreeMap<Timestamp, f64> {
    let text = text.replace("daily_github", "github");
    let days = recorded_days(&text).into_iter();
    let midnight = |time: Timestamp| {
        let day = time.to_zoned(jiff::tz::TimeZone::UTC).start_of_day().unwrap();
        day.timestamp()
    };
    days.map(|(time, value)| (midnight(time), value)).collect()
}

/// An exporter whose daily samples are ready, and the recorded number of each day.
async fn serving_daily(github: &StandIn) -> (Serving, BTreeMap<Timestamp, f64>) {
    let serving = serving(github, "octodemo");
    serving.wait_for("refreshed");
    let days = served_days(&daily(&serving).await);
    assert_eq!(days.len(), 28);
    (serving, days)
}

/// Checks that a server that scrapes the daily samples again and again has each day once, at its own time,
/// also after a crash.
async fn assert_each_day_once(mut database: Database, days: &BTreeMap<Timestamp, f64>) {
    let scrapes = "sum(count_over_time(up{job='github-copilot-daily'}[1h]))";
    let last_day = *days.keys().last().unwrap();
    let (start, end) = (*days.keys().next().unwrap(), last_day + SignedDuration::from_hours(24));
    let mut before = 0;
    for crashes in 0..2 {
        if crashes > 0 {
            before = database.value(scrapes).await.parse().unwrap();
            database.kill();
            database.start_again().await;
        }
        database.value(&format!("{scrapes} > {before} + 2")).await;
        // What was scraped is not visible at once.
        database.has_count(&daily_series(), start, end, 28).await;
        assert_curve(&database, days).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn prometheus_scrapes_each_of_28_days_at_its_own_time_while_it_scrapes_itself() {
    let github = stand_in().await;
    let (serving, days) = serving_daily(&github).await;
    let address = serving.address().to_string();
    let start = |version| Prometheus::new(version).scraping_daily(&address, "30d").run();
    // Both scrape while they wait.
    let [installed, later] = Version::ALL.map(start);
    for prometheus in [installed, later] {
        assert_eq!(prometheus.value("up{job='prometheus'}").await, "1");
        assert_each_day_once(prometheus, &days).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn victoria_metrics_scrapes_each_of_28_days_at_its_own_time_and_stores_it_once() {
    let github = stand_in().await;
    let (serving, days) = serving_daily(&github).await;
    let flags = ["-retentionPeriod=2y", "-dedup.minScrapeInterval=1ms"];
    let server = VictoriaMetrics::new(&flags);
    let database = server.scraping_daily(&serving.address().to_string()).run();
    assert_each_day_once(database, &days).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn daily_samples_are_those_of_the_live_series_and_the_same_with_and_without_gzip() {
    let github = stand_in().await;
    let serving = serving(&github, "octodemo");
    serving.wait_for("refreshed");
    let text = daily(&serving).await;
    let live = metrics(&serving).await;
    let live = live.sum(FAMILY, LABELS);
    let days = served_days(&text);
    assert_eq!(days.last_key_value().unwrap().1, &live);
    let request = client().get(serving.url("/metrics/daily")).header("accept-encoding", "gzip");
    let response = request.send().await.unwrap();
    assert_eq!(response.headers()["content-encoding"], "gzip");
    assert_eq!(response.headers()["content-type"], "text/plain; version=0.0.4; charset=utf-8");
    let mut unzipped = String::new();
    let body = response.bytes().await.unwrap();
    GzDecoder::new(&body[..]).read_to_string(&mut unzipped).unwrap();
    assert_eq!(unzipped, text);
    // What completes a day comes last.
    let last = text.lines().last().unwrap();
    assert!(last.starts_with("daily_github_copilot_report_day_timestamp_seconds{"), "{last}");
}

#[tokio::test(flavor = "multi_thread")]
async fn daily_samples_can_be_turned_off() {
    let github = stand_in().await;
    let mut command = command(&github, "octodemo");
    command.arg("--web.no-daily");
    let serving = Serving::start(command);
    serving.wait_for("refreshed");
    let (status, text) = serving.get("/metrics/daily").await;
    assert_eq!((status, text.as_str()), (404, "daily samples are turned off\n"));
}

#[test]
fn openmetrics_has_the_numbers_of_the_text_format_under_other_names_and_in_seconds() {
    let text = history(&OCTODEMO, &["--format", "openmetrics"]);
    assert!(text.ends_with("\n# EOF\n"));
    let plain = history(&OCTODEMO, &[]);
    let samples = plain.lines().filter(|line| !line.starts_with('#'));
    assert_eq!(text.lines().filter(|line| !line.starts_with('#')).count(), samples.count());
    assert!(text.contains("\ndaily_github_copilot_active_users{"));
    // The recordings count as fetched on 2026-11-22 at 06:00: the 20th is final 42 hours later.
    let last = text
        .lines()
        .filter(|line| line.starts_with("daily_total_active_users{"))
        .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
        .fold(f64::MIN, f64::max);
    let noon: Timestamp = "2026-11-20T12:00:00Z".parse().unwrap();
    let expected = noon - SignedDuration::from_millis(42 * 60);
    assert_eq!(last, expected.as_millisecond() as f64 / 1000.0);
}

#[test]
fn openmetrics_of_the_newest_day_is_refused() {
    let mut arguments = OCTODEMO.map_arguments();
    arguments.extend(["--format".to_owned(), "openmetrics".to_owned()]);
    let output = run(arguments);
    assert_eq!(output.status.code(), Some(64));
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.contains("--format openmetrics requires --span history"), "{error}");
}
