use std::collections::BTreeSet;

use copilot_metrics_exporter::remote_write::v1;
use copilot_metrics_tests::command::Serving;
use copilot_metrics_tests::config::Config;
use copilot_metrics_tests::github::stand_in;
use copilot_metrics_tests::receiver::{Receiver, Reply};
use copilot_metrics_tests::transcript::keep_secret;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use prost::Message;

use super::{DAYS, MARKER, change, config_of, days, start};
use crate::serving::metrics;

/// Since when an endpoint is behind.
const PENDING: &str = "copilot_exporter_remote_write_pending_since_timestamp_seconds";

/// The family and the day of each sample in the requests to a path, in their order.
fn samples(receiver: &Receiver, path: &str) -> Vec<(String, Date)> {
    let requests = receiver.received().into_iter().filter(|request| request.path == path);
    let series = requests.flat_map(|request| {
        let bytes = snap::raw::Decoder::new().decompress_vec(&request.body).unwrap();
        v1::WriteRequest::decode(&*bytes).unwrap().timeseries
    });
    let samples = series.flat_map(|series| {
        let name = series.labels.iter().find(|label| label.name == "__name__").unwrap();
        let name = name.value.clone();
        let day = |time| Timestamp::from_millisecond(time).unwrap().to_zoned(TimeZone::UTC).date();
        let days: Vec<_> = series.samples.iter().map(|sample| day(sample.timestamp)).collect();
        days.into_iter().map(move |day| (name.clone(), day))
    });
    samples.collect()
}

/// The days that were marked as complete, in their order.
fn complete_days(receiver: &Receiver) -> Vec<Date> {
    let samples = samples(receiver, "/w").into_iter();
    samples.filter(|(name, _)| name == MARKER).map(|(_, day)| day).collect()
}

/// How many samples are on `/metrics/daily`.
async fn served(serving: &Serving) -> usize {
    serving.get("/metrics/daily").await;
    serving.wait_for("daily samples published");
    let (_, text) = serving.get("/metrics/daily").await;
    text.lines().filter(|line| !line.starts_with('#')).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_of_28_days_is_pushed_once_oldest_first_with_all_samples() {
    let (github, receiver) = (stand_in().await, Receiver::start([]).await);
    let config = Config::new(&config_of(&[("one", &receiver.url("/w"), "")]));
    let serving = start(&github, &config, "3600", &[]);
    serving.wait_for("daily samples pushed");
    let complete = complete_days(&receiver);
    assert_eq!(complete.len(), DAYS);
    assert!(complete.is_sorted());
    assert_eq!(complete.iter().collect::<BTreeSet<_>>().len(), DAYS);
    assert_eq!(*complete.last().unwrap(), github.newest_day());
    let pushed = samples(&receiver, "/w");
    assert_eq!(pushed.len(), served(&serving).await);
    // In the afternoon, the seats of today are a day too.
    let all: BTreeSet<Date> = pushed.iter().map(|(_, day)| *day).collect();
    assert_eq!(days(&serving, "pushed", "one").await, all.len());
    assert_eq!(days(&serving, "revised", "one").await, 0);
    let newest = github.newest_day().to_zoned(TimeZone::UTC).unwrap().timestamp();
    let series = "copilot_exporter_remote_write_newest_day_timestamp_seconds{endpoint=\"one\",org=\"octodemo\",scope=\"organization\"}";
    let exposition = metrics(&serving).await;
    assert_eq!(exposition.value(series), newest.as_second() as f64);
    assert_eq!(exposition.series(PENDING).count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_fails_delays_no_other_and_catches_up_without_losing_a_day() {
    let github = stand_in().await;
    let other = Receiver::start([]).await;
    // An outage, and then a wrong path.
    let mut replies = vec![Reply::new(503, "starting"); 5];
    replies.push(Reply::new(404, "not here"));
    let failing = Receiver::start(replies).await;
    let urls = [failing.url("/w"), other.url("/w")];
    let config = Config::new(&config_of(&[("failing", &urls[0], ""), ("other", &urls[1], "")]));
    let serving = start(&github, &config, "1", &[]);
    serving.wait_for("failed to push to the endpoint");
    let waits = async |endpoint| {
        let label = format!("endpoint=\"{endpoint}\"");
        metrics(&serving).await.sum(PENDING, &label) > 0.0
    };
    while days(&serving, "pushed", "other").await < DAYS || waits("other").await {
        tokio::task::yield_now().await;
    }
    assert_eq!(complete_days(&other).len(), DAYS);
    assert!(complete_days(&failing).is_empty());
    assert!(waits("failing").await);
    // A change does not wait for the next attempt.
    change(&github);
    serving.wait_for("the endpoint works again");
    assert_eq!(complete_days(&failing).len(), DAYS);
    assert_eq!(metrics(&serving).await.series(PENDING).count(), 0);
    assert_eq!(serving.log().matches("failed to push to the endpoint").count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_never_responds_delays_neither_another_one_nor_the_shutdown() {
    let github = stand_in().await;
    let other = Receiver::start([]).await;
    // Connections are accepted by the operating system.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/w", silent.local_addr().unwrap());
    let endpoints =
        [("silent", url.as_str(), "remote_timeout: 24h"), ("other", &other.url("/w"), "")];
    let config = Config::new(&config_of(&endpoints));
    let mut serving = start(&github, &config, "3600", &[]);
    serving.wait_for("daily samples pushed");
    assert_eq!(complete_days(&other).len(), DAYS);
    while !serving.log().contains("days that are due endpoint=\"silent\"") {
        tokio::task::yield_now().await;
    }
    kill(Pid::from_raw(i32::try_from(serving.id()).unwrap()), Signal::SIGTERM).unwrap();
    serving.wait_for("stopped");
    assert!(serving.wait().success());
    // It was still being tried.
    let log = serving.log();
    assert!(!log.contains("failed to push"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_adds_and_removes_endpoints_without_touching_the_others() {
    let github = stand_in().await;
    let (one, two) = (Receiver::start([]).await, Receiver::start([]).await);
    let (first, second) = (one.url("/w"), two.url("/w"));
    let config = Config::new(&config_of(&[("one", &first, "")]));
    let serving = start(&github, &config, "3600", &[]);
    serving.wait_for("daily samples pushed");
    let before = one.received().len();
    config.write("config.yaml", &config_of(&[("one", &first, ""), ("two", &second, "")]));
    assert_eq!(serving.post("/-/reload").await.0, 200);
    serving.wait_for("daily samples pushed");
    assert_eq!(complete_days(&two).len(), DAYS);
    assert_eq!(one.received().len(), before);
    assert!(!serving.log().contains("no longer pushing"));
    config.write("config.yaml", &config_of(&[("two", &second, "")]));
    assert_eq!(serving.post("/-/reload").await.0, 200);
    serving.wait_for("no longer pushing");
    while metrics(&serving).await.sum("copilot_exporter_remote_write_days_pushed_total", "\"one\"")
        > 0.0
    {
        tokio::task::yield_now().await;
    }
    assert_eq!(complete_days(&two).len(), DAYS);
}

#[tokio::test(flavor = "multi_thread")]
async fn days_that_are_accepted_and_not_stored_are_pushed_once_more_and_named_once() {
    let github = stand_in().await;
    let nothing = r#"{"status":"success","data":{"resultType":"matrix","result":[]}}"#;
    let receiver = Receiver::answering("/api/v1/query", Reply::new(200, nothing)).await;
    let keys = format!("query_url: {}", receiver.url(""));
    let config = Config::new(&config_of(&[("one", &receiver.url("/w"), &keys)]));
    let serving = start(&github, &config, "3600", &[]);
    serving.wait_for("daily samples pushed");
    let pushed = days(&serving, "pushed", "one").await;
    while days(&serving, "refused", "one").await < pushed {
        serving.wait_for("did not store what it accepted twice");
    }
    assert!(serving.log().contains("did not store what it accepted; pushing the days again"));
    let mut complete = complete_days(&receiver);
    complete.sort();
    assert_eq!(complete.len(), 2 * DAYS);
    let twice = complete.chunks(2).filter(|pair| pair.first() == pair.last()).count();
    assert_eq!(twice, DAYS);
    let exposition = metrics(&serving).await;
    let newest = "copilot_exporter_remote_write_newest_day_timestamp_seconds";
    assert_eq!(exposition.series(newest).count(), 0);
    assert!(
        exposition
            .sum("copilot_exporter_remote_write_days_verified_total", "result=\"incomplete\"")
            >= 2.0 * DAYS as f64
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_password_of_an_endpoint_is_never_shown_even_if_the_server_repeats_it() {
    let github = stand_in().await;
    let password = "a-password-of-an-endpoint";
    keep_secret(password);
    let reply = Reply::new(403, &format!("wrong password {password} of me"));
    let receiver = Receiver::answering("/w", reply).await;
    let keys = "basic_auth: {username: me, password_file: password}";
    let config = Config::new(&config_of(&[("one", &receiver.url("/w"), keys)]));
    config.write("password", password);
    let serving = start(&github, &config, "3600", &[]);
    let failed = serving.wait_for("failed to push to the endpoint");
    assert!(failed.contains("wrong password ***"), "{failed}");
    assert!(failed.contains("check basic_auth"), "{failed}");
    let (_, text) = serving.get("/metrics").await;
    let (_, page) = serving.get("/").await;
    for said in [&serving.log(), &text, &page] {
        assert!(!said.contains(password), "{said}");
    }
    // The whole endpoint is refused: no other day is tried.
    assert_eq!(receiver.received().len(), 1);
    assert_eq!(days(&serving, "refused", "one").await, 0);
}
