use copilot_metrics_tests::command::{Serving, exporter};
use copilot_metrics_tests::config::Config;
use copilot_metrics_tests::exposition::Exposition;
use copilot_metrics_tests::github::{Fault, StandIn, stand_in};
use copilot_metrics_tests::transcript::keep_secret;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::serving::{eventually, metrics};

/// A serving exporter with this config file and the token in `GHC_TOKEN`.
fn configured(github: &StandIn, config: &Config) -> Serving {
    let mut command = exporter();
    command
        .env("CONFIG_FILE", config.path())
        .env("GITHUB_API_URL", github.api().as_str())
        .env("GHC_TOKEN", github.token());
    Serving::start(command)
}

/// The number of requests whose path contains a text.
fn requested(github: &StandIn, path_part: &str) -> usize {
    github.requests().iter().filter(|request| request.path.contains(path_part)).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn targets_have_their_own_credentials_and_one_that_fails_does_not_affect_the_others() {
    let github = stand_in().await;
    for (token, owner) in [
        ("tok_demo", "octodemo"),
        ("tok_legacy", "octo-legacy"),
        ("tok_enterprise", "octo-enterprise"),
    ] {
        keep_secret(token);
        github.grant(token, &[owner]);
    }
    let config = Config::new(
        "credentials:
  demo: {token_file: demo.token}
  legacy: {token_file: legacy.token}
  enterprise: {token_file: enterprise.token}
defaults: {ttl: 1s}
github: {retries: 0}
targets:
  - {organization: octodemo, credential: demo}
  - {organization: octo-legacy, credential: legacy}
  - {enterprise: octo-enterprise, credential: enterprise}
",
    );
    config.write("demo.token", "tok_demo");
    config.write("enterprise.token", "tok_enterprise");
    // The wrong token: it is valid, but can't read this organization.
    config.write("legacy.token", "tok_demo");
    let serving = configured(&github, &config);
    for _ in 0..4 {
        serving.wait_for("refreshed org=\"octodemo\" scope=\"organization\"");
        serving.wait_for("refreshed org=\"octo-enterprise\" scope=\"enterprise\"");
    }
    // It is refreshed independently of the others.
    let failures = "copilot_exporter_document_failures_total";
    let exposition = eventually(&serving, |now| {
        let limits = now.series("copilot_exporter_rate_limit_remaining").count();
        now.sum(failures, "octo-legacy") > 0.0 && limits == 3
    })
    .await;
    for (target, up) in [("octodemo", 1.0), ("octo-legacy", 0.0), ("octo-enterprise", 1.0)] {
        assert_eq!(exposition.sum("copilot_exporter_up", &format!("\"{target}\"")), up, "{target}");
    }
    for (series, _) in exposition.series(failures) {
        assert!(
            series.contains("\"octo-legacy\"") && series.contains("permission_missing"),
            "{series}"
        );
    }
    // The credential of a target is known.
    for (name, org) in
        [("demo", "octodemo"), ("legacy", "octo-legacy"), ("enterprise", "octo-enterprise")]
    {
        let credential = format!("api=\"127.0.0.1\",credential=\"{name}\",org=\"{org}\"");
        assert_eq!(exposition.sum("copilot_exporter_target_info", &credential), 1.0, "{name}");
    }
    // With the right token, the target recovers without a restart.
    config.write("legacy.token", "tok_legacy");
    serving.wait_for("refreshed org=\"octo-legacy\" scope=\"organization\"");
    assert_eq!(metrics(&serving).await.sum("total_active_users", "octo-legacy"), 41.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rate_limit_stops_every_target_with_the_same_credential() {
    let github = stand_in().await;
    let wait = vec![("retry-after", "1800".to_owned())];
    github.fail("/", Fault::Status(429, "slow down", wait));
    let names: Vec<_> = (0..30).map(|number| format!("{{organization: org-{number}}}")).collect();
    let config =
        Config::new(&format!("github: {{concurrency: 2}}\ntargets: [{}]", names.join(", ")));
    let serving = configured(&github, &config);
    for _ in 0..30 {
        serving.wait_for("refresh failed");
    }
    // Requests that were running, and none of those that were waiting.
    assert!(github.requests().len() <= 2, "{}", github.requests().len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_hangs_does_not_delay_the_others() {
    let github = stand_in().await;
    github.fail("/octo-legacy/", Fault::Hang);
    let config = Config::new(
        "defaults: {ttl: 1s}
targets: [{organization: octo-legacy}, {organization: octodemo}]",
    );
    let serving = configured(&github, &config);
    for _ in 0..3 {
        serving.wait_for("refreshed org=\"octodemo\" scope=\"organization\"");
    }
    assert_eq!(metrics(&serving).await.sum("copilot_exporter_up", ""), 1.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_has_its_own_name_options_documents_and_ttls() {
    let github = stand_in().await;
    let config = Config::new(
        "defaults:
  ttl: 1h
  documents: {billing: false}
targets:
  - organization: octodemo
    name: Octo & Söhne
    ttl: 1s
    document_ttl: {seats: 1h}
    options: {users: true}
  - organization: octo-legacy
    documents: {billing: true}
",
    );
    let serving = configured(&github, &config);
    serving.wait_for("refreshed org=\"octo-legacy\" scope=\"organization\"");
    for _ in 0..3 {
        serving.wait_for("refreshed org=\"Octo & Söhne\" scope=\"organization\"");
    }
    let exposition = metrics(&serving).await;
    let series = "copilot_exporter_up{org=\"Octo & Söhne\",scope=\"organization\"}";
    assert_eq!(exposition.value(series), 1.0);
    assert_eq!(exposition.sum("github_copilot_seats", "org=\"Octo & Söhne\""), 340.0);
    let users = |exposition: &Exposition, org: &str| {
        let all = exposition.series("github_copilot_user_interactions");
        all.filter(|(series, _)| series.contains(org)).count()
    };
    assert!(users(&exposition, "Octo & Söhne") > 100);
    assert_eq!(requested(&github, "/orgs/octodemo/copilot/billing?"), 0);
    assert_eq!(exposition.sum("github_copilot_billing_seats", "Söhne"), 0.0);
    assert!(requested(&github, "/orgs/octo-legacy/copilot/billing") >= 1);
    // Once for every refresh, except for the four pages of seats.
    assert!(
        requested(&github, "/octodemo/copilot/metrics/reports/organization-28-day/latest") >= 3
    );
    assert_eq!(requested(&github, "/orgs/octodemo/copilot/billing/seats"), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_adds_and_removes_targets_without_affecting_the_others() {
    let github = stand_in().await;
    let config = Config::new("targets: [{organization: octodemo}, {organization: octo-legacy}]");
    let serving = configured(&github, &config);
    serving.wait_for("refreshed");
    serving.wait_for("refreshed");
    let before = requested(&github, "/octodemo/");
    config.write(
        "config.yaml",
        "# another line\ntargets: [{organization: octodemo}, {enterprise: octo-enterprise}]",
    );
    assert_eq!(serving.post("/-/reload").await, (200, "reloaded\n".to_owned()));
    serving.wait_for("refreshed org=\"octo-enterprise\" scope=\"enterprise\"");
    let exposition = metrics(&serving).await;
    assert_eq!(exposition.sum("copilot_exporter_up", ""), 2.0);
    assert_eq!(exposition.sum("github_copilot_seats", "\"octodemo\""), 340.0);
    assert_eq!(exposition.sum("github_copilot_seats", "\"octo-enterprise\""), 480.0);
    let text = serving.get("/metrics").await.1;
    assert!(!text.contains("octo-legacy"), "a removed target has left series");
    assert_eq!(requested(&github, "/octodemo/"), before);
    assert_eq!(exposition.series("copilot_exporter_target_info").count(), 2);
    // The same with a signal.
    config.write("config.yaml", "targets: [{organization: octo-legacy}]");
    kill(Pid::from_raw(serving.id() as i32), Signal::SIGHUP).unwrap();
    serving.wait_for("refreshed org=\"octo-legacy\" scope=\"organization\"");
    assert_eq!(metrics(&serving).await.series("copilot_exporter_up").count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invalid_config_file_is_reported_and_the_previous_settings_stay_in_use() {
    let github = stand_in().await;
    let config = Config::new("targets: [{organization: octodemo}]");
    let serving = configured(&github, &config);
    serving.wait_for("refreshed");
    let successful = "copilot_exporter_config_last_reload_successful";
    let before = metrics(&serving).await;
    assert_eq!(before.value(successful), 1.0);
    for (yaml, wanted) in [
        (
            "targets:\n  - {organization: octodemo, ttl: soon}",
            "config.yaml:2: targets[0].ttl: \"soon\"",
        ),
        (
            "targets:\n  - {organization: octodemo, options: {users: maybe}}",
            "targets[0].options.users",
        ),
        ("targets:\n  - {organisation: octodemo}", "organisation"),
        ("targets: [", "config.yaml:"),
        // A file that is just being written.
        ("", "nothing would be exported any more"),
    ] {
        config.write("config.yaml", yaml);
        let (status, text) = serving.post("/-/reload").await;
        assert_eq!(status, 500, "{text}");
        assert!(text.contains(wanted) && text.starts_with("not reloaded: "), "{text}");
        let now = metrics(&serving).await;
        assert_eq!(now.value(successful), 0.0);
        assert_eq!(now.sum("github_copilot_interactions", ""), 2180.0);
        assert_eq!(now.sum("copilot_exporter_up", ""), 1.0);
    }
    std::fs::remove_file(config.path()).unwrap();
    assert_eq!(serving.post("/-/reload").await.0, 500);
    config.write("config.yaml", "targets: [{organization: octodemo}]");
    assert_eq!(serving.post("/-/reload").await.0, 200);
    let after = metrics(&serving).await;
    assert_eq!(after.value(successful), 1.0);
    let time = "copilot_exporter_config_last_reload_success_timestamp_seconds";
    assert!(after.value(time) > before.value(time));
    assert_eq!(serving.get("/-/reload").await.0, 405);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_with_other_options_sends_no_request() {
    let github = stand_in().await;
    let config = Config::new("targets: [{organization: octodemo}]");
    let serving = configured(&github, &config);
    serving.wait_for("refreshed");
    let requests = github.requests().len();
    assert_eq!(metrics(&serving).await.series("github_copilot_user_interactions").count(), 0);
    config.write("config.yaml", "targets: [{organization: octodemo, options: {users: true}}]");
    assert_eq!(serving.post("/-/reload").await.0, 200);
    // The reload does not wait for long.
    eventually(&serving, |now| now.series("github_copilot_user_interactions").count() > 100).await;
    assert_eq!(github.requests().len(), requests);
}
