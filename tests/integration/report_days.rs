use copilot_metrics_exporter::demo::{Clock, SystemClock};
use copilot_metrics_exporter::model::{Scope, Target};
use copilot_metrics_tests::command::{Serving, client};
use copilot_metrics_tests::exposition::Exposition;
use copilot_metrics_tests::github::{Fault, Options, StandIn, stand_in, stand_in_with};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use serde_json::{Value, json};

use crate::serving::{metrics, serving, serving_every};

const REPORT: &str = "/organization-28-day/latest";
const FILE: &str = "/octodemo/organization-28-day/0.json";
const LABELS: &str = "{org=\"octodemo\",scope=\"organization\"}";

fn start_of(day: Date) -> f64 {
    day.to_zoned(TimeZone::UTC).unwrap().timestamp().as_second() as f64
}

/// The day of the exporter's own metric about a document.
fn document_day(exposition: &Exposition, document: &str) -> f64 {
    exposition.value(&format!(
        "copilot_exporter_report_day_timestamp_seconds{{document=\"{document}\",org=\"octodemo\",scope=\"organization\"}}"
    ))
}

/// The file of the organization's report of 28 days, as the stand-in sends it.
async fn report_file(github: &StandIn) -> Value {
    let url =
        github.api().join("/orgs/octodemo/copilot/metrics/reports/organization-28-day/latest");
    let request = client().get(url.unwrap()).bearer_auth(github.token());
    let envelope: Value =
        serde_json::from_str(&request.send().await.unwrap().text().await.unwrap()).unwrap();
    let link = envelope["download_links"][0].as_str().unwrap();
    let file = client().get(link).send().await.unwrap().text().await.unwrap();
    serde_json::from_str(&file).unwrap()
}

async fn page(serving: &Serving) -> String {
    serving.get("/").await.1
}

#[tokio::test(flavor = "multi_thread")]
async fn days_without_a_row_at_the_end_of_a_report_are_days_without_activity() {
    let github = stand_in().await;
    let mut report = report_file(&github).await;
    let rows = report["day_totals"].as_array_mut().unwrap();
    rows.truncate(26);
    github.fail(FILE, Fault::Body(report.to_string().into()));
    github.fail("/organization-1-day?day=", Fault::Status(204, "", vec![]));
    let serving = serving(&github, "octodemo");
    serving.wait_for("refreshed");
    let exposition = metrics(&serving).await;
    let newest = start_of(github.newest_day());
    assert_eq!(document_day(&exposition, "organization-28-day"), newest);
    let report_day = format!("github_copilot_report_day_timestamp_seconds{LABELS}");
    assert_eq!(exposition.value(&report_day), newest);
    // Nobody was active on it: what is served is not of two days earlier.
    assert_eq!(exposition.sum("github_copilot_interactions", ""), 0.0);
    let page = page(&serving).await;
    assert!(page.contains(&format!("<dt>Report day</dt><dd>{}", github.newest_day())), "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_about_the_future_or_about_a_day_before_2020_is_not_used() {
    let today = Timestamp::now().to_zoned(TimeZone::UTC).date();
    let github = stand_in().await;
    let serving = serving_every(&github, "octodemo", "1");
    serving.wait_for("refreshed");
    let newest = start_of(github.newest_day());
    for day in [today.saturating_add(400.days()), jiff::civil::date(2019, 12, 31)] {
        let link = format!(
            "http://{}/x/octodemo/organization-28-day/0.json?sig={}",
            github.files(),
            github.signature()
        );
        let envelope = json!({"download_links": [link], "report_end_day": day});
        github.fail(REPORT, Fault::Body(envelope.to_string().into()));
        let failed = serving.wait_for("refresh failed");
        assert!(failed.contains(&day.to_string()), "{failed}");
        let exposition = metrics(&serving).await;
        assert_eq!(document_day(&exposition, "organization-28-day"), newest);
        assert_eq!(exposition.sum("github_copilot_interactions", ""), 2180.0);
        github.recover();
        serving.wait_for("refreshed");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_users_report_with_an_empty_file_is_a_day_with_0_users() {
    let github = stand_in().await;
    for file in ["0", "1"] {
        github.fail(&format!("/octodemo/users-1-day/{file}.json"), Fault::Body("".into()));
    }
    let serving = serving(&github, "octodemo");
    serving.wait_for("refreshed");
    let exposition = metrics(&serving).await;
    let newest = start_of(github.newest_day());
    assert_eq!(exposition.value(&format!("github_copilot_users_reported{LABELS}")), 0.0);
    assert_eq!(exposition.value(&format!("github_copilot_users_active{LABELS}")), 0.0);
    let day = format!("github_copilot_users_report_day_timestamp_seconds{LABELS}");
    assert_eq!(exposition.value(&day), newest);
    assert_eq!(document_day(&exposition, "users-1-day"), newest);
}

#[tokio::test(flavor = "multi_thread")]
async fn users_are_of_their_newest_day_and_teams_of_the_newest_day_that_both_reports_have() {
    let github = stand_in().await;
    let newest = github.newest_day();
    let late = format!("/user-teams-1-day?day={newest}");
    github.fail(&late, Fault::Status(204, "", vec![]));
    let serving = serving(&github, "octodemo");
    serving.wait_for("refreshed");
    let exposition = metrics(&serving).await;
    let day = |of: &str| {
        exposition.value(&format!("github_copilot_{of}_report_day_timestamp_seconds{LABELS}"))
    };
    let before = start_of(newest.yesterday().unwrap());
    assert_eq!((day("users"), day("teams")), (start_of(newest), before));
    assert_eq!(exposition.sum("github_copilot_users_reported", ""), 220.0);
    assert!(exposition.sum("github_copilot_team_active_users", "") > 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_that_github_will_revise_has_the_numbers_reported_so_far() {
    let newest = SystemClock.newest_day();
    // The next day that is revised is the newest one.
    let start = Some(newest.saturating_sub(20.days()));
    let github = stand_in_with(Options { newest: start, ..Options::default() }).await;
    assert_eq!(github.next_revised_day(), newest);
    github.set_newest_day(newest);
    let organization = Target::new(Scope::Organization, "octodemo").unwrap();
    let report = |day| {
        let bodies = github.report(&organization, "organization-1-day", day)?;
        serde_json::from_slice::<Value>(&bodies[0]).unwrap()["daily_active_users"].as_f64()
    };
    let reported = report(newest);
    let serving = serving(&github, "octodemo");
    serving.wait_for("refreshed");
    let active = "github_copilot_active_users{org=\"octodemo\",scope=\"organization\",window=\"day\",surface=\"any\"}";
    assert_eq!(Some(metrics(&serving).await.value(active)), reported);
    let requests = |day| github.report_requests(&organization, "organization-1-day", day);
    assert!(requests(newest) > 0);
    assert_eq!(requests(newest.saturating_sub(20.days())), 0);
    // A day later, it is final; there are no reports of the days to come, and none older than 400 days.
    github.set_newest_day(newest.tomorrow().unwrap());
    assert!(report(newest) > reported);
    assert_eq!(report(newest.saturating_add(2.days())), None);
    assert!(report(newest.saturating_sub(398.days())).is_some());
    assert_eq!(report(newest.saturating_sub(399.days())), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_can_be_revised_for_one_day_only() {
    let github = stand_in().await;
    let (day, before) = (github.newest_day(), github.newest_day().yesterday().unwrap());
    let path = format!("/octodemo/repos-1-day/0.json?day={day}");
    github.fail(&path, Fault::Body("{}".into()));
    let mut bodies = Vec::new();
    for day in [day, before] {
        let url = format!("/orgs/octodemo/copilot/metrics/reports/repos-1-day?day={day}");
        let request = client().get(github.api().join(&url).unwrap()).bearer_auth(github.token());
        let envelope: Value =
            serde_json::from_str(&request.send().await.unwrap().text().await.unwrap()).unwrap();
        let link = envelope["download_links"][0].as_str().unwrap();
        bodies.push(client().get(link).send().await.unwrap().text().await.unwrap());
    }
    let organization = Target::new(Scope::Organization, "octodemo").unwrap();
    let unchanged = github.report(&organization, "repos-1-day", before).unwrap();
    assert_eq!(bodies, ["{}", std::str::from_utf8(&unchanged[0]).unwrap()]);
}
