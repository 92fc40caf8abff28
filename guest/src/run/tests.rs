//! Runs over whole bodies.

use super::*;
use crate::testing::{FETCHED_AT, lines, map, samples_of};

const SEATS: (&str, &str) = ("seats", r#"{"total_seats":1,"seats":[{"assignee":{"id":7}}]}"#);
const BILLING: (&str, &str) = ("billing", r#"{"seat_breakdown":{"total":3}}"#);

#[test]
fn in_history_the_present_is_about_the_day_it_was_fetched() {
    let lines = map(Span::History, &[], &[BILLING, SEATS]).unwrap();
    // 2026-11-22T00:00:00Z, six hours before it was fetched.
    let seats = samples_of(&lines, "github_copilot_seats");
    assert_eq!(seats, ["github_copilot_seats{} 1 1795305600000"]);
    let billed = samples_of(&lines, "github_copilot_billing_seats");
    assert_eq!(billed, ["github_copilot_billing_seats{} 3 1795305600000"]);
}

#[test]
fn without_history_samples_have_no_timestamps() {
    let lines = map(Span::Latest, &[], &[SEATS]).unwrap();
    assert_eq!(samples_of(&lines, "github_copilot_seats"), ["github_copilot_seats{} 1"]);
}

#[test]
fn errors_name_the_document_the_part_and_the_offset() {
    let bodies = [SEATS, ("users-1-day", "{\"day\":\"2026-11-20\",\"user_id\":1}\n{\"day\":01}")];
    let Err(Error::Malformed(malformed)) = map(Span::Latest, &[], &bodies) else {
        panic!("no error");
    };
    assert_eq!((malformed.document.as_str(), malformed.part), ("users-1-day", 1));
    assert_eq!((malformed.offset, malformed.reason.as_str()), (41, "invalid number"));
}

#[test]
fn a_body_without_a_usable_row_is_malformed() {
    let reason = |document: &'static str, body: &'static str| match map(
        Span::Latest,
        &[],
        &[(document, body)],
    ) {
        Err(Error::Malformed(malformed)) => (malformed.offset, malformed.reason),
        other => panic!("{other:?}"),
    };
    let no_day = r#" {"user_id":1} {"user_id":2,"day":7}"#;
    assert_eq!(reason("users-1-day", no_day), (1, "no row is usable: day (missing)".to_owned()));
    let rows = r#"{"day_totals":[{"daily_active_users":2}]}"#;
    let expected = (15, "no row is usable: day (missing)".to_owned());
    assert_eq!(reason("organization-28-day", rows), expected);
    assert_eq!(reason("legacy", "[{}]"), (1, "this is an empty object".to_owned()));
}

#[test]
fn what_people_record_by_mistake_is_named() {
    let envelope =
        r#"{"download_links":["https://example.com/?secret"],"report_day":"2026-11-20"}"#;
    let error = r#"{"message":"Not Found","documentation_url":"https://docs.example.com"}"#;
    for document in ["organization-28-day", "users-1-day", "user-teams-1-day", "seats", "legacy"] {
        for (body, expected) in [
            (envelope, "this is the envelope with the download links, not the report"),
            (error, "this is GitHub's error message: \"Not Found\""),
            ("<html>", "this is a web page, not JSON"),
            ("\u{1f}\u{8b}", "this is gzip-compressed data, not JSON"),
            ("{}", "this is an empty object"),
        ] {
            let Err(Error::Malformed(found)) = map(Span::Latest, &[], &[(document, body)]) else {
                panic!("{document}: {body}");
            };
            assert_eq!(found.reason, expected, "{document}");
        }
    }
}

#[test]
fn an_error_message_after_the_rows_is_malformed() {
    let body = r#"{"day":"2026-11-20","user_id":1}{"message":"Server Error"}"#;
    assert!(map(Span::Latest, &[], &[("users-1-day", body)]).is_err());
}

#[test]
fn an_error_ends_the_run() {
    let target = Target { scope: crate::contract::Scope::Organization, name: String::new() };
    let mut run = Run::new(&target, Span::Latest, &[]);
    let document =
        Document { name: "no-such".to_owned(), part: 0, fetched_at: 0, report_day: None };
    let error = Error::UnknownDocument("no-such".to_owned());
    assert_eq!(run.feed(&document, b"{}"), Err(error.clone()));
    assert_eq!(run.finish(), Err(error));
}

#[test]
fn an_empty_file_of_a_report_is_a_day_without_users_and_one_of_no_day_is_nothing() {
    let of_day = |report_day: Option<&str>| {
        let target = Target { scope: crate::contract::Scope::Organization, name: String::new() };
        let mut run = Run::new(&target, Span::Latest, &[]);
        let (name, report_day) = ("users-1-day".to_owned(), report_day.map(str::to_owned));
        let document = Document { name, part: 0, fetched_at: FETCHED_AT, report_day };
        run.feed(&document, b"").unwrap();
        lines(&run.finish().unwrap())
    };
    let measured = of_day(Some("2026-11-20"));
    let reported = samples_of(&measured, "github_copilot_users_reported");
    assert_eq!(reported, ["github_copilot_users_reported{} 0"]);
    let active = samples_of(&measured, "github_copilot_users_active");
    assert_eq!(active, ["github_copilot_users_active{} 0"]);
    let day = samples_of(&measured, "github_copilot_users_report_day_timestamp_seconds");
    assert_eq!(day, ["github_copilot_users_report_day_timestamp_seconds{} 1795132800"]);
    assert_eq!(of_day(None), Vec::<String>::new());
    // A day to come is none that was measured.
    assert_eq!(of_day(Some("2027-01-01")), Vec::<String>::new());
}
