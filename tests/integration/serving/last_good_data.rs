use copilot_metrics_tests::command::Serving;
use copilot_metrics_tests::config::Config;
use copilot_metrics_tests::exposition::Exposition;
use copilot_metrics_tests::github::{Fault, stand_in};

use super::{command, metrics, serving, serving_every};

#[tokio::test(flavor = "multi_thread")]
async fn the_last_good_data_is_kept_for_every_kind_of_failure() {
    let github = stand_in().await;
    let config = Config::new("github: {retries: 0}");
    let mut command = command(&github, "octodemo");
    // The README of the original exporter has this space.
    command.env("CACHE_TTL_SECONDS", " 1").env("CONFIG_FILE", config.path());
    let serving = Serving::start(command);
    serving.wait_for("refreshed");
    let good = metrics(&serving).await;
    let report = "/reports/organization-28-day/latest";
    let file = "/octodemo/organization-28-day/0.json";
    let headers = || vec![("retry-after", "1".to_owned())];
    // Every way in which a required report can fail, and the cause that is counted.
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
async fn a_report_without_files_does_not_exist_yet_and_the_last_good_data_is_kept() {
    let github = stand_in().await;
    let serving = serving_every(&github, "octodemo", "1");
    serving.wait_for("refreshed");
    let empty = "{\"download_links\":[],\"report_start_day\":\"2026-10-24\",\"report_end_day\":\"2026-11-20\"}";
    github.fail("/organization-28-day/latest", Fault::Body(empty.into()));
    let failed = serving.wait_for("refresh failed");
    assert!(failed.contains("organization-28-day: GitHub does not have it yet"), "{failed}");
    assert_eq!(metrics(&serving).await.sum("github_copilot_interactions", ""), 2180.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_that_fails_does_not_affect_the_others() {
    let github = stand_in().await;
    github.fail("/octodemo/organization-28-day/0.json", Fault::Body("not JSON".into()));
    github.fail("/octodemo/copilot/billing", Fault::Status(403, "no", vec![]));
    let serving = serving(&github, "octodemo");
    serving.wait_for("refresh failed");
    let exposition = metrics(&serving).await;
    assert_eq!(exposition.sum("copilot_exporter_up", ""), 0.0);
    assert_eq!(exposition.sum("copilot_exporter_cache_age_seconds", "\"billing\""), 0.0);
    // From the report for one day, and from the other documents.
    assert_eq!(exposition.sum("github_copilot_interactions", ""), 2180.0);
    assert_eq!(exposition.sum("github_copilot_team_members", "platform"), 83.0);
    assert_eq!(serving.get("/-/ready").await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_optional_document_that_is_malformed_is_left_out_and_counted() {
    let github = stand_in().await;
    github.fail("/octodemo/user-teams-1-day/0.json", Fault::Body("not JSON".into()));
    let serving = serving(&github, "octodemo");
    serving.wait_for("refreshed");
    let exposition = metrics(&serving).await;
    assert_eq!(exposition.sum("copilot_exporter_up", ""), 1.0);
    let failures = "copilot_exporter_document_failures_total";
    let malformed = exposition.sum(failures, "cause=\"malformed\",document=\"user-teams-1-day\"");
    assert_eq!(malformed, 1.0, "{}", serving.log());
    assert_eq!(exposition.series("github_copilot_team_members").count(), 0);
    assert!(serving.log().contains("not JSON"), "{}", serving.log());
}
