//! Faults that the exporter once had: a test for each, from outside.

/// A file that can't be read in time blocks no scrape and no signal.
mod blocked_files;
/// Mappings are compiled by processes of their own, within limits; their code is checked before use.
mod compilations;
/// The processes that compile mappings.
mod compilers;
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
use std::time::Duration;

use copilot_metrics_tests::command::{Serving, exporter};
use copilot_metrics_tests::config::Config;
use copilot_metrics_tests::github::StandIn;
use tokio::time::timeout;

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

/// How long scrapes and reloads may take on a busy machine. What they must not wait for takes longer.
const LIMIT: Duration = Duration::from_secs(45);

/// Thirty scrapes, one after the other, end long before what they must not wait for. If each of them waited
/// for the first data, they would take a minute.
async fn assert_scrapes_are_fast(serving: &Serving) {
    let scrapes = async {
        for _ in 0..30 {
            assert_eq!(serving.get("/metrics").await.0, 200);
        }
    };
    assert!(timeout(LIMIT, scrapes).await.is_ok(), "30 scrapes took more than {LIMIT:?}");
}

/// A reload, which ends long before what it must not wait for.
async fn reload(serving: &Serving) {
    let reloaded = timeout(LIMIT, serving.post("/-/reload")).await;
    assert_eq!(reloaded.map(|(status, _)| status), Ok(200), "{}", serving.log());
}

/// The number of runs of a mapping, dry runs included.
async fn runs(serving: &Serving, mapping: &str) -> f64 {
    let label = format!("mapping=\"{mapping}\"");
    metrics(serving).await.sum("copilot_exporter_mapping_duration_seconds_count", &label)
}
