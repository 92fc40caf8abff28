//! Daily samples in a real database.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use copilot_metrics_tests::command::{printed, run};
use copilot_metrics_tests::fixtures::{OCTODEMO, Recorded};
use copilot_metrics_tests::prometheus::Prometheus;
use jiff::{SignedDuration, Timestamp};

const FAMILY: &str = "github_copilot_active_users";
const LABELS: &str = "org=\"octodemo\",window=\"day\",surface=\"any\"";

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
    let prometheus = Prometheus::start_over(directory);

    // The curve that a dashboard draws has the recorded number on each day.
    let by_day: BTreeMap<i64, f64> = history(&OCTODEMO, &[])
        .lines()
        .filter(|line| line.starts_with(FAMILY) && line.contains("window=\"day\",surface=\"any\""))
        .map(|line| {
            let mut words = line.rsplit(' ');
            let time = words.next().unwrap().parse().unwrap();
            (time, words.next().unwrap().parse().unwrap())
        })
        .collect();
    assert_eq!(by_day.len(), 28);
    let query = format!("last_over_time(daily_{FAMILY}{{{LABELS}}}[1d] offset -1d)");
    for (midnight, value) in by_day {
        let midnight = Timestamp::from_millisecond(midnight).unwrap();
        let found = prometheus.query_at(&query, &midnight.to_string()).await;
        assert_eq!(found.len(), 1, "{midnight}");
        let number: f64 = found[0]["value"][1].as_str().unwrap().parse().unwrap();
        assert_eq!(number, value, "{midnight}");
    }
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
