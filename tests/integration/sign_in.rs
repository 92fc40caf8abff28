use copilot_metrics_tests::app::{APP_ID, AppServer, Differences};
use copilot_metrics_tests::command::{Serving, exporter};
use copilot_metrics_tests::config::Config;
use copilot_metrics_tests::github::{Fault, stand_in};
use copilot_metrics_tests::transcript::keep_secret;
use jiff::SignedDuration;

use crate::serving::metrics;

/// An exporter that signs in as the App, with further lines in its config file.
fn as_app(server: &AppServer, config: &Config, more: &str) -> Serving {
    with_key(server, server.private_key(), config, more)
}

/// The same with another key.
fn with_key(server: &AppServer, key: &str, config: &Config, more: &str) -> Serving {
    config.write("key.pem", key);
    let api = server.github().api();
    config.write(
        "config.yaml",
        &format!(
            "credentials: {{app: {{app_id: {APP_ID}, private_key_file: key.pem}}}}\n\
             defaults: {{credential: app, api_url: \"{api}\"}}\n{more}"
        ),
    );
    let mut command = exporter();
    command.env("CONFIG_FILE", config.path());
    Serving::start(command)
}

/// The same with environment variables, for an installation.
fn by_variables(server: &AppServer, config: &Config, installation: &str) -> Serving {
    config.write("key.pem", server.private_key());
    let mut command = exporter();
    command
        .env("GITHUB_APP_ID", APP_ID)
        .env("GITHUB_APP_PRIVATE_KEY_FILE", config.file("key.pem"))
        .env("GITHUB_APP_INSTALLATION_ID", installation)
        .env("GITHUB_API_URL", server.github().api().as_str())
        .env("ORG", "octodemo");
    Serving::start(command)
}

const ORGANIZATION: &str = "targets: [{organization: octodemo}]";
const BOTH: &str = "targets: [{organization: octodemo}, {enterprise: octo-enterprise}]";

#[tokio::test(flavor = "multi_thread")]
async fn an_app_finds_its_installations_and_signs_in_to_each() {
    let server = AppServer::start(Differences::default()).await;
    let config = Config::new("");
    let serving = as_app(&server, &config, BOTH);
    serving.wait_for("refreshed");
    serving.wait_for("refreshed");
    let exposition = metrics(&serving).await;
    assert_eq!(exposition.sum("copilot_exporter_up", ""), 2.0);
    assert_eq!(exposition.sum("github_copilot_seats", "\"octo-enterprise\""), 480.0);
    // Each installation has its own token and rate limit.
    assert_eq!(server.tokens().len(), 2);
    let limits: Vec<_> = exposition.series("copilot_exporter_rate_limit_remaining").collect();
    assert_eq!(limits.len(), 2, "{limits:?}");
    for id in ["1001", "1003"] {
        assert!(
            limits.iter().any(|(series, _)| series.contains(&format!("installation=\"{id}\"")))
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_finds_its_installation_on_a_server_that_only_lists_them() {
    let differences = Differences { lists_only: true, ..Differences::default() };
    let server = AppServer::start(differences).await;
    let config = Config::new("");
    let serving = as_app(&server, &config, "targets: [{enterprise: octo-enterprise}]");
    serving.wait_for("refreshed");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_organization_without_the_app_is_named_in_the_error() {
    let server = AppServer::start(Differences::default()).await;
    let config = Config::new("");
    let serving = as_app(&server, &config, "targets: [{organization: elsewhere}]");
    let failed = serving.wait_for("refresh failed");
    assert!(
        failed.contains("App 314159 is not installed on the organization elsewhere"),
        "{failed}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_signs_in_even_if_the_local_clock_is_wrong() {
    for minutes in [-60, 25] {
        let skew = SignedDuration::from_mins(minutes);
        let server = AppServer::start(Differences { skew, ..Differences::default() }).await;
        let config = Config::new("");
        let serving = as_app(&server, &config, ORGANIZATION);
        serving.wait_for("refreshed");
        assert_eq!(metrics(&serving).await.sum("copilot_exporter_up", ""), 1.0, "{minutes}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_apps_token_is_renewed_before_it_expires() {
    // Tokens are renewed five minutes before they expire, so each of these is used for two seconds.
    let lifetime = SignedDuration::from_secs(5 * 60 + 2);
    let server = AppServer::start(Differences { lifetime, ..Differences::default() }).await;
    let config = Config::new("");
    let serving = as_app(&server, &config, "targets: [{organization: octodemo, ttl: 1s}]");
    while server.tokens().len() < 3 {
        serving.wait_for("refreshed");
    }
    assert!(!serving.log().contains("refresh failed"), "{}", serving.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_apps_token_that_is_revoked_early_is_renewed_in_the_same_refresh() {
    let server = AppServer::start(Differences::default()).await;
    let config = Config::new("");
    let serving = as_app(&server, &config, "targets: [{organization: octodemo, ttl: 1s}]");
    serving.wait_for("refreshed");
    server.github().revoke(&server.tokens()[0]);
    serving.wait_for("refreshed");
    while server.tokens().len() < 2 {
        serving.wait_for("refreshed");
    }
    assert!(!serving.log().contains("refresh failed"), "{}", serving.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_with_a_wrong_key_fails_with_the_status_of_github() {
    let server = AppServer::start(Differences::default()).await;
    let other = AppServer::start(Differences::default()).await;
    let config = Config::new("");
    let serving = with_key(&server, other.private_key(), &config, ORGANIZATION);
    let failed = serving.wait_for("refresh failed");
    assert!(failed.contains("GitHub returned 401 for /orgs/octodemo/installation"), "{failed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_installation_id_is_one_request_and_not_one_for_every_document() {
    let server = AppServer::start(Differences::default()).await;
    let config = Config::new("");
    let serving = by_variables(&server, &config, "99");
    let failed = serving.wait_for("refresh failed");
    assert!(failed.contains("the App 314159 has no installation 99"), "{failed}");
    let exposition = metrics(&serving).await;
    assert_eq!(exposition.sum("copilot_exporter_github_api_requests", ""), 1.0);
    let failures = "copilot_exporter_document_failures_total";
    assert!(exposition.sum(failures, "cause=\"credential\"") > 1.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_can_be_configured_with_environment_variables() {
    let server = AppServer::start(Differences::default()).await;
    let config = Config::new("");
    by_variables(&server, &config, "1001").wait_for("refreshed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replaced_token_file_is_used_at_once_even_during_a_refresh() {
    let github = stand_in().await;
    let config = Config::new("");
    for token in ["rotated_first", "rotated_second"] {
        keep_secret(token);
    }
    config.write("token", "rotated_first\n");
    github.grant("rotated_first", &["octodemo"]);
    let mut command = exporter();
    command
        .env("GHC_TOKEN_FILE", config.file("token"))
        .env("GITHUB_API_URL", github.api().as_str())
        .env("ORG", "octodemo")
        .env("CACHE_TTL_SECONDS", "1");
    let serving = Serving::start(command);
    serving.wait_for("refreshed");
    // The token changes between two requests of a refresh: the second one uses the new token.
    github.fail_times(1, "/copilot/billing", Fault::Status(500, "later", vec![]));
    serving.wait_for("request failed; trying again");
    github.grant("rotated_second", &["octodemo"]);
    config.write("token", "rotated_second\n");
    github.revoke("rotated_first");
    serving.wait_for("refreshed");
    serving.wait_for("refreshed");
    assert!(!serving.log().contains("refresh failed"), "{}", serving.log());
    let exposition = metrics(&serving).await;
    assert_eq!(exposition.sum("copilot_exporter_up", ""), 1.0);
    assert_eq!(exposition.sum("copilot_exporter_document_failures_total", ""), 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_token_file_is_a_failure_and_the_last_good_data_is_kept() {
    let github = stand_in().await;
    let config = Config::new("github: {retries: 0}");
    config.write("token", github.token());
    let mut command = exporter();
    command
        .env("CONFIG_FILE", config.path())
        .env("GHC_TOKEN_FILE", config.file("token"))
        .env("GITHUB_API_URL", github.api().as_str())
        .env("ORG", "octodemo")
        .env("CACHE_TTL_SECONDS", "1");
    let serving = Serving::start(command);
    serving.wait_for("refreshed");
    std::fs::remove_file(config.file("token")).unwrap();
    let failed = serving.wait_for("refresh failed");
    assert!(failed.contains("credential default") && failed.contains("cannot read it"), "{failed}");
    let exposition = metrics(&serving).await;
    assert!(
        exposition.sum("copilot_exporter_document_failures_total", "cause=\"credential\"") > 0.0
    );
    assert_eq!(exposition.sum("github_copilot_interactions", ""), 2180.0);
    config.write("token", github.token());
    serving.wait_for("refreshed");
}
