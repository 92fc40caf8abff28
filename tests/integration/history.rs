//! Daily samples in a real database.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::Command;

use copilot_metrics_tests::command::{Serving, client, printed, run};
use copilot_metrics_tests::fixtures::{OCTODEMO, Recorded};
use copilot_metrics_tests::github::stand_in;
use copilot_metrics_tests::prometheus::Prometheus;
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
fn create_blocks(file: &Path, data: &Path) {
    let made = Command::new("promtool")
        .args(["tsdb", "create-blocks-from", "openmetrics", "--max-block-duration=744h"])
        .args([file, data])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&made.stderr).into_owned();
    assert!(made.status.success(), "{text}");
}

/// How many samples a database has.
fn count(data: &Path) -> usize {
    // promtool looks for what a server has not written into blocks yet.
    fs::create_dir_all(data.join("wal")).unwrap();
    let dumped = Command::new("promtool").args(["tsdb", "dump"]).arg(data).output().unwrap();
    String::from_utf8(dumped.stdout).unwrap().lines().count()
}

#[tokio::test]
async fn openmetrics_output_becomes_blocks_in_which_each_day_has_its_number_at_noon() {
    let text = history(&OCTODEMO, &["--format", "openmetrics"]);
    let samples = text.lines().filter(|line| !line.starts_with('#')).count();
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("history.om");
    fs::write(&file, &text).unwrap();
    let data = directory.path().join("data");
    create_blocks(&file, &data);
    // Moved in twice, they count once.
    create_blocks(&file, &data);
    assert_eq!(count(&data), samples);
    let prometheus = Prometheus::start_with("global: {}\n", directory);

    let recorded = recorded_days(&history(&OCTODEMO, &[]));
    assert_eq!(recorded.len(), 28);
    assert_curve(&prometheus, &recorded).await;
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
async fn assert_curve(prometheus: &Prometheus, days: &BTreeMap<Timestamp, f64>) {
    let query =
        format!("last_over_time(daily_{FAMILY}{{org=\"octodemo\",{LABELS}}}[1d] offset -1d)");
    for (midnight, value) in days {
        let found = prometheus.query_at(&query, &midnight.to_string()).await;
        assert_eq!(found.len(), 1, "{midnight}");
        let number: f64 = found[0]["value"][1].as_str().unwrap().parse().unwrap();
        assert_eq!(number, *value, "{midnight}");
    }
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

#[tokio::test(flavor = "multi_thread")]
async fn prometheus_scrapes_each_of_28_days_at_its_own_time_while_it_scrapes_itself() {
    let github = stand_in().await;
    let serving = serving(&github, "octodemo");
    serving.wait_for("refreshed");
    let days = served_days(&daily(&serving).await);
    assert_eq!(days.len(), 28);
    let directory = tempfile::tempdir().unwrap();
    let config = format!(
        "storage: {{tsdb: {{out_of_order_time_window: 30d}}}}
scrape_configs:
- {{job_name: prometheus, scrape_interval: 1s, static_configs: [{{targets: [SELF]}}]}}
- job_name: github-copilot-daily
  scrape_interval: 1s
  metrics_path: /metrics/daily
  honor_timestamps: true
  static_configs: [{{targets: ['{}']}}]
",
        serving.address()
    );
    let prometheus = Prometheus::start_with(&config, directory);
    // It scraped itself before, and scrapes the same samples more than once.
    prometheus.value("sum(sum_over_time(up{job='github-copilot-daily'}[1h])) > 2").await;
    assert_curve(&prometheus, &days).await;
    let noon = days.keys().next().unwrap().to_string();
    let count = format!("count_over_time(daily_{FAMILY}{{{LABELS}}}[28d] offset -28d)");
    let counted = prometheus.query_at(&count, &noon).await;
    assert_eq!(counted[0]["value"][1], "28");
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
