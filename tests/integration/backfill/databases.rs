//! A year of days in real databases.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use bytes::Bytes;
use copilot_metrics_tests::command::exporter;
use copilot_metrics_tests::database::Database;
use copilot_metrics_tests::deployed::deployed;
use copilot_metrics_tests::fixtures::root;
use copilot_metrics_tests::github::{Fault, StandIn, stand_in};
use copilot_metrics_tests::mutation::Random;
use copilot_metrics_tests::prometheus::{Prometheus, Version};
use copilot_metrics_tests::transcript::keep_secret;
use copilot_metrics_tests::victoria_metrics::VictoriaMetrics;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use super::{backfill, day, fail, kill_ten_times, requests_by_day, succeed};

/// The days that are filled, but for those that GitHub may still revise.
const DAYS: i64 = 360;
const SERIES: &str = "daily_github_copilot_active_users{window=\"day\",surface=\"any\"}";
const PASSWORD: &str = "backfill-password-4711";

/// A directory with what was fetched, a config file with one endpoint, and the range of days.
struct Scene {
    directory: tempfile::TempDir,
    since: Date,
    until: Date,
}

impl Scene {
    fn new(github: &StandIn, database: &Database, days: i64) -> Self {
        keep_secret(PASSWORD);
        let directory = tempfile::tempdir().unwrap();
        let config = format!(
            "remote_write:\n- url: {}\n  name: database\n  query_url: {}\n  basic_auth: {{username: u, password: {PASSWORD}}}\n",
            database.url("/api/v1/write"),
            database.url("")
        );
        fs::write(directory.path().join("config.yaml"), config).unwrap();
        Self { directory, since: day(github, 4 + days - 1), until: day(github, 4) }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The command with what was fetched in a directory of this name.
    fn command(&self, github: &StandIn, cache: &str, arguments: &[&str]) -> Command {
        let mut command = backfill(github, &self.path(cache), arguments);
        command.arg("--config").arg(self.path("config.yaml"));
        command.args(["--since", &self.since.to_string(), "--until", &self.until.to_string()]);
        command
    }

    /// The samples of the file that is made of the same documents.
    fn samples(&self, github: &StandIn, cache: &str) -> Vec<String> {
        let file = self.path("history.om");
        succeed(self.command(github, cache, &["--to", file.to_str().unwrap()]));
        let text = fs::read_to_string(file).unwrap();
        text.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect()
    }

    /// The number of samples that a database has of these days.
    async fn count(&self, database: &Database) -> usize {
        let (start, end) = (midnight(self.since), midnight(self.until + 1.day()));
        database.count("{__name__=~\"daily_.+\"}", start, end).await
    }
}

fn midnight(day: Date) -> Timestamp {
    day.to_zoned(TimeZone::UTC).unwrap().timestamp()
}

/// The value of each day in samples of the file.
fn values(samples: &[String]) -> BTreeMap<Date, f64> {
    let is_of_series = |line: &&String| {
        line.starts_with("daily_github_copilot_active_users{")
            && line.contains("window=\"day\",surface=\"any\"")
    };
    let day = |line: &String| {
        let mut words = line.rsplit(' ');
        let seconds: f64 = words.next().unwrap().parse().unwrap();
        let time = Timestamp::from_second(seconds as i64).unwrap();
        (time.to_zoned(TimeZone::UTC).date(), words.next().unwrap().parse().unwrap())
    };
    samples.iter().filter(is_of_series).map(day).collect()
}

/// Checks what a dashboard draws for a browser that is so many hours ahead of UTC.
async fn assert_curve(database: &Database, days: &BTreeMap<Date, f64>, hours: i64) {
    let (first, last) = (*days.keys().next().unwrap(), *days.keys().next_back().unwrap());
    // Grafana asks for whole days of the browser.
    let start = midnight(first) - jiff::SignedDuration::from_hours(hours);
    let end = midnight(last + 1.day()) - jiff::SignedDuration::from_hours(hours);
    let query = format!("last_over_time({SERIES}[1d] offset -1d)");
    let drawn = database.query_range(&query, start, end, "1d").await;
    assert_eq!(drawn.len(), 1);
    let local = |time: i64| {
        let time = Timestamp::from_millisecond(time + hours * 3_600_000).unwrap();
        time.to_zoned(TimeZone::UTC).date()
    };
    let drawn: BTreeMap<Date, f64> =
        drawn[0].samples.iter().map(|(time, value)| (local(*time), *value)).collect();
    for (day, value) in days {
        assert_eq!(drawn.get(day), Some(value), "{day} at UTC{hours:+}");
    }
}

/// Prometheus that scrapes itself and accepts samples of a window.
async fn prometheus(version: Version, window: &str) -> Database {
    let config = format!(
        "storage: {{tsdb: {{out_of_order_time_window: {window}}}}}
scrape_configs: [{{job_name: self, scrape_interval: 1s, static_configs: [{{targets: [SELF]}}]}}]
"
    );
    let database = Prometheus::new(version).config(&config).receiving().run();
    // With an empty head, it would accept samples of any age.
    database.value("up{job=\"self\"}").await;
    database
}

async fn victoria_metrics(flags: &[&str]) -> Database {
    let database = VictoriaMetrics::new(flags).run();
    database.ready().await;
    database
}

/// Fills a year with ten crashes, and again.
async fn a_year_is_in_once(database: Database) {
    let github = stand_in().await;
    let scene = Scene::new(&github, &database, DAYS);
    let mut random = Random::new(14);
    kill_ten_times(&github, &mut random, || scene.command(&github, "cache", &[])).await;
    let report = succeed(scene.command(&github, "cache", &["--verify"]));
    assert!(report.contains(" verified"), "{report}");
    let counts = requests_by_day(&github);
    let requests: usize = counts.values().sum();
    // What was under way when it was killed is requested again, everything else is not.
    assert!(requests <= counts.len() + 10, "{requests} requests for {}", counts.len());

    let before = github.requests().len();
    let samples = scene.samples(&github, "cache");
    assert_eq!(scene.count(&database).await, samples.len());
    let days = values(&samples);
    for hours in [-11, 0, 11] {
        assert_curve(&database, &days, hours).await;
    }
    let report = succeed(scene.command(&github, "cache", &["--verify"]));
    // The bill has the days without a report, too.
    assert!(report.contains(&format!("database: days: {DAYS} there already")), "{report}");
    assert_eq!(scene.count(&database).await, samples.len());
    assert_eq!(github.requests().len(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_year_is_in_prometheus_2_42_once_however_often_the_backfill_is_killed() {
    a_year_is_in_once(prometheus(Version::Installed, "400d").await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_year_is_in_prometheus_2_53_once_however_often_the_backfill_is_killed() {
    a_year_is_in_once(prometheus(Version::Later, "400d").await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_year_is_in_victoria_metrics_once_however_often_the_backfill_is_killed() {
    let flags = ["-retentionPeriod=2y", "-dedup.minScrapeInterval=1ms"];
    a_year_is_in_once(victoria_metrics(&flags).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn days_outside_of_the_window_are_named_with_the_servers_words_and_the_others_are_in() {
    let (github, database) = (stand_in().await, prometheus(Version::Later, "10d").await);
    let scene = Scene::new(&github, &database, 20);
    let report = fail(scene.command(&github, "cache", &[]));
    let refused = format!("database: not in: {} to ", scene.since);
    assert!(report.contains(&refused), "{report}");
    assert!(report.contains("too old sample"), "{report}");
    assert!(report.contains("out_of_order_time_window"), "{report}");
    let newest = format!("count(last_over_time({SERIES}[1d] offset -1d))");
    let at = midnight(scene.until).to_string();
    assert_eq!(database.query_at(&newest, &at).await[0]["value"][1], "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn verifying_notices_a_server_that_drops_what_it_accepts() {
    // It keeps samples for a month.
    let (github, database) = (stand_in().await, victoria_metrics(&[]).await);
    let scene = Scene::new(&github, &database, 60);
    let report = fail(scene.command(&github, "cache", &["--verify"]));
    assert!(report.contains("database: days: "), "{report}");
    assert!(report.contains(&format!("database: not in: {}", scene.since)), "{report}");
    assert!(report.contains("series are missing"), "{report}");
    assert!(report.contains("retention"), "{report}");
}

/// Other values of a final day are found, and replaced only if asked for. `shows_it` tells whether the
/// database is certain to show them instead of the right ones at the same time.
async fn other_values_are_corrected(database: Database, shows_it: bool) {
    let github = stand_in().await;
    let scene = Scene::new(&github, &database, 3);
    // The report of the first day has other numbers now.
    let samples = scene.samples(&github, "right");
    let wrong = format!(
        "{{\"day\":\"{}\",\"organization_id\":1,\"daily_active_users\":99999}}",
        scene.since
    );
    github.fail_times(1, "/octodemo/organization-1-day/0.json", Fault::Body(Bytes::from(wrong)));
    let until = scene.since.to_string();
    let mut command = backfill(&github, &scene.path("wrong"), &["--since", &until]);
    command.args(["--until", &until, "--config"]).arg(scene.path("config.yaml"));
    succeed(command);
    // Some servers show what was written after some seconds.
    database.has_count(SERIES, midnight(scene.since), midnight(scene.since + 1.day()), 1).await;

    if shows_it {
        let report = fail(scene.command(&github, "right", &["--verify"]));
        assert!(report.contains(&format!("not in: {}: ", scene.since)), "{report}");
        assert!(report.contains("series have other values"), "{report}");
    }
    let report = succeed(scene.command(&github, "right", &["--correct"]));
    assert!(report.contains("3 verified"), "{report}");
    let right = values(&samples);
    for hours in [-11, 0, 11] {
        assert_curve(&database, &right, hours).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn other_values_in_prometheus_are_corrected_if_asked_for() {
    other_values_are_corrected(prometheus(Version::Installed, "400d").await, true).await;
    other_values_are_corrected(prometheus(Version::Later, "400d").await, true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn other_values_in_victoria_metrics_are_corrected_if_asked_for() {
    other_values_are_corrected(victoria_metrics(&["-retentionPeriod=2y"]).await, false).await;
    // It keeps the larger one.
    let flags = ["-retentionPeriod=2y", "-dedup.minScrapeInterval=1ms"];
    other_values_are_corrected(victoria_metrics(&flags).await, true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_says_what_it_takes_and_what_the_server_would_refuse_without_asking_github() {
    let (github, database) = (stand_in().await, prometheus(Version::Later, "30d").await);
    let scene = Scene::new(&github, &database, DAYS);
    let output = scene.command(&github, "cache", &["--plan"]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}");
    for expected in [
        "360 days, from ",
        "organization octodemo: 1452 requests to GitHub; 0 documents are kept already",
        "database: it takes samples of the last 30 days: set storage.tsdb.out_of_order_time_window to ",
    ] {
        assert!(text.contains(expected), "{expected}\n{text}");
    }
    assert!(github.requests().is_empty());
    assert_eq!(scene.count(&database).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_needs_an_endpoint_is_refused_without_one() {
    let github = stand_in().await;
    let directory = tempfile::tempdir().unwrap();
    for (arguments, expected) in [
        (&[][..], "there is no endpoint: add the section remote_write"),
        (&["--verify", "--to", "openmetrics"], "--verify and --correct are about remote write"),
    ] {
        let output = backfill(&github, Path::new(directory.path()), arguments).output().unwrap();
        let text = super::report(&output);
        assert_eq!(output.status.code(), Some(64), "{text}");
        assert!(text.contains(expected), "{text}");
    }
    assert!(github.requests().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_of_compose_fills_prometheus_with_a_year() {
    let config = deployed("prometheus.yml")
        .replace("exporter:8000", "SELF")
        .replace("rule_files:\n  - rules.yml\n  - alerts.yml\n", "");
    let database = Prometheus::new(Version::Later).config(&config).receiving().run();
    database.ready().await;
    let directory = tempfile::tempdir().unwrap();
    let settings = fs::read_to_string(root().join("deploy/exporter/config.yaml")).unwrap();
    let settings = settings.replace("http://prometheus:9090", &database.url(""));
    fs::write(directory.path().join("config.yaml"), settings).unwrap();
    let compose = fs::read_to_string(root().join("deploy/compose.yaml")).unwrap();
    let backfill = compose.split("\n  backfill:").nth(1).unwrap();
    let arguments = backfill.split("command: [").nth(1).unwrap().split(']').next().unwrap();
    let mut command = exporter();
    command
        .env("DEMO", "auto")
        .env("CONFIG_FILE", directory.path().join("config.yaml"))
        .args(arguments.split(", "));
    let report = succeed(command);
    assert!(report.contains("organization octodemo: "), "{report}");
    let today = Timestamp::now().to_zoned(TimeZone::UTC).date();
    let (start, end) = (midnight(today - 366.days()), midnight(today));
    let days = database.count(&SERIES.replace('{', "{org=\"octodemo\","), start, end).await;
    // But for the gap, and the days that have no report yet.
    assert!((355..=365).contains(&days), "{days}");
}
