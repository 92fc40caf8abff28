//! Documents that memory has no room for.

use std::fs;
use std::path::Path;

use copilot_metrics_tests::command::Serving;
use copilot_metrics_tests::config::Config;
use copilot_metrics_tests::exposition::Exposition;
use copilot_metrics_tests::github::{Fault, stand_in};

use crate::serving::{command, metrics, serving};

/// The file of a report.
const FILE: &str = "/octodemo/organization-28-day/0.json";
/// The size of a body.
const HUGE_BYTES: usize = 128 << 20;
/// The most memory that the exporter takes, however large bodies are, as these tests are compiled.
const MOST_RESIDENT: u64 = 80 << 20;

/// A body of letters and digits that hardly shrink: random, but the same in every run.
fn noise(start: &str) -> Vec<u8> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut bytes = Vec::with_capacity(HUGE_BYTES + 8);
    bytes.extend_from_slice(start.as_bytes());
    while bytes.len() < HUGE_BYTES {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let letters = state.to_le_bytes().map(|byte| b'0' + byte % 10 + 39 * (byte & 1));
        bytes.extend_from_slice(&letters);
    }
    bytes
}

/// The peak resident memory of a process, in bytes.
fn peak(serving: &Serving) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", serving.id())).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    peak.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

/// The files that a process has open in a directory.
fn open_files(serving: &Serving, directory: &Path) -> Vec<String> {
    let links = fs::read_dir(format!("/proc/{}/fd", serving.id())).unwrap();
    let open = links.filter_map(|link| fs::read_link(link.ok()?.path()).ok());
    open.filter(|path| path.starts_with(directory)).map(|path| path.display().to_string()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_file_that_does_not_begin_like_json_is_given_up() {
    let github = stand_in().await;
    github.fail(FILE, Fault::Body(noise("\u{1F}").into()));
    let serving = serving(&github, "octodemo");
    let failed = serving.wait_for("refresh failed");
    assert!(failed.contains("it does not begin like JSON"), "{failed}");
    let peak = peak(&serving);
    assert!(peak < MOST_RESIDENT, "{peak} bytes");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_only_begins_like_json_takes_no_memory() {
    let github = stand_in().await;
    github.fail(FILE, Fault::Body(noise("{\"day_totals\":[{\"note\":\"").into()));
    let serving = serving(&github, "octodemo");
    let failed = serving.wait_for("refresh failed");
    assert!(failed.contains("a row is longer than 8 MiB"), "{failed}");
    let peak = peak(&serving);
    assert!(peak < MOST_RESIDENT, "{peak} bytes");
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_beyond_the_memory_for_them_give_the_same_numbers_also_after_a_restart() {
    let (github, directory) = (stand_in().await, tempfile::tempdir().unwrap());
    let in_memory = serving(&github, "octodemo");
    in_memory.wait_for("refreshed");
    let expected = metrics(&in_memory).await;
    let config = Config::new("github: {document_memory_mib: 0}");
    let spooling = || {
        let mut command = command(&github, "octodemo");
        // It is created by the exporter.
        command.env("CONFIG_FILE", config.path()).env("CACHE_DIR", directory.path().join("new"));
        Serving::start(command)
    };
    let serving = spooling();
    serving.wait_for("refreshed");
    let open = open_files(&serving, directory.path());
    assert!(open.iter().any(|file| file.ends_with(" (deleted)")), "{open:?}");
    assert_same(&metrics(&serving).await, &expected);
    serving.kill();
    let requests = github.requests().len();
    let serving = spooling();
    serving.wait_for("serving stored data");
    let open = open_files(&serving, directory.path());
    assert!(open.iter().any(|file| file.ends_with("/organization-28-day")), "{open:?}");
    assert_same(&metrics(&serving).await, &expected);
    assert_eq!(github.requests().len(), requests);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_directory_to_spool_to_documents_stay_in_memory_and_the_log_says_so() {
    let github = stand_in().await;
    let config = Config::new("github: {document_memory_mib: 0}");
    let mut command = command(&github, "octodemo");
    command.env("CONFIG_FILE", config.path()).env("TMPDIR", "/nonexistent");
    let serving = Serving::start(command);
    serving.wait_for("refreshed");
    assert!(serving.log().contains("all documents stay in memory"), "{}", serving.log());
    assert!(metrics(&serving).await.sum("github_copilot_seats", "octodemo") > 0.0);
}

/// Compares the numbers of GitHub.
fn assert_same(found: &Exposition, expected: &Exposition) {
    for family in ["github_copilot_interactions", "github_copilot_seats", "total_chats"] {
        let series = |of: &Exposition| {
            of.series(family).map(|(series, value)| (series.to_owned(), value)).collect::<Vec<_>>()
        };
        assert!(!series(expected).is_empty());
        assert_eq!(series(found), series(expected), "{family}");
    }
}
