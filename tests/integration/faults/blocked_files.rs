use std::fs;
use std::path::Path;

use copilot_metrics_tests::app::{APP_ID, AppServer, Differences};
use copilot_metrics_tests::command::{Serving, exporter};
use copilot_metrics_tests::config::Config;
use copilot_metrics_tests::github::stand_in;
use jiff::SignedDuration;
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;

use super::assert_scrapes_are_fast;
use crate::lifecycle::assert_stops;
use crate::serving::metrics;

/// Replaces a file by a pipe that no one writes to: whoever opens it waits for ever.
fn replace_by_pipe(path: &Path) {
    let pipe = path.with_extension("pipe");
    mkfifo(&pipe, Mode::S_IRWXU).unwrap();
    fs::rename(pipe, path).unwrap();
}

/// Refreshes fail, scrapes continue with the last good data, and SIGTERM ends the exporter.
async fn survives(serving: Serving) {
    let failed = serving.wait_for("refresh failed");
    assert!(failed.contains("not a regular file"), "{failed}");
    serving.wait_for("refresh failed");
    assert_scrapes_are_fast(&serving).await;
    let exposition = metrics(&serving).await;
    assert_eq!(exposition.sum("github_copilot_seats", ""), 340.0);
    assert_eq!(exposition.sum("copilot_exporter_up", ""), 0.0);
    assert_stops(serving).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_file_that_becomes_a_pipe_blocks_neither_scrapes_nor_sigterm() {
    let (github, config) = (stand_in().await, Config::new(""));
    config.write("token", github.token());
    let mut command = exporter();
    command
        .env("GHC_TOKEN_FILE", config.file("token"))
        .env("GITHUB_API_URL", github.api().as_str())
        .env("ORG", "octodemo")
        .env("CACHE_TTL_SECONDS", "1");
    let serving = Serving::start(command);
    serving.wait_for("refreshed");
    replace_by_pipe(&config.file("token"));
    survives(serving).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_private_key_that_becomes_a_pipe_blocks_neither_scrapes_nor_sigterm() {
    // Tokens that expire so soon are renewed for every request.
    let lifetime = SignedDuration::from_mins(4);
    let server = AppServer::start(Differences { lifetime, ..Differences::default() }).await;
    let config = Config::new("");
    config.write("key.pem", server.private_key());
    let mut command = exporter();
    command
        .env("GITHUB_APP_ID", APP_ID)
        .env("GITHUB_APP_PRIVATE_KEY_FILE", config.file("key.pem"))
        .env("GITHUB_API_URL", server.github().api().as_str())
        .env("ORG", "octodemo")
        .env("CACHE_TTL_SECONDS", "1");
    let serving = Serving::start(command);
    serving.wait_for("refreshed");
    replace_by_pipe(&config.file("key.pem"));
    survives(serving).await;
}
