//! Months of the past.

use std::fs;
use std::path::Path;

use axum::Router;
use axum::extract::Query;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use copilot_metrics_tests::github::{Options, StandIn, stand_in, stand_in_with};
use jiff::ToSpan;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::Deserialize;

use crate::backfill::{backfill, succeed};

/// The samples of a family in a file: their values and the days that they are about.
fn samples(file: &Path, family: &str) -> Vec<(f64, Date)> {
    let text = fs::read_to_string(file).unwrap();
    let start = format!("{family}{{");
    let lines = text.lines().filter(|line| line.starts_with(&start));
    let sample = |line: &str| {
        let (rest, seconds) = line.rsplit_once(' ').unwrap();
        let (_, value) = rest.rsplit_once(' ').unwrap();
        let time = jiff::Timestamp::from_second(seconds.parse::<f64>().unwrap() as i64).unwrap();
        (value.parse().unwrap(), time.to_zoned(TimeZone::UTC).date())
    };
    lines.map(sample).collect()
}

/// The requests for usage.
fn usage_requests(github: &StandIn) -> usize {
    let requests = github.requests();
    requests.iter().filter(|request| request.path.contains("/ai_credit/usage?")).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_days_of_a_month_add_up_to_the_month_which_is_one_request() {
    let (github, directory) = (stand_in().await, tempfile::tempdir().unwrap());
    let last = github.newest_day().first_of_month().yesterday().unwrap();
    let (first, until) = (last.first_of_month().to_string(), last.to_string());
    let run = |file: &Path, cache: &str, more: &[&str]| {
        let mut command = backfill(&github, &directory.path().join(cache), &["--since", &first]);
        command.args(["--until", &until, "--to"]).arg(file).args(more);
        succeed(command)
    };
    let (days, month) = (directory.path().join("days.om"), directory.path().join("month.om"));
    run(&days, "days", &["--documents", "ai-credit-usage-day"]);
    let before = usage_requests(&github);
    assert_eq!(before, usize::try_from(last.day()).unwrap());
    run(&month, "months", &["--monthly"]);
    assert_eq!(usage_requests(&github), before + 1);
    for unit in ["credits", "dollars"] {
        for part in ["gross", "discount", "net"] {
            let family =
                |period: &str| format!("daily_github_copilot_ai_usage_{period}_{part}_{unit}");
            let (days, month) = (samples(&days, &family("day")), samples(&month, &family("month")));
            let sum = |samples: &[(f64, Date)]| samples.iter().map(|(value, _)| value).sum::<f64>();
            assert!((sum(&days) - sum(&month)).abs() < 0.01, "{part} {unit}");
            assert!(sum(&month) > 0.0);
            // A month is about its last day, each day about itself.
            assert!(month.iter().all(|(_, day)| *day == last));
            let mut about: Vec<_> = days.iter().map(|(_, day)| *day).collect();
            about.dedup();
            about.sort_unstable();
            about.dedup();
            assert_eq!(about.len(), usize::try_from(last.day()).unwrap());
        }
    }
}

#[derive(Deserialize)]
struct Month {
    year: i16,
    month: i8,
}

/// How many months ago a month was.
fn age(year: i16, month: i8) -> i32 {
    let today = jiff::Timestamp::now().to_zoned(TimeZone::UTC);
    (i32::from(today.year()) - i32::from(year)) * 12 + i32::from(today.month()) - i32::from(month)
}

/// GitHub has the usage of 24 months.
async fn usage(Query(Month { year, month }): Query<Month>) -> Response {
    if age(year, month) > 24 {
        return (StatusCode::NOT_FOUND, r#"{"message":"Not Found"}"#).into_response();
    }
    let items = r#"[{"product":"Copilot","sku":"s","unitType":"credits","netQuantity":1,"netAmount":0.01}]"#;
    format!(r#"{{"timePeriod":{{"year":{year},"month":{month}}},"usageItems":{items}}}"#)
        .into_response()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backfill_by_month_has_all_24_months_that_github_keeps_and_older_ones_are_no_failure() {
    let path = "/organizations/octodemo/settings/billing/ai_credit/usage";
    let routes = Router::new().route(path, get(usage));
    let github = stand_in_with(Options { routes, ..Options::default() }).await;
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("history.om");
    let arguments =
        ["--since", "900d", "--monthly", "--documents", "ai-credit-usage-month", "--to"];
    let mut command = backfill(&github, &directory.path().join("cache"), &arguments);
    command.arg(&file);
    let report = succeed(command);
    let yesterday = jiff::Timestamp::now().to_zoned(TimeZone::UTC).date().yesterday().unwrap();
    let days = yesterday.series(-1.day()).take(900);
    let mut expected: Vec<Date> = days
        .filter(|day| *day == yesterday || *day == day.last_of_month())
        .filter(|day| age(day.year(), day.month()) <= 24)
        .collect();
    expected.reverse();
    let found = samples(&file, "daily_github_copilot_ai_usage_month_net_credits");
    assert_eq!(found.iter().map(|(_, day)| *day).collect::<Vec<_>>(), expected);
    assert!(found.iter().all(|(credits, _)| *credits == 1.0));
    assert!(report.contains("no report: "), "{report}");
}
