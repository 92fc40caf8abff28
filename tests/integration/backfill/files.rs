//! Into files in the OpenMetrics format.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use bytes::Bytes;
use copilot_metrics_tests::command::{exporter, output};
use copilot_metrics_tests::github::{Fault, stand_in};
use copilot_metrics_tests::guests::{Mappings, build};
use copilot_metrics_tests::mutation::Random;

use super::{backfill, day, kill_ten_times, report, requests_by_day, succeed};

/// A section of a component that means nothing: its kind, its length, and an empty name.
const CUSTOM_SECTION: [u8; 3] = [0, 1, 0];

/// The days of the file, by the value of a family that each complete day has.
fn days_in(file: &Path) -> BTreeMap<i64, usize> {
    let text = fs::read_to_string(file).unwrap();
    assert!(text.ends_with("\n# EOF\n"));
    let mut days = BTreeMap::new();
    let marker = "daily_github_copilot_report_day_timestamp_seconds{";
    for line in text.lines().filter(|line| line.starts_with(marker)) {
        let time: f64 = line.rsplit(' ').next().unwrap().parse().unwrap();
        *days.entry(time as i64 / 86_400).or_default() += 1;
    }
    days
}

#[tokio::test(flavor = "multi_thread")]
async fn each_day_is_fetched_once_however_often_it_is_killed_and_the_file_is_the_same() {
    let (github, directory) = (stand_in().await, tempfile::tempdir().unwrap());
    let (first, last) = (day(&github, 27).to_string(), day(&github, 4).to_string());
    let range = ["--since", &first, "--until", &last, "--to"];
    let mut random = Random::new(7);
    let cache = directory.path().join("cache");
    let killed = || {
        let mut command = backfill(&github, &cache, &range);
        command.arg("openmetrics");
        command
    };
    kill_ten_times(&github, &mut random, killed).await;
    let killed = directory.path().join("killed.om");
    let mut command = backfill(&github, &cache, &range);
    command.arg(&killed);
    succeed(command);
    let days = days_in(&killed);
    assert_eq!(days.len(), 24);
    assert!(days.values().all(|count| *count == 1));
    // What was under way when it was killed is requested again, everything else is not.
    let counts = requests_by_day(&github);
    assert_eq!(counts.keys().filter(|path| path.contains("-1-day")).count(), 3 * 24);
    assert!(counts.values().sum::<usize>() <= counts.len() + 10, "{counts:?}");
    // Once more: everything is there.
    let before = github.requests().len();
    let again = directory.path().join("again.om");
    let mut command = backfill(&github, &cache, &range);
    command.arg(&again);
    let report = succeed(command);
    assert!(report.contains("24 days"), "{report}");
    assert_eq!(github.requests().len(), before);
    assert_eq!(fs::read(&again).unwrap(), fs::read(&killed).unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_mapping_maps_the_past_again_without_a_request() {
    let (github, directory) = (stand_in().await, tempfile::tempdir().unwrap());
    let (first, last) = (day(&github, 10).to_string(), day(&github, 4).to_string());
    let (cache, file) = (directory.path().join("cache"), directory.path().join("history.om"));
    let range = ["--since", &first, "--until", &last, "--to", file.to_str().unwrap()];
    succeed(backfill(&github, &cache, &range));
    let before = github.requests().len();
    let of_default = fs::read_to_string(&file).unwrap();
    // The default mapping under another digest, with families of each user.
    let mappings = Mappings::default();
    let mut changed = build("copilot-metrics-guest", &[]);
    changed.extend(CUSTOM_SECTION);
    mappings.put("changed.wasm", &changed);
    let mut command = backfill(&github, &cache, &range);
    command.env("MAPPING_DIR", mappings.path()).args(["--option", "users=true"]);
    let report = succeed(command);
    assert!(report.contains(" 0 requests to GitHub"), "{report}");
    assert_eq!(github.requests().len(), before);
    let changed = fs::read_to_string(&file).unwrap();
    assert!(!of_default.contains(",user=\"") && changed.contains(",user=\""));
    let is_changed = |line: &&str| !changed.contains(line);
    assert_eq!(of_default.lines().find(is_changed), None);
    assert_eq!(days_in(&file).len(), 7);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_without_a_report_is_absent_and_never_another_days_numbers() {
    let (github, directory) = (stand_in().await, tempfile::tempdir().unwrap());
    let (first, gap, last) = (day(&github, 8), day(&github, 6), day(&github, 4));
    github.fail(&format!("?day={gap}"), Fault::Status(204, "", vec![]));
    let file = directory.path().join("history.om");
    let (since, until) = (first.to_string(), last.to_string());
    let range = ["--since", &since, "--until", &until, "--to", file.to_str().unwrap()];
    let report = succeed(backfill(&github, directory.path(), &range));
    assert!(report.contains(&format!("no report: {gap}\n")), "{report}");
    assert_eq!(days_in(&file).len(), 4);
    // It never will have one: it is not requested again.
    let before = github.requests().len();
    succeed(backfill(&github, directory.path(), &range));
    assert_eq!(github.requests().len(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_about_another_day_and_a_malformed_one_are_named_and_fetched_again_later() {
    let (github, directory) = (stand_in().await, tempfile::tempdir().unwrap());
    let (first, other, last) = (day(&github, 8), day(&github, 7), day(&github, 4));
    let wrong = format!(r#"{{"download_links": [], "report_day": "{first}"}}"#);
    let path = format!("organization-1-day?day={other}");
    github.fail(&path, Fault::Body(Bytes::from(wrong)));
    // The newest day is requested first.
    github.fail_times(
        1,
        "/octodemo/organization-1-day/0.json",
        Fault::Body(Bytes::from_static(b"{")),
    );
    let file = directory.path().join("history.om");
    let (since, until) = (first.to_string(), last.to_string());
    let range = ["--since", &since, "--until", &until, "--to", file.to_str().unwrap()];
    let failed = output(backfill(&github, directory.path(), &range));
    let text = report(&failed);
    assert_eq!(failed.status.code(), Some(1), "{text}");
    assert!(text.contains(&format!("it is about {first}, not about {other}")), "{text}");
    assert!(text.contains(&format!("failed: {last}: organization-1-day: ")), "{text}");
    assert_eq!(days_in(&file).len(), 3);
    github.recover();
    succeed(backfill(&github, directory.path(), &range));
    assert_eq!(days_in(&file).len(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_that_the_token_may_not_read_is_requested_for_a_few_days_only() {
    let (github, directory) = (stand_in().await, tempfile::tempdir().unwrap());
    github.fail("/users-1-day", Fault::Status(404, "Not Found", vec![]));
    let file = directory.path().join("history.om");
    let (since, until) = (day(&github, 27).to_string(), day(&github, 4).to_string());
    let range = ["--since", &since, "--until", &until, "--to", file.to_str().unwrap()];
    let report = succeed(backfill(&github, directory.path(), &range));
    assert!(report.contains("without users-1-day: GitHub returned 404"), "{report}");
    let counts = requests_by_day(&github);
    assert_eq!(counts.keys().filter(|path| path.contains("users-1-day")).count(), 5);
    assert_eq!(days_in(&file).len(), 24);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_config_file_has_the_targets_and_flags_select_some_of_them() {
    let (github, directory) = (stand_in().await, tempfile::tempdir().unwrap());
    let config = directory.path().join("config.yaml");
    let yaml = "targets: [{organization: octodemo, name: Demo}, {enterprise: octo-enterprise}]\nhistory: {prefix: day_}\n";
    fs::write(&config, yaml).unwrap();
    let file = directory.path().join("history.om");
    let until = day(&github, 4).to_string();
    let range = ["--since", "1d", "--until", &until, "--to", file.to_str().unwrap()];
    let mut command = backfill(&github, directory.path(), &range);
    command.env_remove("ORG").args(["--org", "OctoDemo", "--config"]).arg(&config);
    let report = succeed(command);
    assert!(report.contains("organization Demo: 1 days"), "{report}");
    assert!(!report.contains("octo-enterprise"), "{report}");
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.contains("\nday_github_copilot_active_users{org=\"Demo\","), "{text}");
}

#[test]
fn arguments_that_make_no_sense_are_refused_with_what_would_be_right() {
    for (arguments, expected) in [
        (&["--since", "soon", "--to", "x"][..], "such as 365d"),
        (&["--since", "2026-01-02", "--until", "2026-01-01", "--to", "x"], "is later than"),
        (&["--until", "9999-01-01", "--to", "x"], "is not over yet"),
        (&["--requests-per-hour", "0", "--to", "x"], "requests-per-hour"),
    ] {
        let mut command = exporter();
        command.env("ORG", "octodemo").env("GHC_TOKEN", "x").arg("backfill").args(arguments);
        let output = output(command);
        let text = report(&output);
        assert_eq!(output.status.code(), Some(64), "{text}");
        assert!(text.contains(expected), "{text}");
    }
}
