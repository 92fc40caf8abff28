use std::sync::{Arc, Mutex};

use axum::Router;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::get;
use copilot_metrics_tests::command::{Serving, exporter, output};
use copilot_metrics_tests::config::Config;
use copilot_metrics_tests::github::{Fault, Options, stand_in, stand_in_with};

use super::REPORT;
use crate::serving::{command, metrics, serving};

#[tokio::test(flavor = "multi_thread")]
async fn each_message_of_github_has_its_own_cause_and_advice() {
    for (status, message, cause, advice) in [
        (
            403,
            "`octodemo` forbids access via a personal access token (classic). Please use a GitHub App, OAuth App, or a personal access token with fine-grained permissions.",
            "classic_token_forbidden",
            "use a fine-grained token or a GitHub App",
        ),
        (
            403,
            "The 'octodemo' organization forbids access via a fine-grained personal access tokens if the token's lifetime is greater than 90 days.",
            "token_lifetime",
            "create one that expires earlier",
        ),
        (403, "Sorry. Your account was suspended.", "account_suspended", "another account"),
        (
            403,
            "Although you appear to have the correct authorization credentials, the `octodemo` organization has an IP allow list enabled, and your IP address is not permitted to access this resource.",
            "address_not_allowed",
            "IP allow list in",
        ),
        (
            422,
            "Copilot Usage Metrics API setting is disabled at the organization or enterprise level.",
            "policy_off",
            "enable the policy",
        ),
    ] {
        let github = stand_in().await;
        github.fail(REPORT, Fault::Status(status, message, vec![]));
        let serving = serving(&github, "octodemo");
        let failed = serving.wait_for("refresh failed");
        assert!(failed.contains(advice), "{failed}");
        let exposition = metrics(&serving).await;
        let label = format!("cause=\"{cause}\",document=\"organization-28-day\"");
        assert_eq!(
            exposition.sum("copilot_exporter_document_failures_total", &label),
            1.0,
            "{cause}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_422_of_billing_is_not_the_policy_for_metrics() {
    let github = stand_in().await;
    let message = "Copilot Business or Enterprise is not enabled for this organization.";
    github.fail("/copilot/billing?", Fault::Status(422, message, vec![]));
    github.fail_times(1, "/copilot/billing", Fault::Status(422, message, vec![]));
    let serving = serving(&github, "octodemo");
    let line = serving.wait_for("left_out=");
    assert!(line.contains(message) && !line.contains("policy"), "{line}");
    let exposition = metrics(&serving).await;
    let failures = |cause: &str| {
        let label = format!("cause=\"{cause}\",document=\"billing\"");
        exposition.sum("copilot_exporter_document_failures_total", &label)
    };
    assert_eq!((failures("422"), failures("policy_off")), (1.0, 0.0), "{line}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_url_that_is_a_web_site_is_recognized_by_its_pages() {
    let github = stand_in().await;
    let html = vec![("content-type", "text/html; charset=utf-8".to_owned())];
    github.fail("/", Fault::Status(200, "<!DOCTYPE html>", html));
    let serving = serving(&github, "octodemo");
    let failed = serving.wait_for("refresh failed");
    let host = github.api().host_str().unwrap();
    assert!(failed.contains(&format!("{host} sent a web page")), "{failed}");
    assert!(failed.contains("the API URL must be that of the API"), "{failed}");
}

#[test]
fn check_config_recognizes_the_addresses_of_githubs_web_sites() {
    for (url, right) in [
        ("https://github.com", "https://api.github.com"),
        ("https://www.github.com/", "https://api.github.com"),
        ("https://octo.ghe.com", "https://api.octo.ghe.com"),
    ] {
        let mut command = exporter();
        command.args(["check-config", "--github-api-url", url]);
        command.env("GHC_TOKEN", "ghp_0123456789").env("ORG", "octo-org");
        let output = output(command);
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(64), "{url}: {error}");
        assert!(error.contains("GITHUB_API_URL") && error.contains(right), "{url}: {error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_version_of_githubs_api_is_a_setting() {
    let sent = Arc::new(Mutex::new(None));
    let seen = Arc::clone(&sent);
    let respond = move |headers: HeaderMap| async move {
        let version = headers["x-github-api-version"].to_str().unwrap().to_owned();
        *seen.lock().unwrap() = Some(version);
        StatusCode::NOT_FOUND
    };
    let routes = Router::new().route("/orgs/octodemo/copilot/billing", get(respond));
    let github = stand_in_with(Options { routes, ..Options::default() }).await;
    let config = Config::new("github: {api_version: 2027-03-10}");
    let mut command = command(&github, "octodemo");
    command.env("CONFIG_FILE", config.path());
    let serving = Serving::start(command);
    serving.wait_for("refreshed");
    assert_eq!(sent.lock().unwrap().as_deref(), Some("2027-03-10"));
}
