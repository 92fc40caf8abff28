use copilot_metrics_tests::exposition::Exposition;
use copilot_metrics_tests::github::{Fault, Request, StandIn, stand_in};

use super::{metrics, serving, serving_every};

#[tokio::test(flavor = "multi_thread")]
async fn report_files_are_fetched_without_the_token_and_secrets_are_never_shown() {
    let github = stand_in().await;
    // The error for a report file that fails could contain its link.
    github.fail("/octodemo/user-teams-1-day/0.json", Fault::Status(400, "no", vec![]));
    let serving = serving(&github, "octodemo");
    serving.wait_for("refreshed");
    let (_, text) = serving.get("/metrics").await;
    let (files, api): (Vec<Request>, Vec<Request>) =
        github.requests().into_iter().partition(|r| r.file);
    // One file for 28 days, one for a day, two with users, one with teams.
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
async fn a_day_without_a_report_is_skipped() {
    let github = stand_in().await;
    let serving = serving(&github, "octodemo");
    serving.wait_for("refreshed");
    let days: Vec<_> = github
        .requests()
        .into_iter()
        .filter_map(|r| r.path.split("organization-1-day?day=").nth(1).map(str::to_owned))
        .collect();
    // There is no report for yesterday yet (204), but for the day before.
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
async fn after_four_days_without_a_report_the_other_documents_are_served() {
    let github = stand_in().await;
    github.fail("organization-1-day?day=", Fault::Status(204, "", vec![]));
    let serving = serving(&github, "octodemo");
    serving.wait_for("refreshed");
    let requested =
        github.requests().iter().filter(|r| r.path.contains("organization-1-day?")).count();
    assert_eq!(requested, 4);
    let exposition = metrics(&serving).await;
    assert_eq!(exposition.sum("copilot_exporter_up", ""), 1.0);
    assert_eq!(exposition.sum("github_copilot_interactions", ""), 2180.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn if_reports_do_not_exist_the_closed_api_is_used() {
    let github = stand_in().await;
    let serving = serving(&github, "octo-legacy");
    serving.wait_for("refreshed");
    let exposition = metrics(&serving).await;
    assert_eq!(exposition.sum("total_active_users", ""), 41.0);
    assert_eq!(exposition.sum("copilot_exporter_up", ""), 1.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_closed_api_is_not_requested_if_reports_exist() {
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
async fn a_page_or_redirect_on_another_host_is_not_followed() {
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
    assert!(serving.log().contains("next page is on another host"), "{}", serving.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn users_are_fetched_for_the_day_of_the_teams_or_for_their_newest_day_without_teams() {
    let requested = |github: &StandIn| {
        let requests =
            github.requests().into_iter().filter(|r| r.path.contains("/users-1-day?day="));
        requests.filter_map(|r| Some(r.path.split("day=").nth(1)?.to_owned())).collect::<Vec<_>>()
    };
    let github = stand_in().await;
    let with_teams = serving(&github, "octodemo");
    with_teams.wait_for("refreshed");
    // The newest day of both is the same, so that no other day is fetched for the teams.
    assert_eq!(requested(&github).last(), Some(&github.newest_day().to_string()));
    assert_eq!(requested(&github).len(), 2);
    let github = stand_in().await;
    github.fail("/user-teams-1-day", Fault::Status(403, "no", vec![]));
    let without = serving(&github, "octodemo");
    without.wait_for("refreshed");
    assert!(requested(&github).len() > 1);
    assert_eq!(metrics(&without).await.sum("github_copilot_users_reported", ""), 220.0);
}
