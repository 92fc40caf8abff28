use std::io::Read;
use std::process::Command;

use copilot_metrics_tests::command::{Serving, client, exporter};
use copilot_metrics_tests::config::Config;
use copilot_metrics_tests::exposition::Exposition;
use copilot_metrics_tests::github::{Fault, Request, StandIn, stand_in};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// The families of the original exporter.
const GAUGES: [&str; 10] = [
    "total_active_users",
    "total_engaged_users",
    "is_custom_model",
    "total_chats",
    "total_chat_copy_events",
    "total_chat_insertion_events",
    "total_code_suggestions",
    "total_code_acceptances",
    "total_code_lines_suggested",
    "total_code_lines_accepted",
];
const COUNTERS: [&str; 4] = [
    "copilot_exporter_requests_total",
    "copilot_exporter_requests_failed_total",
    "copilot_exporter_github_api_requests",
    "copilot_exporter_cache_hits",
];

/// The exporter's command against a stand-in for GitHub, for an organization.
pub fn command(github: &StandIn, organization: &str) -> Command {
    let mut command = exporter();
    command
        .env("GHC_TOKEN", github.token())
        .env("ORG", organization)
        .env("GITHUB_API_URL", github.api().as_str());
    command
}

/// It serves, and refreshes once.
pub fn serving(github: &StandIn, organization: &str) -> Serving {
    serving_every(github, organization, "3600")
}

/// The same with as many seconds between refreshes.
pub fn serving_every(github: &StandIn, organization: &str, seconds: &str) -> Serving {
    let mut command = command(github, organization);
    command.env("CACHE_TTL_SECONDS", seconds);
    Serving::start(command)
}

pub async fn metrics(serving: &Serving) -> Exposition {
    Exposition::parse(&serving.get("/metrics").await.1)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_shows_the_original_metrics_and_at_least_60_new_families() {
    let serving = Serving::demo();
    let exposition = metrics(&serving).await;
    for family in GAUGES.iter().chain(&COUNTERS) {
        assert!(exposition.families.iter().any(|known| known == family), "there is no {family}");
    }
    for series in GAUGES.iter().flat_map(|family| exposition.series(family)) {
        let names: Vec<_> =
            series.0.split(['{', ',']).skip(1).map(|l| l.split('=').next().unwrap()).collect();
        assert_eq!(names, ["editor", "language", "stream", "org"], "{}", series.0);
    }
    let new = exposition.families.iter().filter(|family| family.starts_with("github_copilot_"));
    assert!(new.count() >= 60);
    for target in ["octodemo", "octo-legacy", "octo-enterprise"] {
        assert_eq!(exposition.sum("copilot_exporter_up", target), 1.0, "{target}");
    }
    // As recorded: 340 seats, of 480 in the enterprise.
    assert_eq!(exposition.sum("github_copilot_seats", "\"octodemo\""), 340.0);
    assert_eq!(exposition.sum("github_copilot_seats", "\"octo-enterprise\""), 480.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn report_files_are_fetched_without_the_token_and_secrets_never_show() {
    let github = stand_in().await;
    // A report whose file fails is one whose link an error could show.
    github.fail("/octodemo/user-teams-1-day/0.json", Fault::Status(400, "no", vec![]));
    let serving = serving(&github, "octodemo");
    serving.wait_for("refreshed");
    let (_, text) = serving.get("/metrics").await;
    let (files, api): (Vec<Request>, Vec<Request>) =
        github.requests().into_iter().partition(|r| r.file);
    // One of 28 days, one of a day, two of users, one of teams.
    assert_eq!(files.len(), 5, "{files:?}");
    assert!(files.iter().all(|request| !request.authorized));
    assert!(api.iter().all(|request| request.authorized));
    for secret in [github.token(), github.signature(), "sig=", "download_links"] {
        assert!(!serving.log().contains(secret), "{}", serving.log());
        assert!(!text.contains(secret));
    }
    assert!(
        serving.log().contains("file 1 of /orgs/octodemo/copilot/metrics/reports/user-teams-1-day")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_without_a_report_is_passed_over() {
    let github = stand_in().await;
    let serving = serving(&github, "octodemo");
    serving.wait_for("refreshed");
    let days: Vec<_> = github
        .requests()
        .into_iter()
        .filter_map(|r| r.path.split("organization-1-day?day=").nth(1).map(str::to_owned))
        .collect();
    // Yesterday has none yet (204); the day before has.
    assert!(days.len() > 1);
    assert_eq!(days.last(), Some(&github.newest_day().to_string()));
    let text = serving.get("/metrics").await.1;
    let exposition = Exposition::parse(&text);
    assert_eq!(exposition.sum("copilot_exporter_requests_failed_total", ""), 0.0);
    let day = "copilot_exporter_report_day_timestamp_seconds{document=\"organization-1-day\",org=\"octodemo\",scope=\"organization\"}";
    let report =
        "github_copilot_report_day_timestamp_seconds{org=\"octodemo\",scope=\"organization\"}";
    assert_eq!(exposition.value(day), exposition.value(report));
}

#[tokio::test(flavor = "multi_thread")]
async fn after_four_days_without_a_report_the_rest_is_served() {
    let github = stand_in().await;
    github.fail("organization-1-day?day=", Fault::Status(204, "", vec![]));
    let serving = serving(&github, "octodemo");
    serving.wait_for("refreshed");
    let asked = github.requests().iter().filter(|r| r.path.contains("organization-1-day?")).count();
    assert_eq!(asked, 4);
    let exposition = metrics(&serving).await;
    assert_eq!(exposition.sum("copilot_exporter_up", ""), 1.0);
    assert_eq!(exposition.sum("github_copilot_interactions", ""), 2180.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_reports_are_not_found_the_closed_api_is_tried() {
    let github = stand_in().await;
    let serving = serving(&github, "octo-legacy");
    serving.wait_for("refreshed");
    let exposition = metrics(&serving).await;
    assert_eq!(exposition.sum("total_active_users", ""), 41.0);
    assert_eq!(exposition.sum("copilot_exporter_up", ""), 1.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_closed_api_is_left_alone_where_reports_answer() {
    let github = stand_in().await;
    let serving = serving(&github, "octodemo");
    serving.wait_for("refreshed");
    assert!(!github.requests().iter().any(|r| r.path.contains("/copilot/metrics?")));
}

#[tokio::test(flavor = "multi_thread")]
async fn seats_are_read_page_by_page() {
    let github = stand_in().await;
    let serving = serving(&github, "octodemo");
    serving.wait_for("refreshed");
    let pages = github.requests().iter().filter(|r| r.path.contains("/billing/seats")).count();
    assert_eq!(pages, 4);
    assert_eq!(metrics(&serving).await.sum("github_copilot_seats", ""), 340.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_or_redirect_at_another_host_is_refused() {
    let github = stand_in().await;
    let away = ("location", "http://127.0.0.1:9/orgs".to_owned());
    github.fail("/billing/seats", Fault::Status(302, "moved", vec![away]));
    let serving = serving(&github, "octodemo");
    serving.wait_for("refreshed");
    assert!(serving.log().contains("redirects to another host"), "{}", serving.log());
    let exposition = metrics(&serving).await;
    assert_eq!(exposition.series("github_copilot_seats").count(), 0);
    assert_eq!(exposition.sum("copilot_exporter_document_failures_total", "\"seats\""), 1.0);
    let github = stand_in().await;
    let away = ("link", "<http://127.0.0.1:9/orgs?page=2>; rel=\"next\"".to_owned());
    github.fail("/billing/seats", Fault::Status(200, "", vec![away]));
    let serving = serving_every(&github, "octodemo", "3600");
    serving.wait_for("refreshed");
    assert!(serving.log().contains("next page is at another host"), "{}", serving.log());
}

/// Every way in which a required report can fail, and the cause that is counted.
#[tokio::test(flavor = "multi_thread")]
async fn the_last_good_data_stays_whatever_fails() {
    let github = stand_in().await;
    let config = Config::new("github: {retries: 0}");
    let mut command = command(&github, "octodemo");
    // The original's README had the space.
    command.env("CACHE_TTL_SECONDS", " 1").env("CONFIG_FILE", config.path());
    let serving = Serving::start(command);
    serving.wait_for("refreshed");
    let good = metrics(&serving).await;
    let report = "/reports/organization-28-day/latest";
    let file = "/octodemo/organization-28-day/0.json";
    let headers = || vec![("retry-after", "1".to_owned())];
    // A refresh that failed is tried again after the usual time, a second, here.
    for (path, fault, cause) in [
        (report, Fault::Status(500, "Server Error", vec![]), "500"),
        (report, Fault::Status(403, "policy must be enabled", vec![]), "policy_off"),
        (report, Fault::Status(429, "slow down", headers()), "rate_limit"),
        (report, Fault::Body("<html>".into()), "invalid_answer"),
        (file, Fault::Body("".into()), "malformed"),
        (report, Fault::Body("{\"download_links\":[\"ftp://x\"]}".into()), "invalid_answer"),
        (report, Fault::CutOff(10), "request_exception"),
        (file, Fault::Status(403, "expired", vec![]), "403"),
        (file, Fault::CutOff(1000), "request_exception"),
        (file, Fault::Body("{\"day_totals\":[{\"day\":1}]}".into()), "malformed"),
        (file, Fault::Body("not JSON".into()), "malformed"),
    ] {
        let label = format!("cause=\"{cause}\",document=\"organization-28-day\"");
        let failures = |e: &Exposition| e.sum("copilot_exporter_document_failures_total", &label);
        let before = failures(&metrics(&serving).await);
        github.fail(path, fault.clone());
        serving.wait_for("refresh failed");
        let now = metrics(&serving).await;
        assert!(failures(&now) > before, "{fault:?}:\n{}", serving.log());
        assert_eq!(now.sum("copilot_exporter_up", ""), 0.0, "{fault:?}");
        let seconds: Vec<_> = good.series("github_copilot_interactions").collect();
        assert_eq!(now.series("github_copilot_interactions").collect::<Vec<_>>(), seconds);
        assert_eq!(serving.get("/-/ready").await.0, 200);
        github.recover();
        serving.wait_for("refreshed");
        assert_eq!(metrics(&serving).await.sum("copilot_exporter_up", ""), 1.0, "{fault:?}");
    }
    for secret in [github.token(), github.signature(), "sig="] {
        assert!(!serving.log().contains(secret), "{}", serving.log());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_without_files_is_none_yet_and_the_last_good_data_stays() {
    let github = stand_in().await;
    let serving = serving_every(&github, "octodemo", "1");
    serving.wait_for("refreshed");
    github.fail("/organization-28-day/latest", Fault::Body("{\"download_links\":[]}".into()));
    let failed = serving.wait_for("refresh failed");
    assert!(failed.contains("organization-28-day: GitHub has none yet"), "{failed}");
    assert_eq!(metrics(&serving).await.sum("github_copilot_interactions", ""), 2180.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn users_are_fetched_for_the_day_of_the_teams_and_alone_where_there_are_none() {
    let asked = |github: &StandIn| {
        let requests =
            github.requests().into_iter().filter(|r| r.path.contains("/users-1-day?day="));
        requests.filter_map(|r| Some(r.path.split("day=").nth(1)?.to_owned())).collect::<Vec<_>>()
    };
    let github = stand_in().await;
    let with_teams = serving(&github, "octodemo");
    with_teams.wait_for("refreshed");
    assert_eq!(asked(&github), [github.newest_day().to_string()]);
    let github = stand_in().await;
    github.fail("/user-teams-1-day", Fault::Status(403, "no", vec![]));
    let without = serving(&github, "octodemo");
    without.wait_for("refreshed");
    assert!(asked(&github).len() > 1);
    assert_eq!(metrics(&without).await.sum("github_copilot_users_reported", ""), 220.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_that_fails_does_not_take_the_others_with_it() {
    let github = stand_in().await;
    github.fail("/octodemo/organization-28-day/0.json", Fault::Body("not JSON".into()));
    github.fail("/octodemo/copilot/billing", Fault::Status(403, "no", vec![]));
    let serving = serving(&github, "octodemo");
    serving.wait_for("refresh failed");
    let exposition = metrics(&serving).await;
    assert_eq!(exposition.sum("copilot_exporter_up", ""), 0.0);
    assert_eq!(exposition.sum("copilot_exporter_cache_age_seconds", "\"billing\""), 0.0);
    // From the report of one day, and from the other documents.
    assert_eq!(exposition.sum("github_copilot_interactions", ""), 2180.0);
    assert_eq!(exposition.sum("github_copilot_team_members", "platform"), 83.0);
    assert_eq!(serving.get("/-/ready").await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_optional_document_that_is_malformed_is_left_out_and_counted() {
    let github = stand_in().await;
    github.fail("/billing/seats", Fault::Body("{\"seats\":[{\"plan_type\":7}]}".into()));
    let serving = serving(&github, "octodemo");
    serving.wait_for("refreshed");
    let exposition = metrics(&serving).await;
    assert_eq!(exposition.sum("copilot_exporter_up", ""), 1.0);
    let failures = "copilot_exporter_document_failures_total";
    assert_eq!(exposition.sum(failures, "cause=\"malformed\",document=\"seats\""), 1.0);
    assert_eq!(exposition.series("github_copilot_seats").count(), 0);
    assert!(
        serving.log().contains("seats[0].plan_type")
            || serving.log().contains("plan_type: invalid type")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn without_data_ready_says_why() {
    let github = stand_in().await;
    github.fail(
        "/",
        Fault::Status(403, "The 'Copilot usage metrics' policy must be enabled", vec![]),
    );
    let serving = serving(&github, "octodemo");
    serving.wait_for("refresh failed");
    let (status, text) = serving.get("/-/ready").await;
    assert_eq!(status, 503);
    assert!(
        text.contains("organization octodemo: organization-28-day: GitHub returned 403"),
        "{text}"
    );
    assert!(text.contains("policy must be enabled"), "{text}");
    let exposition = metrics(&serving).await;
    assert_eq!(exposition.sum("copilot_exporter_cache_hits", ""), 0.0);
    assert_eq!(exposition.sum("copilot_exporter_up", ""), 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scrape_does_not_wait_for_github() {
    let github = stand_in().await;
    github.fail("/", Fault::Hang);
    let serving = serving(&github, "octodemo");
    let (status, text) = serving.get("/metrics").await;
    assert_eq!(status, 200);
    assert_eq!(Exposition::parse(&text).sum("copilot_exporter_up", "octodemo"), 0.0);
    let (status, text) = serving.get("/-/ready").await;
    assert_eq!(status, 503);
    assert!(text.contains("the first refresh is under way"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn scrapes_send_no_requests_to_github() {
    let github = stand_in().await;
    let serving = serving(&github, "octodemo");
    serving.wait_for("refreshed");
    let before = github.requests().len();
    for _ in 0..20 {
        metrics(&serving).await;
    }
    assert_eq!(github.requests().len(), before);
    let exposition = metrics(&serving).await;
    assert_eq!(exposition.sum("copilot_exporter_github_api_requests", ""), before as f64);
    assert_eq!(exposition.sum("copilot_exporter_requests_total", ""), 21.0);
    assert_eq!(exposition.sum("copilot_exporter_cache_hits", ""), 21.0);
    for (name, twin) in [
        ("copilot_exporter_github_api_requests", "copilot_exporter_github_api_requests_total"),
        ("copilot_exporter_cache_hits", "copilot_exporter_cache_hits_total"),
    ] {
        assert_eq!(exposition.sum(name, ""), exposition.sum(twin, ""));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_token_or_target_is_said_everywhere_and_stops_nothing() {
    for (variable, value, wanted) in [
        ("ORG", "octodemo", "set GHC_TOKEN"),
        ("GHC_TOKEN", "ghp_x", "set ORG or ENTERPRISE"),
        ("ORG", " , ", "and ORG or ENTERPRISE to what should be exported"),
    ] {
        let mut command = exporter();
        command.env(variable, value);
        let serving = Serving::start(command);
        let (status, text) = serving.get("/-/ready").await;
        assert_eq!(status, 503);
        assert!(text.contains(wanted), "{text}");
        let (status, text) = serving.get("/metrics").await;
        assert_eq!(status, 200);
        let failed = "copilot_exporter_requests_failed_total{status_code=\"env_missing\"}";
        assert_eq!(Exposition::parse(&text).value(failed), 1.0);
        assert!(serving.log().contains(wanted), "{}", serving.log());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_are_text_and_gzip_where_accepted_and_the_same() {
    let serving = Serving::demo();
    let client = client();
    let get = |encoding: &'static str| {
        client.get(serving.url("/metrics")).header("accept-encoding", encoding).send()
    };
    let plain = get("identity").await.unwrap();
    assert_eq!(plain.headers()["content-type"], "text/plain; version=0.0.4; charset=utf-8");
    assert!(plain.headers().get("content-encoding").is_none());
    let plain = plain.text().await.unwrap();
    let zipped = get("br, gzip;q=0.9").await.unwrap();
    assert_eq!(zipped.headers()["content-encoding"], "gzip");
    let zipped = zipped.bytes().await.unwrap();
    assert!(zipped.len() * 5 < plain.len());
    let mut text = String::new();
    flate2::read::GzDecoder::new(zipped.as_ref()).read_to_string(&mut text).unwrap();
    let data = |text: &str| -> Vec<String> {
        let lines = text.lines().filter(|l| l.starts_with("github_") || l.starts_with("total_"));
        lines.map(str::to_owned).collect()
    };
    assert!(data(&plain).len() > 1000);
    assert_eq!(data(&text), data(&plain));
    let refused = get("gzip;q=0").await.unwrap();
    assert!(refused.headers().get("content-encoding").is_none());
    let head = client.head(serving.url("/metrics")).send().await.unwrap();
    assert_eq!(head.status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pages_are_there() {
    let serving = Serving::demo();
    assert_eq!(serving.get("/-/healthy").await, (200, "healthy\n".to_owned()));
    assert_eq!(serving.get("/-/ready").await, (200, "ready\n".to_owned()));
    let (status, page) = serving.get("/").await;
    assert_eq!(status, 200);
    for link in ["/metrics", "/-/ready", "/-/healthy"] {
        assert!(page.contains(&format!("href=\"{link}\"")));
    }
    assert_eq!(serving.get("/nothing").await.0, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_stops_the_exporter() {
    let mut serving = Serving::demo();
    kill(Pid::from_raw(serving.id() as i32), Signal::SIGTERM).unwrap();
    serving.wait_for("stopped");
    assert!(serving.wait().success());
}
