//! A real Prometheus server stores what it is sent, and says what it has.

use std::time::Duration;

use copilot_metrics_exporter::remote_write::{Difference, Product, Takes, WriteError, hint};
use copilot_metrics_tests::database::Database;
use copilot_metrics_tests::prometheus::{Prometheus, Version};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use super::{MARKER, Tested, patient, samples};

const DAY: Duration = Duration::from_secs(24 * 3600);

/// It scrapes itself: an empty database accepts anything.
const SCRAPING: &str = "scrape_configs:\n- job_name: self\n  scrape_interval: 1s\n  static_configs:\n  - targets: ['SELF']\n";

/// A server that accepts samples of the last 400 days, and has newer ones already.
async fn prometheus() -> Database {
    let window = "storage: {tsdb: {out_of_order_time_window: 400d}}\n";
    let prometheus = Prometheus::new(Version::Installed)
        .config(&format!("{window}{SCRAPING}"))
        .receiving()
        .run();
    prometheus.value("up{job=\"self\"}").await;
    prometheus
}

fn tested(prometheus: &Database, more: &str) -> Tested {
    let keys = format!("query_url: {}\n  {more}", prometheus.url(""));
    Tested::new(&prometheus.url("/api/v1/write"), &keys, &[])
}

/// The day so many days ago, and its noon in milliseconds since 1970.
fn days_ago(days: i64) -> (Date, i64) {
    let day = Timestamp::now().to_zoned(TimeZone::UTC).date() - days.days();
    let noon = day.at(12, 0, 0, 0).to_zoned(TimeZone::UTC).unwrap();
    (day, noon.timestamp().as_millisecond())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_is_returned_to_the_millisecond_and_verified() {
    let prometheus = prometheus().await;
    let keys = "external_labels: {cluster: a}\n  write_relabel_configs: [{source_labels: [l], regex: dropped, action: drop}]";
    let tested = tested(&prometheus, keys);
    let (day, noon) = days_ago(100);
    let given = |shift: i64, value: f64| {
        let time = noon - shift;
        samples(&[
            (MARKER, "x", 1.0, time),
            ("daily_a", "x", value, time),
            ("daily_a", "ü\"\\\n", f64::NAN, time),
            ("daily_a", "z", f64::INFINITY, time),
            ("daily_a", "dropped", 5.0, time),
            ("daily_b", "x", -1e-300, time),
        ])
    };
    let before = tested.endpoint.verify(&[given(0, 0.1)]).await.unwrap();
    assert_eq!((before.matching, before.missing.len()), (0, 5));
    assert!(!before.is_complete());

    // A revision comes after what it revises.
    for (shift, value) in [(5759, 3.0), (1, 0.1)] {
        let requests = tested.encode(&given(shift, value));
        let written = tested.endpoint.write(&requests, patient()).await.unwrap();
        assert_eq!((written.requests, written.samples), (2, 5));
    }
    let selector = "{__name__=\"daily_a\",l=\"x\"}";
    let found = tested.endpoint.raw(selector, noon - 5759, noon - 1).await.unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].samples, [(noon - 5759, 3.0), (noon - 1, 0.1)]);
    assert_eq!(found[0].labels["cluster"], "a");
    // Both bounds are included, and nothing else.
    let between = tested.endpoint.raw(selector, noon - 5758, noon - 2).await.unwrap();
    assert!(between.is_empty(), "{between:?}");
    let last = tested.endpoint.raw(selector, noon - 1, noon - 1).await.unwrap();
    assert_eq!(last[0].samples, [(noon - 1, 0.1)]);

    let report = tested.endpoint.verify(&[given(1, 0.1)]).await.unwrap();
    assert_eq!((report.day, report.matching), (Some(day), 5));
    assert!(report.is_complete(), "{report:?}");
    let other = tested.endpoint.verify(&[given(1, 0.2)]).await.unwrap();
    let series = "daily_a{cluster=\"a\",l=\"x\"}".to_owned();
    assert_eq!(other.different, [Difference { series, expected: 0.2, found: 0.1 }]);
    assert_eq!(other.matching, 4);

    // To write it again changes nothing.
    let requests = tested.encode(&given(1, 0.1));
    tested.endpoint.write(&requests, patient()).await.unwrap();
    assert!(tested.endpoint.verify(&[given(1, 0.1)]).await.unwrap().is_complete());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_days_that_an_endpoint_has_completely_are_known_with_their_timestamps() {
    let prometheus = prometheus().await;
    let keys = "external_labels: {cluster: a}\n  write_relabel_configs: [{source_labels: [__name__], target_label: __name__, replacement: 'my_$1'}]";
    let tested = tested(&prometheus, keys);
    let (first, noon) = days_ago(90);
    let (second, later) = days_ago(30);
    let given = samples(&[
        (MARKER, "x", 1.0, noon - 5),
        (MARKER, "x", 1.0, noon),
        (MARKER, "x", 1.0, later - 7),
        (MARKER, "y", 1.0, later),
    ]);
    // All rows of the label are one series.
    let given = merged(given);
    tested.endpoint.write(&tested.encode(&given), patient()).await.unwrap();
    let (start, _) = days_ago(100);
    let (end, _) = days_ago(0);
    let found = tested.endpoint.markers(MARKER, &[("l", "x")], start..=end).await.unwrap();
    assert_eq!(found.into_iter().collect::<Vec<_>>(), [(first, noon), (second, later - 7)]);
    let only = tested.endpoint.markers(MARKER, &[("l", "x")], second..=end).await.unwrap();
    assert_eq!(only.into_iter().collect::<Vec<_>>(), [(second, later - 7)]);
    let none = tested.endpoint.markers(MARKER, &[("l", "z")], start..=end).await.unwrap();
    assert!(none.is_empty());
}

/// The same samples with one index for each text.
fn merged(
    mut samples: copilot_metrics_exporter::model::Samples,
) -> copilot_metrics_exporter::model::Samples {
    let strings = samples.strings.clone();
    let first = |id: u32| {
        let text = &strings[id as usize];
        u32::try_from(strings.iter().position(|other| other == text).unwrap()).unwrap()
    };
    for (_, columns) in &mut samples.families {
        columns.label_values.iter_mut().for_each(|id| *id = first(*id));
    }
    samples
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_says_how_old_samples_may_be() {
    let with_window = prometheus().await;
    let takes = tested(&with_window, "").endpoint.probe().await.unwrap();
    let retention = Some(365 * 100 * DAY);
    let product = Product::Prometheus;
    assert_eq!(takes, Takes { window: Some(400 * DAY), retention, product });
    let without = Prometheus::new(Version::Installed).config(SCRAPING).receiving().run();
    without.value("up{job=\"self\"}").await;
    let takes = tested(&without, "").endpoint.probe().await.unwrap();
    assert_eq!(takes, Takes { window: Some(Duration::ZERO), retention, product });

    // And it refuses those that are older.
    let (_, noon) = days_ago(100);
    let tested = tested(&without, "");
    let given = samples(&[("daily_a", "x", 1.0, noon), (MARKER, "x", 1.0, noon)]);
    let error = tested.endpoint.write(&tested.encode(&given), patient()).await.unwrap_err();
    let WriteError::Refused { status: 400, message } = &error else { panic!("{error:?}") };
    assert!(message.contains("out of bounds"), "{message}");
    assert!(hint(&error).unwrap().contains("storage.tsdb.out_of_order_time_window"));
    let report = tested.endpoint.verify(&[given]).await.unwrap();
    assert_eq!((report.matching, report.missing.len()), (0, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_does_not_accept_remote_write_has_a_hint() {
    let directory = tempfile::tempdir().unwrap();
    let prometheus =
        Prometheus::new(Version::Installed).config(SCRAPING).directory(directory).run();
    prometheus.value("up{job=\"self\"}").await;
    let tested = tested(&prometheus, "");
    let (_, noon) = days_ago(1);
    let requests = tested.encode(&samples(&[("daily_a", "x", 1.0, noon)]));
    let error = tested.endpoint.write(&requests, patient()).await.unwrap_err();
    assert!(error.to_string().contains("404"), "{error}");
    assert!(hint(&error).unwrap().contains("--web.enable-remote-write-receiver"));
}
