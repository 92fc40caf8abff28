//! The past, fetched day by day.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use copilot_metrics_tests::command::output;
use copilot_metrics_tests::github::StandIn;
use copilot_metrics_tests::mutation::Random;
use jiff::ToSpan;
use jiff::civil::Date;

/// Into endpoints for remote write.
mod databases;
/// Into files in the OpenMetrics format.
mod files;

/// A run for one organization with what was fetched before in a directory.
pub fn backfill(github: &StandIn, cache: &Path, arguments: &[&str]) -> Command {
    let mut command = github.exporter();
    command
        .env("ORG", "octodemo")
        .env_remove("ENTERPRISE")
        .env("CACHE_DIR", cache)
        .arg("backfill")
        .args(arguments);
    command
}

/// The report of a run.
fn report(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Runs it, and expects that every day is in.
pub fn succeed(command: Command) -> String {
    let output = output(command);
    let report = report(&output);
    assert!(output.status.success(), "{report}");
    report
}

/// Runs it, and expects that some days are not in.
pub fn fail(command: Command) -> String {
    let output = output(command);
    let report = report(&output);
    assert_eq!(output.status.code(), Some(1), "{report}");
    report
}

/// Starts it ten times, and kills it when it has sent some more requests, at any moment of the work on
/// them.
async fn kill_ten_times(github: &StandIn, random: &mut Random, command: impl Fn() -> Command) {
    for _ in 0..10 {
        let mut command = command();
        // A hundred thousand samples are not a test's output.
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let enough = github.requests().len() + 1 + random.below(60);
        while github.requests().len() < enough && child.try_wait().unwrap().is_none() {
            tokio::task::yield_now().await;
        }
        child.kill().unwrap();
        child.wait().unwrap();
    }
}

/// How often the report of each day was requested, by document.
fn requests_by_day(github: &StandIn) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    let requests = github.requests();
    let of_days = |path: &str| path.contains("-1-day?day=") || path.contains("/usage?year=");
    for request in requests.iter().filter(|request| of_days(&request.path)) {
        *counts.entry(request.path.clone()).or_default() += 1;
    }
    counts
}

/// The day before the newest one by so many days.
pub fn day(github: &StandIn, age: i64) -> Date {
    github.newest_day().saturating_sub(age.days())
}
