//! Faults that the exporter once had: a test for each, from outside.

/// A file that can't be read in time blocks no scrape and no signal.
mod blocked_files;
/// Mappings are compiled by processes of their own, within limits; their code is checked before use.
mod compilations;
/// Dry runs hold up neither refreshes nor reloads, and none is lost or repeated.
mod dry_runs;
/// Malformed documents cost nothing but themselves.
mod malformed_documents;
/// Reloads remove what is gone, and delay no scrape.
mod reloads;
/// A scrape never waits for GitHub, except for the first data.
mod scrapes;
/// A restart serves what is stored before anything else happens.
mod serve_first;
/// A mapping that traps costs nothing but itself.
mod traps;
/// Documents that have not changed cost nothing.
mod unchanged_documents;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use copilot_metrics_tests::command::{Serving, exporter};
use copilot_metrics_tests::config::Config;
use copilot_metrics_tests::exposition::Exposition;
use copilot_metrics_tests::github::StandIn;

use crate::serving::metrics;

/// The file of the report that an organization requires.
const REPORT_FILE: &str = "/octodemo/organization-28-day/0.json";

/// An exporter with this config file, which signs in to the stand-in.
fn configured(github: &StandIn, config: &Config) -> std::process::Command {
    let mut command = exporter();
    command
        .env("CONFIG_FILE", config.path())
        .env("GITHUB_API_URL", github.api().as_str())
        .env("GHC_TOKEN", github.token());
    command
}

/// The number of requests whose path contains a text.
fn requests(github: &StandIn, path_part: &str) -> usize {
    github.requests().iter().filter(|request| request.path.contains(path_part)).count()
}

/// Every file below a directory.
fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// Scrapes until the metrics satisfy a condition, which they soon must. Not without a pause: the
/// transcript has everything that is scraped.
async fn eventually(serving: &Serving, is_satisfied: impl Fn(&Exposition) -> bool) -> Exposition {
    for _ in 0..300 {
        let exposition = metrics(serving).await;
        if is_satisfied(&exposition) {
            return exposition;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("the metrics never became what was expected:\n{}", serving.log())
}

/// Ten scrapes, one after the other, take less than a second all together.
async fn assert_scrapes_are_fast(serving: &Serving) {
    let started = Instant::now();
    for _ in 0..10 {
        assert_eq!(serving.get("/metrics").await.0, 200);
    }
    let took = started.elapsed();
    assert!(took < Duration::from_secs(1), "10 scrapes took {took:?}");
}

/// The number of runs of a mapping, dry runs included.
async fn runs(serving: &Serving, mapping: &str) -> f64 {
    let label = format!("mapping=\"{mapping}\"");
    metrics(serving).await.sum("copilot_exporter_mapping_duration_seconds_count", &label)
}
