use std::fs;
use std::path::Path;
use std::time::Duration;

use copilot_metrics_tests::command::Serving;
use copilot_metrics_tests::github::stand_in;
use copilot_metrics_tests::guests::{Mappings, scripted};

use super::{version_of, well_behaved, with_directory};
use crate::serving::metrics;

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_file_at_startup_is_refused_and_stored_data_is_served() {
    let (github, mappings, cache) =
        (stand_in().await, Mappings::default(), tempfile::tempdir().unwrap());
    let start = || {
        let mut command = with_directory(&github, mappings.path());
        command.env("CACHE_DIR", cache.path());
        Serving::start(command)
    };
    let serving = start();
    serving.wait_for("refreshed");
    serving.kill();
    let requests = github.requests().len();
    mappings.put("other.wasm", &scripted("github-copilot", "2", "trap-in-finish"));
    let serving = start();
    // The stored samples are served first.
    serving.wait_for("serving stored samples");
    let line = serving.wait_for("mapping refused");
    assert!(line.contains("it traps in finish"), "{line}");
    let exposition = metrics(&serving).await;
    assert_eq!(exposition.sum("github_copilot_interactions", ""), 2180.0);
    assert_eq!(exposition.sum("copilot_exporter_up", ""), 1.0);
    assert_eq!(github.requests().len(), requests);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_serves_every_mapping_without_compiling_or_running_any() {
    let (github, mappings, cache) =
        (stand_in().await, Mappings::default(), tempfile::tempdir().unwrap());
    mappings.put("scripted.wasm", &well_behaved("1"));
    let start = || {
        let mut command = with_directory(&github, mappings.path());
        command.env("CACHE_DIR", cache.path());
        Serving::start(command)
    };
    let serving = start();
    serving.wait_for("refreshed");
    // The default mapping does not wait for the file, whose samples may be stored later.
    let is_stored =
        |name: &str| walk(&cache.path().join("documents")).iter().any(|path| path.contains(name));
    while !(is_stored(".samples.scripted") && is_stored(".samples.github-copilot")) {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    serving.kill();
    let compiled = || {
        let mut found: Vec<_> = walk(&cache.path().join("compiled"))
            .into_iter()
            .filter(|path| !path.contains(".stats"))
            .collect();
        found.sort();
        found
    };
    let before = compiled();
    assert!(before.len() >= 2, "{before:?}");
    let serving = start();
    serving.wait_for("serving stored samples");
    serving.wait_for("serving stored data");
    let exposition = metrics(&serving).await;
    assert_eq!(version_of(&exposition), Some("1".to_owned()));
    assert_eq!(exposition.sum("github_copilot_seats", ""), 340.0);
    assert_eq!(exposition.sum("copilot_exporter_mapping_duration_seconds_count", ""), 0.0);
    assert_eq!(compiled(), before);
}

/// The files under a directory, with the times of their last change.
fn walk(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| match path.is_dir() {
            true => walk(&path),
            false => {
                // It may have been renamed.
                let changed = fs::metadata(&path).and_then(|metadata| metadata.modified()).ok();
                changed
                    .map(|changed| format!("{} {changed:?}", path.display()))
                    .into_iter()
                    .collect()
            }
        })
        .collect()
}
