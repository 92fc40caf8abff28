use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use axum::http::header::{AUTHORIZATION, ETAG, IF_NONE_MATCH, LINK};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use jiff::civil::{Date, date};
use jiff::{Timestamp, ToSpan};
use serde_json::Value;

use super::state::{BaseUrls, StandIn};
use crate::demo::clock::Clock;
use crate::demo::window::is_weekend;

mod bill;
mod year;

const BILLING: &str = "/orgs/octodemo/copilot/billing";
const REPORTS: &str = "/orgs/octodemo/copilot/metrics/reports";

/// A clock that a test sets.
#[derive(Clone)]
struct TestClock(Arc<AtomicI64>);

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(self.0.load(Ordering::Relaxed)).unwrap()
    }
}

impl TestClock {
    fn advance(&self, seconds: i64) {
        self.0.fetch_add(seconds, Ordering::Relaxed);
    }

    fn advance_days(&self, days: i64) {
        self.advance(days * 86_400);
    }
}

/// A stand-in whose time begins on 2027-01-30 at noon.
fn stand_in() -> (Arc<StandIn>, TestClock) {
    let start: Timestamp = "2027-01-30T12:00:00Z".parse().unwrap();
    let clock = TestClock(Arc::new(AtomicI64::new(start.as_second())));
    let urls = BaseUrls { api: "http://api".to_owned(), files: "http://files".to_owned() };
    (StandIn::new(clock.clone(), urls).unwrap(), clock)
}

fn authorized(stand_in: &StandIn) -> HeaderMap {
    let token = format!("Bearer {}", stand_in.token());
    HeaderMap::from_iter([(AUTHORIZATION, token.parse().unwrap())])
}

fn get(stand_in: &StandIn, path: &str) -> Response {
    stand_in.api_response(&authorized(stand_in), &path.parse().unwrap())
}

async fn body(response: Response) -> String {
    assert_eq!(response.status(), StatusCode::OK);
    let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
    String::from_utf8(body.to_vec()).unwrap()
}

async fn json(response: Response) -> Value {
    serde_json::from_str(&body(response).await).unwrap()
}

/// The envelope of a report, and its files.
async fn report(stand_in: &StandIn, path: &str) -> (Value, Vec<String>) {
    let envelope = json(get(stand_in, path)).await;
    let mut files = Vec::new();
    for link in envelope["download_links"].as_array().unwrap() {
        let uri: Uri = link.as_str().unwrap().parse().unwrap();
        files.push(body(stand_in.file_response(&HeaderMap::new(), &uri)).await);
    }
    (envelope, files)
}

#[tokio::test]
async fn after_100_000_requests_the_api_still_works_and_the_limit_resets() {
    let (stand_in, clock) = stand_in();
    for number in 0..100_000 {
        assert_eq!(get(&stand_in, BILLING).status(), StatusCode::OK);
        // The first 10,000 at once, the others one a second.
        clock.advance(i64::from(number > 10_000));
    }
    clock.advance(3600);
    let response = get(&stand_in, BILLING);
    assert_eq!(response.headers()["x-ratelimit-remaining"], "4999");
    assert_eq!(json(response).await["seat_breakdown"]["total"], 340);
}

#[tokio::test]
async fn the_newest_day_follows_the_clock_for_months_and_each_of_400_days_has_its_reports() {
    let (stand_in, clock) = stand_in();
    for (days, newest) in [
        (0, date(2027, 1, 28)),
        (1, date(2027, 1, 29)),
        (2, date(2027, 1, 31)),
        (87, date(2027, 4, 28)),
    ] {
        clock.advance_days(days);
        assert_eq!(stand_in.newest_day(), newest);
        for name in ["organization-1-day", "users-1-day", "user-teams-1-day", "repos-1-day"] {
            // Parsing all of them takes too long: the recorded days, and one of every three weeks before.
            for back in (0..28).chain((28..400).step_by(23)).chain([399]) {
                let day = newest.saturating_sub(back.days());
                let path = format!("{REPORTS}/{name}?day={day}");
                if year::is_gap(day) {
                    assert_eq!(get(&stand_in, &path).status(), StatusCode::NO_CONTENT);
                    continue;
                }
                let (envelope, files) = report(&stand_in, &path).await;
                assert_eq!(envelope["report_day"], day.to_string());
                assert!(files.iter().all(|file| file.contains(&format!("\"day\":\"{day}\""))));
            }
            let status =
                |day: Date| get(&stand_in, &format!("{REPORTS}/{name}?day={day}")).status();
            assert_eq!(status(newest.tomorrow().unwrap()), StatusCode::NO_CONTENT);
            assert_eq!(status(newest.saturating_sub(400.days())), StatusCode::NOT_FOUND);
        }
    }
}

#[tokio::test]
async fn a_28_day_report_ends_with_the_newest_day_which_is_that_days_report() {
    let (stand_in, clock) = stand_in();
    // 2027-02-04 is revised: its first report is compared as well.
    for _ in 0..12 {
        clock.advance_days(1);
        is_that_days_report(&stand_in).await;
    }
    clock.advance_days(40);
    is_that_days_report(&stand_in).await;
}

async fn is_that_days_report(stand_in: &StandIn) {
    let newest = stand_in.newest_day();
    let (envelope, files) =
        report(stand_in, &format!("{REPORTS}/organization-28-day/latest")).await;
    assert_eq!(envelope["report_end_day"], newest.to_string());
    assert_eq!(envelope["report_start_day"], newest.saturating_sub(27.days()).to_string());
    let whole: Value = serde_json::from_str(&files[0]).unwrap();
    let rows = whole["day_totals"].as_array().unwrap();
    assert_eq!(rows.len(), 28);
    for row in rows {
        let day = row["day"].as_str().unwrap();
        let (_, files) = report(stand_in, &format!("{REPORTS}/organization-1-day?day={day}")).await;
        assert_eq!(serde_json::from_str::<Value>(&files[0]).unwrap(), *row);
    }
}

#[tokio::test]
async fn content_is_sent_once_a_day() {
    let (stand_in, clock) = stand_in();
    for path in [BILLING, "/orgs/octodemo/copilot/billing/seats?per_page=100"] {
        let first = get(&stand_in, path);
        let etag = first.headers()[ETAG].clone();
        let mut headers = authorized(&stand_in);
        headers.insert(IF_NONE_MATCH, etag);
        let second = stand_in.api_response(&headers, &path.parse().unwrap());
        assert_eq!(second.status(), StatusCode::NOT_MODIFIED);
        assert!(!second.headers().contains_key(LINK));
    }
    let seats = "/orgs/octodemo/copilot/billing/seats";
    let mut headers = authorized(&stand_in);
    headers.insert(IF_NONE_MATCH, get(&stand_in, seats).headers()[ETAG].clone());
    clock.advance_days(1);
    let next_day = stand_in.api_response(&headers, &seats.parse().unwrap());
    assert_eq!(next_day.status(), StatusCode::OK);
}

#[tokio::test]
async fn lists_lead_from_page_to_page() {
    let (stand_in, _) = stand_in();
    let mut path = "/orgs/octodemo/copilot/billing/seats?per_page=100".to_owned();
    let mut seats = 0;
    for has_next in [true, true, true, false] {
        let response = get(&stand_in, &path);
        let link = response.headers().get(LINK).map(|link| link.to_str().unwrap().to_owned());
        assert_eq!(link.is_some(), has_next);
        let page = json(response).await;
        assert_eq!(page["total_seats"], 340);
        seats += page["seats"].as_array().unwrap().len();
        let link = link.unwrap_or_default();
        path = link.trim_start_matches("<http://api").split('>').next().unwrap().to_owned();
    }
    assert_eq!(seats, 340);
}

#[tokio::test]
async fn the_api_wants_the_token_and_the_file_host_refuses_it() {
    let (stand_in, _) = stand_in();
    let refused = stand_in.api_response(&HeaderMap::new(), &BILLING.parse().unwrap());
    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(get(&stand_in, "/orgs/another/copilot/billing").status(), StatusCode::NOT_FOUND);
    let envelope = json(get(&stand_in, &format!("{REPORTS}/organization-28-day/latest"))).await;
    let link = envelope["download_links"][0].as_str().unwrap();
    let status = |headers: &HeaderMap, link: &str| {
        stand_in.file_response(headers, &link.parse().unwrap()).status()
    };
    assert_eq!(status(&HeaderMap::new(), link), StatusCode::OK);
    assert_eq!(status(&authorized(&stand_in), link), StatusCode::UNAUTHORIZED);
    assert_eq!(status(&HeaderMap::new(), &format!("{link}0")), StatusCode::FORBIDDEN);
    let other = link.replace("/0.json", "/1.json");
    assert_eq!(status(&HeaderMap::new(), &other), StatusCode::NOT_FOUND);
}

/// The days of a report in which this many users or more were active.
fn busy_days(rows: &[Value], day: &str, users: &str, at_least: u64) -> Vec<(Date, bool)> {
    let day_of = |row: &Value| row[day].as_str().unwrap().parse().unwrap();
    rows.iter().map(|row| (day_of(row), row[users].as_u64().unwrap() >= at_least)).collect()
}

#[tokio::test]
async fn weekends_are_weekends_whatever_day_it_is() {
    let (stand_in, clock) = stand_in();
    for _ in 0..8 {
        let newest = stand_in.newest_day();
        let (_, files) = report(&stand_in, &format!("{REPORTS}/organization-28-day/latest")).await;
        let whole: Value = serde_json::from_str(&files[0]).unwrap();
        let rows = whole["day_totals"].as_array().unwrap();
        let organization = busy_days(rows, "day", "daily_active_users", 100);
        let legacy = json(get(&stand_in, "/orgs/octo-legacy/copilot/metrics")).await;
        let legacy = busy_days(legacy.as_array().unwrap(), "date", "total_active_users", 20);
        for (day, is_busy) in organization.iter().chain(&legacy) {
            assert_eq!(*is_busy, !is_weekend(*day), "{day}");
        }
        assert!(organization.is_sorted());
        for days in [organization, legacy] {
            let mut days: Vec<_> = days.iter().map(|(day, _)| *day).collect();
            days.sort();
            let window = (0..28).rev().map(|age| newest.saturating_sub(age.days()));
            assert!(days.into_iter().eq(window));
        }
        let (_, files) = report(&stand_in, &format!("{REPORTS}/users-1-day?day={newest}")).await;
        let users: usize = files.iter().map(|file| file.lines().count()).sum();
        assert_eq!(users >= 100, !is_weekend(newest), "{newest}: {users}");
        clock.advance_days(1);
    }
}
