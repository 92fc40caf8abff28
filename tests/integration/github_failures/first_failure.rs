use std::net::TcpListener;
use std::process::Command;

use copilot_metrics_tests::command::{Serving, exporter};
use copilot_metrics_tests::config::Config;
use copilot_metrics_tests::github::{Fault, stand_in};

use super::with_config;
use crate::serving::command;

const RETRYING: &str = "request failed; trying again";

/// An address on this machine that refuses connections.
fn refusing() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}

/// The command of an exporter for an organization at an API.
fn at(api: &str, config: &Config) -> Command {
    let mut command = exporter();
    command
        .env("GHC_TOKEN", "ghp_0123456789")
        .env("ORG", "octo-org")
        .env("GITHUB_API_URL", api)
        .env("CONFIG_FILE", config.path());
    command
}

/// A text contains `next attempt at 12:34:56 UTC`.
#[track_caller]
fn has_next_attempt(text: &str) {
    let (_, rest) = text.split_once("next attempt at ").unwrap_or_else(|| panic!("{text}"));
    let time = rest.get(..8).unwrap_or_default();
    assert!(time.parse::<jiff::civil::Time>().is_ok(), "{text}");
    assert!(rest[8..].starts_with(" UTC"), "{text}");
}

/// The log, the readiness endpoint and the page say what failed, at which host, why, and when it is tried again.
async fn is_reported_at_once(serving: &Serving, texts: &[&str]) {
    let line = serving.wait_for(RETRYING);
    assert!(line.contains(" WARN ") && line.contains("retry_in_seconds="), "{line}");
    let (status, ready) = serving.get("/-/ready").await;
    assert_eq!(status, 503);
    assert!(ready.contains("first refresh in progress; "), "{ready}");
    let (_, page) = serving.get("/").await;
    assert!(page.contains("first refresh in progress"), "{page}");
    assert!(page.contains("No data from GitHub yet"), "{page}");
    let problems = page.split("<h3>Problems</h3>").nth(1).unwrap_or_default();
    let problem = problems.split("</ul>").next().unwrap_or_default();
    for (place, text) in [("log", &line), ("ready", &ready), ("page", &problem.to_owned())] {
        for wanted in texts {
            assert!(text.contains(wanted), "{place}: {text:?} does not contain {wanted:?}");
        }
        assert!(!text.contains("last good data"), "{place}: {text}");
    }
    has_next_attempt(&ready);
    has_next_attempt(problem);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_never_responds_is_named_after_the_first_attempt() {
    let github = stand_in().await;
    github.fail("/", Fault::Hang);
    let (serving, _config) = with_config(&github, "response_timeout: 300ms, retry_delay: 30s");
    let host = github.api().as_str().trim_start_matches("http://").trim_end_matches('/');
    let report = "/orgs/octodemo/copilot/metrics/reports/organization-28-day/latest";
    is_reported_at_once(&serving, &[&format!("from {host}"), report, "timed out"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_refuses_connections_is_named_after_the_first_attempt() {
    let (host, config) = (refusing(), Config::new("github: {retry_delay: 30s}"));
    let serving = Serving::start(at(&format!("http://{host}"), &config));
    is_reported_at_once(&serving, &[&format!("from {host}"), "refused"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_that_refuses_connections_is_reported_after_the_first_attempt() {
    let config = Config::new("github: {retry_delay: 30s}");
    let mut command = at("https://api.github.test", &config);
    command.env("HTTPS_PROXY", format!("http://{}", refusing()));
    let serving = Serving::start(command);
    is_reported_at_once(&serving, &["from api.github.test", "refused"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cause_that_lasts_is_logged_once_in_a_refresh_and_at_its_end() {
    let (host, config) = (refusing(), Config::new("github: {retries: 3, retry_delay: 1ms}"));
    let serving = Serving::start(at(&format!("http://{host}"), &config));
    let failed = serving.wait_for("refresh failed");
    assert!(failed.contains("refresh failed; no data yet"), "{failed}");
    let log = serving.log();
    let warnings: Vec<_> = log.lines().filter(|line| line.contains(" WARN ")).collect();
    assert_eq!(warnings.len(), 2, "{warnings:#?}");
    // Each document is named once, and the sentence is there once for what is needed and once for the rest.
    assert_eq!(failed.matches(&host).count(), 2, "{failed}");
    let (_, ready) = serving.get("/-/ready").await;
    assert!(ready.contains(&host) && ready.contains("refused"), "{ready}");
    has_next_attempt(&ready);
    let (_, page) = serving.get("/").await;
    assert!(page.contains("failing; no data yet"), "{page}");
    assert!(page.contains("<dt>Next refresh</dt><dd>20"), "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_host_of_a_report_file_is_named_whether_it_refuses_or_does_not_respond() {
    let github = stand_in().await;
    let host = github.files().to_string();
    github.fail("/octodemo/organization-28-day/0.json", Fault::Status(403, "blocked", vec![]));
    github.fail("/octodemo/organization-1-day/0.json", Fault::Hang);
    let config = Config::new("github: {retries: 0, response_timeout: 5s}");
    let mut command = command(&github, "octodemo");
    command.env("CONFIG_FILE", config.path());
    let serving = Serving::start(command);
    let failed = serving.wait_for("refresh failed");
    for sentence in ["returned 403", "no complete response"] {
        let (_, rest) = failed.split_once(sentence).unwrap_or_else(|| panic!("{failed}"));
        assert!(rest.split(';').next().unwrap().contains(&host), "{sentence}: {failed}");
    }
    // Never the path or query of a signed link.
    assert!(!failed.contains("0.json") && !failed.contains("sig="), "{failed}");
}
