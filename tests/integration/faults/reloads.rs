use std::time::{Duration, Instant};

use copilot_metrics_tests::command::Serving;
use copilot_metrics_tests::config::Config;
use copilot_metrics_tests::fixtures::read;
use copilot_metrics_tests::github::{Fault, stand_in};
use copilot_metrics_tests::guests::{Mappings, scripted};
use copilot_metrics_tests::transcript::keep_secret;

use super::{LIMIT, configured, reload};
use crate::serving::{PATIENCE, eventually, metrics};

/// Waits until nothing is served of a target that was removed.
async fn is_gone(serving: &Serving, target: &str) {
    let (label, started) = (format!("\"{target}\""), Instant::now());
    while serving.get("/metrics").await.1.contains(&label) {
        assert!(started.elapsed() < PATIENCE, "{target} is still served:\n{}", serving.log());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rate_limit_of_a_credential_that_a_reload_removes_is_gone() {
    let github = stand_in().await;
    keep_secret("tok_other");
    github.grant("tok_other", &["octo-legacy"]);
    let config = Config::new(
        "credentials: {other: {token_file: other.token}}
targets: [{organization: octodemo}, {organization: octo-legacy, credential: other}]",
    );
    config.write("other.token", "tok_other");
    let serving = Serving::start(configured(&github, &config));
    serving.wait_for("refreshed");
    serving.wait_for("refreshed");
    let limits = |exposition: &copilot_metrics_tests::exposition::Exposition, name: &str| {
        let families = ["limit", "limit_remaining", "limit_reset_timestamp_seconds"];
        let of = |family| {
            let series = format!("copilot_exporter_rate_{family}");
            let label = format!("credential=\"{name}\"");
            exposition.series(&series).filter(|(series, _)| series.contains(&label)).count()
        };
        families.map(of)
    };
    let before = metrics(&serving).await;
    assert_eq!((limits(&before, "default"), limits(&before, "other")), ([1; 3], [1; 3]));
    config.write("config.yaml", "targets: [{organization: octodemo}]");
    assert_eq!(serving.post("/-/reload").await.0, 200);
    let after = metrics(&serving).await;
    assert_eq!((limits(&after, "default"), limits(&after, "other")), ([1; 3], [0; 3]));
}

#[tokio::test(flavor = "multi_thread")]
async fn scrapes_stay_fast_while_a_reload_removes_a_target_with_much_data() {
    let github = stand_in().await;
    let recorded = String::from_utf8(read("demo/octodemo/users-1-day.1.ndjson")).unwrap();
    // As of the newest day, like the rest.
    let recorded = recorded.replace("2026-11-20", &github.newest_day().to_string());
    let rows = (1..=40).flat_map(|number| {
        recorded.lines().map(move |row| {
            let row = row.replace("\"user_id\":", &format!("\"user_id\":{number}"));
            row.replace("\"user_login\":\"", &format!("\"user_login\":\"n{number}-"))
        })
    });
    let report = rows.collect::<Vec<_>>().join("\n");
    github.fail("/octodemo/users-1-day/0.json", Fault::Body(report.into()));
    let yaml =
        |targets: &str| format!("defaults: {{options: {{users: true}}}}\ntargets: [{targets}]");
    let both = yaml("{organization: octodemo}, {enterprise: octo-enterprise}");
    let config = Config::new(&both);
    let serving = Serving::start(configured(&github, &config));
    serving.wait_for("refreshed");
    serving.wait_for("refreshed");
    eventually(&serving, |exposition| {
        exposition.series("github_copilot_user_interactions").count() > 1500
    })
    .await;
    config.write("config.yaml", &yaml("{organization: octodemo}"));
    let mut slowest = Duration::ZERO;
    let scrapes = async {
        for _ in 0..20 {
            let started = Instant::now();
            assert_eq!(serving.get("/-/ready").await.0, 200);
            slowest = slowest.max(started.elapsed());
            let response = copilot_metrics_tests::command::client().get(serving.url("/metrics"));
            let response = response.header("accept-encoding", "gzip").send().await.unwrap();
            assert!(response.bytes().await.unwrap().len() > 10_000);
            slowest = slowest.max(started.elapsed());
        }
    };
    tokio::join!(reload(&serving), scrapes);
    assert!(slowest < LIMIT, "the slowest scrape took {slowest:?}");
    // Soon after the reload, the target is gone.
    is_gone(&serving, "octo-enterprise").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_does_not_wait_for_the_run_of_a_target_that_it_removes() {
    const SPIN: &str =
        "{\"seat_breakdown\": {\"total\": 7}, \"seat_management_setting\": \"spin now\"}";
    let (github, mappings) = (stand_in().await, Mappings::default());
    mappings.put("scripted.wasm", &scripted("scripted", "1", "loop-when-told"));
    let yaml = |targets: &str| {
        format!(
            "defaults: {{ttl: 1s}}\nmapping: {{dir: {}, run_time: 1h}}\ntargets: [{targets}]",
            mappings.path().display()
        )
    };
    let config = Config::new(&yaml("{organization: octodemo}, {enterprise: octo-enterprise}"));
    let serving = Serving::start(configured(&github, &config));
    serving.wait_for("mapping in use");
    serving.wait_for("refreshed org=\"octodemo\" scope=\"organization\"");
    let asked = super::requests(&github, "/octodemo/copilot/billing");
    github.fail("/octodemo/copilot/billing", Fault::Body(SPIN.into()));
    while super::requests(&github, "/octodemo/copilot/billing") == asked {
        tokio::task::yield_now().await;
    }
    serving.wait_for("refreshed org=\"octo-enterprise\" scope=\"enterprise\"");
    config.write("config.yaml", &yaml("{enterprise: octo-enterprise}"));
    reload(&serving).await;
    is_gone(&serving, "octodemo").await;
}
