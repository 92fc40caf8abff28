use std::path::Path;

use copilot_metrics_tests::command::{Serving, client};
use copilot_metrics_tests::config::Config;
use copilot_metrics_tests::database::Database;
use copilot_metrics_tests::github::{Fault, Options, StandIn, stand_in, stand_in_with};
use copilot_metrics_tests::prometheus::{Prometheus, Version};
use jiff::ToSpan;
use serde_json::Value;

use super::{DAYS, MARKER, change, config_of, days, start};

/// It scrapes itself: an empty database accepts anything.
const SCRAPING: &str = "scrape_configs:\n- job_name: self\n  scrape_interval: 1s\n  static_configs:\n  - targets: ['SELF']\n";
const WINDOW: &str = "storage: {tsdb: {out_of_order_time_window: 30d}}\n";

async fn prometheus(config: &str) -> Database {
    let config = format!("{config}{SCRAPING}");
    let prometheus = Prometheus::new(Version::Installed).config(&config).receiving().run();
    prometheus.value("up{job=\"self\"}").await;
    prometheus
}

fn config_for(prometheus: &Database, keys: &str) -> Config {
    Config::new(&config_of(&[("one", &prometheus.url("/api/v1/write"), keys)]))
}

/// The exporter, which keeps its documents in a directory.
fn start_in(directory: &Path, github: &StandIn, config: &Config) -> Serving {
    start(github, config, "3600", &[("CACHE_DIR", directory.to_str().unwrap())])
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_server_has_is_verified_and_not_pushed_again_after_a_restart() {
    let (github, cache) = (stand_in().await, tempfile::tempdir().unwrap());
    let prometheus = prometheus(WINDOW).await;
    let config = config_for(&prometheus, &format!("query_url: {}", prometheus.url("")));
    let serving = start_in(cache.path(), &github, &config);
    serving.wait_for("daily samples pushed");
    let pushed = days(&serving, "pushed", "one").await;
    for _ in 0..pushed {
        serving.wait_for("day verified");
    }
    let exposition = crate::serving::metrics(&serving).await;
    let verified = "copilot_exporter_remote_write_days_verified_total";
    assert_eq!(exposition.sum(verified, "complete"), pushed as f64);
    assert_eq!(exposition.sum(verified, "incomplete"), 0.0);
    let stored = prometheus.value(&format!("count_over_time({MARKER}[40d])")).await;
    assert_eq!(stored, DAYS.to_string());
    drop(serving);

    let serving = start_in(cache.path(), &github, &config);
    let due = serving.wait_for("days that are due");
    assert!(due.contains("due=0"), "{due}");
    assert_eq!(days(&serving, "pushed", "one").await, 0);
    let exposition = crate::serving::metrics(&serving).await;
    let newest = "copilot_exporter_remote_write_newest_day_timestamp_seconds";
    assert_eq!(exposition.series(newest).count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_days_are_named_once_with_what_helps_and_not_pushed_again() {
    let github = stand_in().await;
    let prometheus = prometheus("").await;
    let config = config_for(&prometheus, "");
    let serving = start(&github, &config, "1", &[]);
    let refused = serving.wait_for("the endpoint refused these days");
    let newest = github.newest_day();
    let oldest = newest.saturating_sub(27.days());
    assert!(refused.contains(&format!("days=\"{oldest} to ")), "{refused}");
    assert!(refused.contains("out of bounds"), "{refused}");
    assert!(refused.contains("storage.tsdb.out_of_order_time_window"), "{refused}");
    let count = days(&serving, "refused", "one").await;
    assert!(count >= DAYS, "{count}");
    // Another change: the days of the report stay refused, unless they are revised.
    change(&github);
    let due = serving.wait_for("days that are due");
    // In the afternoon, the billing of today is a day too.
    assert!(due.contains("due=0") || due.contains("due=1"), "{due}");
    assert_eq!(serving.log().matches(&format!("days=\"{oldest} to ")).count(), 1);
}

/// The organization's report of 28 days, as the stand-in sends it.
async fn report(github: &StandIn) -> Value {
    let path = "/orgs/octodemo/copilot/metrics/reports/organization-28-day/latest";
    let request = client().get(github.api().join(path).unwrap()).bearer_auth(github.token());
    let envelope: Value =
        serde_json::from_str(&request.send().await.unwrap().text().await.unwrap()).unwrap();
    let link = envelope["download_links"][0].as_str().unwrap();
    let file = client().get(link).send().await.unwrap().text().await.unwrap();
    serde_json::from_str(&file).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revision_arrives_as_a_later_sample_and_its_value_wins() {
    let github = stand_in_with(Options { is_unlimited: true, ..Options::default() }).await;
    let prometheus = prometheus(WINDOW).await;
    let config = config_for(&prometheus, "");
    let serving = start(&github, &config, "1", &[]);
    serving.wait_for("daily samples pushed");
    let series =
        "daily_github_copilot_active_users{org=\"octodemo\",window=\"day\",surface=\"any\"}";
    let newest = github.newest_day();
    let end = format!("{}T00:00:00Z", newest.saturating_add(1.day()));
    let query = format!("last_over_time({series}[1d])");
    let before = prometheus.query_at(&query, &end).await;
    let before: f64 = before[0]["value"][1].as_str().unwrap().parse().unwrap();
    // Timestamps differ by minutes, so this takes up to one.
    let mut report = report(&github).await;
    let mut number = 0;
    while days(&serving, "revised", "one").await == 0 {
        number += 1;
        let rows = report["day_totals"].as_array_mut().unwrap();
        rows.last_mut().unwrap()["daily_active_users"] = (1_000_000 + number).into();
        github.recover();
        let file = "/octodemo/organization-28-day/0.json";
        github.fail(file, Fault::Body(report.to_string().into()));
        serving.wait_for("refreshed");
    }
    assert!(before < 1e6);
    let after = prometheus.query_at(&query, &end).await;
    let after: f64 = after[0]["value"][1].as_str().unwrap().parse().unwrap();
    assert!(after > 1e6, "{after}");
    // Both versions are stored.
    let count = prometheus.query_at(&format!("count_over_time({series}[1d])"), &end).await;
    assert!(count[0]["value"][1].as_str().unwrap().parse::<u32>().unwrap() >= 2);
}
