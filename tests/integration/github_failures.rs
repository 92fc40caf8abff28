/// The advice fits the endpoint and GitHub's message.
mod advice;
/// The first failed attempt is reported at once.
mod first_failure;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use copilot_metrics_tests::command::{Serving, client};
use copilot_metrics_tests::config::Config;
use copilot_metrics_tests::github::{Fault, Options, StandIn, stand_in, stand_in_with};
use futures_util::stream::{self, StreamExt};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use tokio::sync::watch;

use crate::serving::{command, eventually, metrics, serving, serving_every};

const REPORT: &str = "/organization-28-day/latest";
const FILE: &str = "/octodemo/organization-28-day/0.json";

/// The number of requests whose path contains a text.
fn requested(github: &StandIn, path_part: &str) -> usize {
    github.requests().iter().filter(|request| request.path.contains(path_part)).count()
}

/// A serving exporter with the section `github` of a config file.
fn with_config(github: &StandIn, section: &str) -> (Serving, Config) {
    let config = Config::new(&format!("github: {{{section}}}"));
    let mut command = command(github, "octodemo");
    command.env("CONFIG_FILE", config.path());
    (Serving::start(command), config)
}

#[tokio::test(flavor = "multi_thread")]
async fn transient_failures_are_retried_and_the_refresh_succeeds() {
    let limited = |message| Fault::Status(403, message, vec![("retry-after", "1".to_owned())]);
    for (path, fault, cause) in [
        (REPORT, Fault::Status(502, "Bad Gateway", vec![]), "502"),
        (FILE, Fault::Status(503, "busy", vec![]), "503"),
        (REPORT, Fault::Status(429, "slow", vec![("retry-after", "1".to_owned())]), "rate_limit"),
        (REPORT, limited("You have exceeded a secondary rate limit"), "rate_limit"),
        (FILE, Fault::Status(429, "slow", vec![("retry-after", "1".to_owned())]), "429"),
        (FILE, Fault::CutOff(1000), "request_exception"),
        (REPORT, Fault::CutOff(10), "request_exception"),
    ] {
        let github = stand_in().await;
        github.fail_times(1, path, fault.clone());
        let serving = serving(&github, "octodemo");
        serving.wait_for("refreshed");
        assert_eq!(requested(&github, path), 2, "{fault:?}");
        let exposition = metrics(&serving).await;
        let retries = format!("copilot_exporter_github_retries_total{{cause=\"{cause}\"}}");
        assert_eq!(exposition.value(&retries), 1.0, "{fault:?}");
        assert_eq!(exposition.sum("copilot_exporter_up", ""), 1.0);
        assert_eq!(exposition.sum("copilot_exporter_document_failures_total", ""), 0.0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn during_a_rate_limit_no_request_is_sent_with_the_credential() {
    let github = stand_in().await;
    let headers = vec![
        ("x-ratelimit-remaining", "0".to_owned()),
        ("x-ratelimit-reset", (Timestamp::now().as_second() + 1800).to_string()),
    ];
    github.fail(REPORT, Fault::Status(403, "API rate limit exceeded", headers));
    let serving = serving(&github, "octodemo");
    let failed = serving.wait_for("refresh failed");
    assert!(failed.contains("rate limit"), "{failed}");
    // Only the first document was requested, once.
    assert_eq!(github.requests().len(), 1, "{:?}", github.requests());
    let exposition = metrics(&serving).await;
    assert_eq!(exposition.sum("copilot_exporter_rate_limit_remaining", "\"default\""), 0.0);
    assert!(
        exposition.sum("copilot_exporter_rate_limit_reset_timestamp_seconds", "\"default\"") > 1e9
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn lasting_failures_are_not_retried_and_the_log_says_what_to_change() {
    let sso = vec![("x-github-sso", "required; url=https://x.example/?secret=1".to_owned())];
    for (fault, cause, advice) in [
        (
            Fault::Status(
                403,
                "The 'Copilot usage metrics' policy must be enabled to use this API",
                vec![],
            ),
            "policy_off",
            "enable the policy",
        ),
        (
            Fault::Status(403, "Resource not accessible by integration", vec![]),
            "permission_missing",
            "Organization Copilot metrics",
        ),
        (
            Fault::Status(403, "Resource protected by organization SAML enforcement.", sso),
            "sso_required",
            "Configure SSO",
        ),
        (Fault::Status(401, "Bad credentials", vec![]), "bad_credentials", "replace it"),
    ] {
        let github = stand_in().await;
        github.fail(REPORT, fault);
        let serving = serving(&github, "octodemo");
        let failed = serving.wait_for("refresh failed");
        assert!(failed.contains(advice), "{failed}");
        assert!(!failed.contains("x.example"), "{failed}");
        assert_eq!(requested(&github, REPORT), 1);
        let failures = format!(
            "copilot_exporter_document_failures_total{{cause=\"{cause}\",document=\"organization-28-day\",org=\"octodemo\",scope=\"organization\"}}"
        );
        assert_eq!(metrics(&serving).await.value(&failures), 1.0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_link_is_requested_again() {
    let github = stand_in().await;
    github.fail_times(1, FILE, Fault::Status(403, "AuthenticationFailed", vec![]));
    let serving = serving(&github, "octodemo");
    serving.wait_for("refreshed");
    assert_eq!((requested(&github, REPORT), requested(&github, FILE)), (2, 2));
    assert_eq!(metrics(&serving).await.sum("copilot_exporter_up", ""), 1.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_file_does_not_count_as_a_missing_report() {
    let github = stand_in().await;
    github.fail(FILE, Fault::Status(404, "BlobNotFound", vec![]));
    let serving = serving(&github, "octodemo");
    serving.wait_for("refresh failed");
    // The links are requested again, but the closed API is not used instead of the report.
    assert_eq!((requested(&github, REPORT), requested(&github, FILE)), (3, 3));
    assert_eq!(requested(&github, "/copilot/metrics?"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_response_that_trickles_fails_after_the_request_timeout() {
    let github = stand_in().await;
    github.fail(FILE, Fault::Trickle(Duration::from_millis(500)));
    let (serving, _config) = with_config(&github, "request_timeout: 10s");
    let failed = serving.wait_for("refresh failed");
    assert!(failed.contains("it took longer than 10 s"), "{failed}");
    // A retry would take as long again.
    assert_eq!(requested(&github, FILE), 1);
    // The target's other documents are served.
    assert_eq!(metrics(&serving).await.sum("github_copilot_seats", ""), 340.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_does_not_respond_fails_after_the_response_timeout() {
    let github = stand_in().await;
    github.fail(REPORT, Fault::Hang);
    let (serving, _config) =
        with_config(&github, "response_timeout: 5s, retries: 1, retry_delay: 10ms");
    let failed = serving.wait_for("refresh failed");
    assert!(failed.contains("no complete response"), "{failed}");
    assert_eq!(requested(&github, REPORT), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_larger_than_the_limit_is_rejected() {
    let github = stand_in().await;
    github.fail(FILE, Fault::Body(vec![b' '; 3 << 20].into()));
    let (serving, _config) = with_config(&github, "max_document_mib: 2");
    let failed = serving.wait_for("refresh failed");
    assert!(failed.contains("larger than the limit (github.max_document_mib)"), "{failed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_to_an_unknown_host_is_not_followed() {
    let github = stand_in().await;
    let link = "{\"download_links\":[\"https://evil.example/report?sig=1\"]}";
    github.fail(REPORT, Fault::Body(link.into()));
    let serving = serving(&github, "octodemo");
    let failed = serving.wait_for("refresh failed");
    assert!(
        failed.contains("leads to evil.example") && failed.contains("download_hosts"),
        "{failed}"
    );
    assert!(!failed.contains("sig="));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redirect_of_a_file_to_another_host_is_not_followed() {
    let github = stand_in().await;
    let away = ("location", "https://evil.example/report".to_owned());
    github.fail(FILE, Fault::Status(302, "moved", vec![away]));
    let serving = serving(&github, "octodemo");
    let failed = serving.wait_for("refresh failed");
    assert!(failed.contains("redirects to another host"), "{failed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn after_three_days_without_a_report_the_day_before_them_is_served() {
    let today = Timestamp::now().to_zoned(TimeZone::UTC).date();
    let newest = Some(today.saturating_sub(4.days()));
    let github = stand_in_with(Options { newest, ..Options::default() }).await;
    let serving = serving_every(&github, "octodemo", "1");
    serving.wait_for("refreshed");
    let day = today.saturating_sub(4.days());
    let path = format!("/organization-1-day?day={day}");
    assert_eq!(requested(&github, &path), 1);
    assert_eq!(requested(&github, "/organization-1-day?day="), 4);
    // After four days, a report is final: only the three newer days are requested again.
    serving.wait_for("refreshed");
    serving.wait_for("refreshed");
    assert_eq!(requested(&github, &path), 1);
    assert!(requested(&github, "/organization-1-day?day=") >= 7);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_that_may_still_change_is_requested_conditionally() {
    let github = stand_in().await;
    let serving = serving_every(&github, "octodemo", "1");
    serving.wait_for("refreshed");
    serving.wait_for("refreshed");
    let files: Vec<_> = github
        .requests()
        .into_iter()
        .filter(|request| request.path == "/octodemo/organization-1-day/0.json")
        .collect();
    assert!(files.len() >= 2);
    assert!(!files[0].conditional && files[1..].iter().all(|request| request.conditional));
    let seats: Vec<_> =
        github.requests().into_iter().filter(|r| r.path.contains("/billing/seats")).collect();
    // Four pages, and the same four again: an unchanged page still leads to the next one.
    assert!(seats.len() >= 8, "{}", seats.len());
    assert_ne!(seats[0].path, seats[3].path);
    assert!(seats.iter().zip(&seats[4..]).all(|(before, again)| again.path == before.path));
    assert!(seats[4..].iter().all(|request| request.conditional));
    assert_eq!(metrics(&serving).await.sum("github_copilot_seats", ""), 340.0);
}

/// Generated seats: pages with 100 users each. The last one waits until it is released.
#[derive(Clone)]
struct Seats {
    pages: usize,
    requested: Arc<AtomicUsize>,
    is_released: watch::Receiver<bool>,
}

async fn seats(State(mut seats): State<Seats>, uri: Uri, headers: HeaderMap) -> Response {
    seats.requested.fetch_add(1, Ordering::Relaxed);
    let mut query = uri.query().unwrap().split('&');
    let page: usize =
        query.find_map(|pair| pair.strip_prefix("page=")).map_or(1, |page| page.parse().unwrap());
    let rows: Vec<_> = (0..100)
        .map(|row| {
            let id = page * 1000 + row;
            serde_json::json!({"plan_type": "enterprise", "assignee": {"id": id, "login": format!("u{id}")}})
        })
        .collect();
    let body = serde_json::json!({"total_seats": seats.pages * 100, "seats": rows}).to_string();
    let host = headers["host"].to_str().unwrap();
    let next = format!(
        "<http://{host}/enterprises/octo-enterprise/copilot/billing/seats?page={}&per_page=100>; rel=\"next\"",
        page + 1
    );
    if page < seats.pages {
        return ([("link", next)], body).into_response();
    }
    seats.is_released.wait_for(|is_released| *is_released).await.unwrap();
    body.into_response()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_pages_of_seats_are_read_without_delaying_other_documents() {
    let requested = Arc::new(AtomicUsize::new(0));
    let (release, is_released) = watch::channel(false);
    let state = Seats { pages: 1000, requested: Arc::clone(&requested), is_released };
    let path = "/enterprises/octo-enterprise/copilot/billing/seats";
    let routes = Router::new().route(path, get(seats)).with_state(state);
    let github = stand_in_with(Options { routes, ..Options::default() }).await;
    let mut command = command(&github, "octodemo");
    let config = Config::new("github: {response_timeout: 1h, request_timeout: 1h}");
    command.env("ENTERPRISE", "octo-enterprise").env("CONFIG_FILE", config.path());
    let serving = Serving::start(command);
    // The organization and the other documents of the enterprise are served before the last page.
    eventually(&serving, |early| {
        early.sum("github_copilot_seats", "\"octodemo\"") == 340.0
            && early.series("github_copilot_interactions").count() == 2
    })
    .await;
    release.send(true).unwrap();
    serving.wait_for("refreshed org=\"octo-enterprise\" scope=\"enterprise\"");
    assert_eq!(requested.load(Ordering::Relaxed), 1000);
    let exposition = metrics(&serving).await;
    assert_eq!(exposition.sum("github_copilot_seats", "\"octo-enterprise\""), 100_000.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_request_is_sent_twice_within_its_ttl_however_many_scrapes_there_are() {
    let github = stand_in().await;
    let serving = serving(&github, "octodemo");
    let client = client();
    // From the start, while the first refresh is running.
    let scrape = |_| async { client.get(serving.url("/metrics")).send().await.unwrap().status() };
    let mut scrapes = stream::iter(0..1000).map(scrape).buffer_unordered(100);
    while let Some(status) = scrapes.next().await {
        assert_eq!(status, 200);
    }
    // All scrapes may have been served with the first data.
    serving.wait_for("refreshed");
    let exposition = metrics(&serving).await;
    assert_eq!(exposition.sum("copilot_exporter_requests_total", ""), 1001.0);
    assert_eq!(exposition.sum("copilot_exporter_up", ""), 1.0);
    let mut paths: Vec<_> = github.requests().into_iter().map(|request| request.path).collect();
    let all = paths.len();
    assert!(all > 10);
    paths.sort();
    paths.dedup();
    assert_eq!(paths.len(), all);
}
