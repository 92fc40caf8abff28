//! Days that are kept in the cache directory.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use copilot_metrics_tests::command::Serving;
use copilot_metrics_tests::config::Config;
use copilot_metrics_tests::github::{StandIn, stand_in};
use jiff::ToSpan;

use crate::serving::command;

/// An exporter that keeps what it fetches, with series of users.
fn start(github: &StandIn, cache: &tempfile::TempDir) -> Serving {
    let mut command = command(github, "octodemo");
    command.env("CACHE_DIR", cache.path()).args(["--option", "users=true"]);
    Serving::start(command)
}

/// The names of all files below a directory.
fn walk(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap());
    let names = entries.map(|entry| match entry.path().is_dir() {
        true => walk(&entry.path()),
        false => vec![entry.file_name().to_string_lossy().into_owned()],
    });
    names.flatten().collect()
}

/// The days of the daily samples of users.
async fn days_of_users(serving: &Serving) -> BTreeSet<i64> {
    serving.get("/metrics/daily").await;
    serving.wait_for("daily samples published");
    let (_, text) = serving.get("/metrics/daily").await;
    let lines = text.lines().filter(|line| line.starts_with("daily_") && line.contains(",user=\""));
    let time = |line: &str| line.rsplit(' ').next()?.parse::<i64>().ok();
    lines.filter_map(time).map(|time| time / 86_400_000).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_days_that_are_not_final_are_fetched_and_have_daily_samples_after_a_restart_too() {
    let (github, cache) = (stand_in().await, tempfile::tempdir().unwrap());
    let serving = start(&github, &cache);
    serving.wait_for("refreshed");
    // The reports are two days old: those of two and three days ago are not final.
    let newest = github.newest_day();
    let days = days_of_users(&serving).await;
    assert_eq!(days.len(), 2);
    let before = newest.saturating_sub(1.day());
    let requests = || {
        let path = format!("users-1-day?day={before}");
        github.requests().iter().filter(|request| request.path.contains(&path)).count()
    };
    assert_eq!(requests(), 1);
    drop(serving);
    let stored = || {
        let all = walk(cache.path());
        all.into_iter().filter(|name| name.starts_with(".samples.") && name.contains('@')).count()
    };
    // What a mapping has made of the day before is there too, and of the newest day, whose usage is kept.
    assert_eq!(stored(), 2);
    let serving = start(&github, &cache);
    serving.wait_for("serving stored data");
    assert_eq!(days_of_users(&serving).await, days);
    // They are not older than six hours.
    assert_eq!(requests(), 1);
    drop(serving);
    // It contained users.
    let config = Config::new("defaults: {documents: {users-1-day: false}}");
    let mut command = command(&github, "octodemo");
    command.env("CACHE_DIR", cache.path()).env("CONFIG_FILE", config.path());
    let serving = Serving::start(command);
    serving.wait_for("serving stored data");
    assert_eq!(stored(), 0);
}
