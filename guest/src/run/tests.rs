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

/// Maps a body without rows of a report about this day.
fn without_rows(
    document: &str,
    body: &str,
    report_day: Option<&str>,
) -> Result<Vec<String>, String> {
    let target = Target { scope: crate::contract::Scope::Organization, name: String::new() };
    let value = "true".to_owned();
    let options = [OptionValue { name: "repositories".to_owned(), value }];
    let mut run = Run::new(&target, Span::Latest, &options);
    let (name, report_day) = (document.to_owned(), report_day.map(str::to_owned));
    let document = Document { name, part: 0, fetched_at: FETCHED_AT, report_day };
    match run.feed(&document, body.as_bytes()).and_then(|()| run.finish()) {
        Ok(set) => Ok(lines(&set)),
        Err(Error::Malformed(malformed)) => Err(malformed.reason),
        Err(other) => panic!("{other:?}"),
    }
}

#[test]
fn a_file_without_rows_is_a_day_without_users_and_one_of_no_day_is_nothing() {
    for body in ["", " \n", "[]", "[[], []]"] {
        let measured = without_rows("users-1-day", body, Some("2026-11-20")).unwrap();
        for (family, value) in [
            ("users_reported", "0"),
            ("users_active", "0"),
            ("users_report_day_timestamp_seconds", "1795132800"),
        ] {
            let family = format!("github_copilot_{family}");
            let expected = format!("{family}{{}} {value}");
            assert_eq!(samples_of(&measured, &family), [expected], "{body:?}");
        }
        for (document, family) in [("user-teams-1-day", "teams"), ("repos-1-day", "repositories")] {
            let family = format!("github_copilot_{family}_report_day_timestamp_seconds");
            let measured = without_rows(document, body, Some("2026-11-20")).unwrap();
            assert_eq!(measured, [format!("{family}{{}} 1795132800")], "{body:?}");
            assert_eq!(without_rows(document, body, None), Ok(vec![]));
        }
        assert_eq!(without_rows("users-1-day", body, None), Ok(vec![]));
    }
}

#[test]
fn nothing_can_be_measured_on_a_day_to_come_or_before_2020() {
    for day in ["2027-01-01", "2019-12-31", "0001-01-01"] {
        for document in ["users-1-day", "user-teams-1-day", "repos-1-day"] {
            let reason = format!("no report can be about the day {day:?}");
            assert_eq!(without_rows(document, "", Some(day)), Err(reason));
        }
        let envelope = format!(r#"{{"download_links":[],"report_day":"{day}"}}"#);
        for document in ["users-1-day", "organization-1-day"] {
            assert!(without_rows(document, &envelope, None).is_err());
        }
    }
}

#[test]
fn an_array_without_rows_is_malformed_if_the_document_must_have_some() {
    for body in ["[]", " [ ]\n", "[[],[]]"] {
        for (document, expected) in [
            ("seats", r#"this is an empty array: expected an object with an array "seats""#),
            ("legacy", "this is an empty array: expected at least one object"),
            ("organization-28-day", "this is an empty array: expected at least one object"),
            ("organization-1-day", "this is an empty array: expected at least one object"),
            ("billing", "expected a single object, not an array"),
        ] {
            for day in [None, Some("2026-11-20")] {
                assert_eq!(without_rows(document, body, day), Err(expected.to_owned()), "{body}");
            }
        }
    }
}

#[test]
fn what_is_neither_an_object_nor_an_array_is_malformed() {
    for document in ["billing", "seats", "legacy", "organization-28-day", "users-1-day"] {
        for body in ["null", "true", "0", "\"Not Found\"", "404: Not Found"] {
            let reason = without_rows(document, body, None).unwrap_err();
            assert!(reason.starts_with("not JSON objects: unexpected"), "{reason}");
        }
        for body in ["[null]", "[0,true]"] {
            assert!(without_rows(document, body, None).is_err(), "{document}: {body}");
        }
    }
}
