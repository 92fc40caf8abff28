//! A day that GitHub revises up and down, in real databases.

use copilot_metrics_exporter::output::daily::timestamp_ms;
use copilot_metrics_tests::database::Database;
use copilot_metrics_tests::prometheus::{Prometheus, Version};
use copilot_metrics_tests::victoria_metrics::VictoriaMetrics;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};

use super::{MARKER, Tested, patient, samples};

/// How long a server may take to show what was written.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(30);
/// The values of the revisions, the first of which is not one.
const VALUES: [f64; 7] = [100.0, 120.0, 90.0, 130.0, 80.0, 125.0, 95.0];

fn midnight(day: Date) -> Timestamp {
    day.to_zoned(TimeZone::UTC).unwrap().timestamp()
}

/// Writes a day whenever GitHub revises it: a minute after the other, and at last when it is final. The
/// value that a dashboard shows must be the last one each time.
async fn the_newest_value_is_shown(database: &Database) {
    let keys = format!("query_url: {}", database.url(""));
    let tested = Tested::new(&database.url("/api/v1/write"), &keys, &[]);
    let day = revised_day();
    let first = midnight(day) + SignedDuration::from_hours(30);
    for (minute, value) in (0..).zip(VALUES) {
        let is_final = value == VALUES[VALUES.len() - 1];
        let fetched_at = match is_final {
            true => first + SignedDuration::from_hours(24 * 5),
            false => first + SignedDuration::from_mins(minute),
        };
        let time = timestamp_ms(day, fetched_at);
        let revision = samples(&[("daily_users", "x", value, time), (MARKER, "x", 1.0, time)]);
        // Twice: a repeat changes nothing.
        for _ in 0..2 {
            tested.endpoint.write(&tested.encode(&revision), patient()).await.unwrap();
        }
        // Some servers show what was written after some seconds.
        let deadline = tokio::time::Instant::now() + PATIENCE;
        while !tested.endpoint.verify(std::slice::from_ref(&revision)).await.unwrap().is_complete()
        {
            assert!(tokio::time::Instant::now() < deadline, "{value} is not shown");
            tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        }
        assert_eq!(shown(database, day).await, value.to_string());
    }
}

/// The value of the day that a dashboard shows.
async fn shown(database: &Database, day: Date) -> String {
    let query = "last_over_time(daily_users{l=\"x\"}[1d] offset -1d)";
    let shown = database.query_at(query, &midnight(day).to_string()).await;
    shown[0]["value"][1].as_str().unwrap().to_owned()
}

/// The day that is revised.
fn revised_day() -> Date {
    Timestamp::now().to_zoned(TimeZone::UTC).date() - 40.days()
}

async fn prometheus(version: Version) -> Database {
    let config = "storage: {tsdb: {out_of_order_time_window: 400d}}
scrape_configs: [{job_name: self, scrape_interval: 1s, static_configs: [{targets: [SELF]}]}]
";
    let database = Prometheus::new(version).config(config).receiving().run();
    database.value("up{job=\"self\"}").await;
    database
}

#[tokio::test(flavor = "multi_thread")]
async fn prometheus_shows_the_newest_value_of_a_day_that_is_revised_up_and_down() {
    the_newest_value_is_shown(&prometheus(Version::Installed).await).await;
    let mut database = prometheus(Version::Later).await;
    the_newest_value_is_shown(&database).await;
    // After a crash too.
    database.start_again().await;
    assert_eq!(shown(&database, revised_day()).await, "95");
}

#[tokio::test(flavor = "multi_thread")]
async fn victoria_metrics_shows_the_newest_value_with_and_without_deduplication() {
    for flags in
        [&["-retentionPeriod=2y"][..], &["-retentionPeriod=2y", "-dedup.minScrapeInterval=1ms"]]
    {
        let database = VictoriaMetrics::new(flags).run();
        database.ready().await;
        the_newest_value_is_shown(&database).await;
    }
}
