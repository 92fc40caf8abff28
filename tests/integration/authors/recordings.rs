use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use copilot_metrics_tests::command::{exporter, output, printed};
use copilot_metrics_tests::config::Config;
use copilot_metrics_tests::github::{Fault, StandIn, stand_in};
use copilot_metrics_tests::transcript::record;
use tempfile::TempDir;

use super::{argument, outcome, texts};

/// The command that records an organization into a new directory.
pub(super) fn command(github: &StandIn, org: &str, out: &Path) -> Command {
    let mut command = exporter();
    command
        .env("GHC_TOKEN", github.token())
        .env("GITHUB_API_URL", github.api().as_str())
        .args(["record", "--org", org, "--out"])
        .arg(out);
    command
}

/// Every file below a directory.
pub(super) fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(files(&path)),
            false => found.push(path),
        }
    }
    found.sort();
    found
}

/// A summary whose columns are separated by one space.
fn without_padding(summary: &str) -> String {
    let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    summary.lines().map(|line| words(line) + "\n").collect()
}

/// A directory that does not exist yet, in one that is removed in the end.
fn new_directory() -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let out = directory.path().join("recording");
    (directory, out)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recording_is_a_case_for_map_and_mapping_test() {
    let github = stand_in().await;
    let (_directory, out) = new_directory();
    let (code, summary, error) = texts(output(command(&github, "octodemo", &out)));
    assert_eq!(code, Some(0), "{error}");
    let summary = without_padding(&summary);
    let day = github.newest_day();
    for wanted in [
        format!("organization octodemo: {}\n", out.display()),
        format!("users-1-day 2 files, 552640 bytes, of {day}\n"),
        "repos-1-day not requested: only with --option repositories=true\n".to_owned(),
        "legacy not requested: only if GitHub has no organization-28-day\n".to_owned(),
    ] {
        assert!(summary.contains(&wanted), "{wanted}: {summary}");
    }
    let case = argument(&out);
    let (code, report, error) = outcome(["mapping", "test", case, "--update"]);
    assert_eq!(code, Some(0), "{report}{error}");
    let latest = fs::read_to_string(out.join("latest.prom")).unwrap();
    assert_eq!(printed(["map", case]), latest);
    assert!(latest.contains("github_copilot_active_users{org=\"octodemo\""), "{latest}");
    let (code, report, _) = outcome(["mapping", "test", case]);
    assert_eq!(code, Some(0), "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn options_decide_what_is_recorded_and_are_part_of_the_case() {
    let github = stand_in().await;
    let (_directory, out) = new_directory();
    let mut command = command(&github, "octodemo", &out);
    command.args(["--option", "repositories=true"]);
    assert!(output(command).status.success());
    let settings = fs::read_to_string(out.join("case.yaml")).unwrap();
    assert!(settings.starts_with("org: \"octodemo\"\nfetched_at: "), "{settings}");
    assert!(settings.contains("options:\n  repositories: \"true\"\n"), "{settings}");
    let day = github.newest_day();
    assert!(settings.contains(&format!("  repos-1-day: [{day}]\n")), "{settings}");
    assert!(out.join("documents/repos-1-day.ndjson").is_file());
    let mapped = printed(["map", argument(&out)]);
    assert!(mapped.contains("repository=\"octodemo/storefront\""), "{mapped}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_not_be_had_is_said_with_the_reason() {
    let github = stand_in().await;
    github.fail("/copilot/billing", Fault::Body("<html>down</html>".into()));
    let message = "Resource not accessible by integration";
    github.fail("/users-1-day", Fault::Status(403, message, vec![]));
    let (_directory, out) = new_directory();
    let (code, summary, error) = texts(output(command(&github, "octodemo", &out)));
    assert_eq!(code, Some(0), "{error}");
    let summary = without_padding(&summary);
    assert!(summary.contains("users-1-day failed: GitHub returned 403 for "), "{summary}");
    assert!(summary.contains("\"Organization Copilot metrics\""), "{summary}");
    let wanted = "billing not recorded: it is not valid JSON at byte 0: ";
    assert!(summary.contains(wanted), "{summary}");
    assert!(!out.join("documents/billing.json").exists());
    let is_hidden = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().starts_with('.');
    assert!(!files(&out).iter().any(is_hidden), "{summary}");
    // Without what is required, it fails.
    github.fail("/organization-28-day", Fault::Status(403, message, vec![]));
    let (_directory, out) = new_directory();
    let (code, _, error) = texts(output(command(&github, "octodemo", &out)));
    assert_eq!(code, Some(1), "{error}");
    assert!(error.contains("required documents were not recorded: organization-28-day"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fallback_is_recorded_instead_of_what_github_does_not_have() {
    let github = stand_in().await;
    let (_directory, out) = new_directory();
    let (code, summary, error) = texts(output(command(&github, "octo-legacy", &out)));
    assert_eq!(code, Some(0), "{error}");
    assert!(
        without_padding(&summary).contains("organization-28-day failed: GitHub returned 404"),
        "{summary}"
    );
    assert!(out.join("documents/legacy.json").is_file(), "{summary}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recording_has_no_token_and_no_signed_link() {
    let github = stand_in().await;
    let link = format!("https://files.example/report.json?sig={}&se=1", github.signature());
    let billing = format!("{{\"download_links\": [\"{link}\"], \"note\": \"{}\"}}", github.token());
    github.fail("/copilot/billing", Fault::Body(billing.into()));
    for more in [[].as_slice(), &["--anonymize"]] {
        let (_directory, out) = new_directory();
        let mut command = command(&github, "octodemo", &out);
        command.args(more);
        assert!(output(command).status.success());
        let files = files(&out);
        assert!(files.len() > 6, "{files:?}");
        for file in files {
            let text = fs::read_to_string(&file).unwrap();
            // The last test of the project looks for every secret in it.
            record(&text);
            for secret in [github.token(), github.signature(), "sig="] {
                assert!(!text.contains(secret), "{}: {secret}", file.display());
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn several_targets_of_a_config_file_get_a_directory_each() {
    let github = stand_in().await;
    let config =
        Config::new("targets: [{organization: octo-legacy}, {enterprise: octo-enterprise}]");
    let (_directory, out) = new_directory();
    let mut command = exporter();
    command
        .env("GHC_TOKEN", github.token())
        .env("GITHUB_API_URL", github.api().as_str())
        .env("CONFIG_FILE", config.path())
        .args(["record", "--out"])
        .arg(&out);
    let (code, _, error) = texts(output(command));
    assert_eq!(code, Some(0), "{error}");
    assert!(out.join("org-octo-legacy/case.yaml").is_file());
    let (code, report, _) = outcome(["mapping", "test", argument(&out), "--update"]);
    assert_eq!(code, Some(0), "{report}");
    let settings = fs::read_to_string(out.join("enterprise-octo-enterprise/case.yaml")).unwrap();
    assert!(settings.starts_with("enterprise: \"octo-enterprise\"\n"), "{settings}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_requested_for_an_invalid_setting() {
    let github = stand_in().await;
    let (directory, out) = new_directory();
    fs::write(directory.path().join("file"), "").unwrap();
    let refused = |command: Command, wanted: &str| {
        let (code, _, error) = texts(output(command));
        assert_eq!(code, Some(64), "{error}");
        assert!(error.contains(wanted), "{error}");
    };
    refused(command(&github, "octodemo", directory.path()), "is not empty; use a new directory");
    let mut with_seed = command(&github, "octodemo", &out);
    with_seed.args(["--seed", "x"]);
    refused(with_seed, "--anonymize");
    let mut without_token = exporter();
    without_token.args(["record", "--org", "octodemo", "--out"]).arg(&out);
    refused(without_token, "GHC_TOKEN");
    let mut unknown_option = command(&github, "octodemo", &out);
    unknown_option.args(["--option", "no-such=true"]);
    refused(unknown_option, "no-such");
    assert!(github.requests().is_empty());
    assert!(!out.exists());
}
