/// What is recorded by mistake instead of a report.
mod not_a_report;

use std::fs;
use std::io::{BufWriter, Write};

use copilot_metrics_tests::command::{printed, run};
use copilot_metrics_tests::exposition::Exposition;
use copilot_metrics_tests::fixtures::read;

/// Runs `map` over a document with these bytes. Returns its exit code, exposition and error.
fn map(document: &str, body: &[u8]) -> (Option<i32>, String, String) {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("document");
    fs::write(&file, body).unwrap();
    let output = run(["map", "--org", "acme", &format!("{document}={}", file.display())]);
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

/// The document can't be mapped: exit code 65, no output, and an error of one line that contains every text.
#[track_caller]
fn rejected(document: &str, body: &[u8], texts: &[&str]) {
    let (code, printed, error) = map(document, body);
    assert_eq!((code, printed.as_str()), (Some(65), ""), "{error}");
    assert_eq!(error.lines().count(), 1, "{error}");
    assert!(error.len() < 500, "{error}");
    for text in texts.iter().chain(&[document]) {
        assert!(error.contains(text), "{error:?} does not contain {text:?}");
    }
}

/// The document can be mapped.
#[track_caller]
fn accepted(document: &str, body: &[u8]) -> Exposition {
    let (code, printed, error) = map(document, body);
    assert_eq!(code, Some(0), "{error}");
    assert!(error.lines().all(|line| line.starts_with("not mapped: ")), "{error}");
    Exposition::parse(&printed)
}

/// The document can be mapped without one value, which is named.
#[track_caller]
fn accepted_without(document: &str, body: &[u8], value: &str) -> Exposition {
    let (_, _, error) = map(document, body);
    let line = format!("not mapped: {document} {value} (1)");
    assert!(error.lines().any(|found| found == line), "{error:?} does not contain {line:?}");
    accepted(document, body)
}

const DAY: &str = "\"day\":\"2026-11-20\"";

#[test]
fn a_document_that_is_not_json_is_rejected_with_its_position() {
    rejected("organization-28-day", b"<html>502 Bad Gateway</html>", &["byte 0", "not JSON"]);
    rejected("users-1-day", b"\n\n  oops", &["byte 4", "not JSON"]);
    rejected("billing", b"404: Not Found", &["byte 0", "not JSON"]);
    rejected("legacy", b"null", &["byte 0", "not JSON"]);
    let row = format!("{{{DAY},\"totals_by_ide\":[}}");
    rejected("organization-1-day", row.as_bytes(), &["cut off"]);
    let row = format!("{{{DAY},\"daily_active_users\":01}}");
    rejected("organization-1-day", row.as_bytes(), &["byte 42", "invalid number"]);
}

#[test]
fn an_error_message_instead_of_a_document_is_rejected() {
    for document in ["legacy", "seats", "organization-1-day", "users-1-day", "billing"] {
        let wanted = ["byte 0", "this is GitHub's error message: \"Not Found\""];
        rejected(document, b"{\"message\":\"Not Found\"}", &wanted);
    }
    rejected("billing", b"[{\"seat_breakdown\":{}}]", &["byte 0", "expected a single object"]);
}

#[test]
fn the_position_of_an_error_is_not_moved_by_what_was_repaired_before_it() {
    let damaged = b"\xEF\xBB\xBF[{\"day\":\"2026-11-20\",\"user_login\":\"a\xFF\xFF\xFF\\ud800\",\"code_generation_activity_count\":NaN,";
    for (before, after) in [("", "\"user_id\":@1}]"), ("\n\"user_id\":1}\n,\n {\"day\":", "@}]")] {
        let body = [damaged.as_slice(), before.as_bytes(), after.as_bytes()].concat();
        let at = body.iter().position(|byte| *byte == b'@').unwrap();
        rejected("users-1-day", &body, &[&format!("part 0, byte {at}: "), "expected value"]);
    }
}

#[test]
fn a_truncated_document_is_rejected() {
    for (document, file) in [
        ("organization-28-day", "small/organization-28-day.json"),
        ("users-1-day", "small/users-1-day.1.ndjson"),
        ("seats", "small/seats.1.json"),
        ("legacy", "small/legacy.json"),
        ("billing", "small/billing.json"),
    ] {
        let whole = read(file);
        let half = &whole[..whole.len() / 2];
        rejected(document, half, &["cut off in the middle", &format!("byte {}", half.len())]);
    }
}

#[test]
fn a_value_of_the_wrong_type_costs_only_that_value() {
    let report = |fields: &str| format!("{{{DAY},{fields}}}");
    let editors = "\"totals_by_ide\":[{\"ide\":\"a\",\"loc_added_sum\":2},{\"ide\":\"b\",\"loc_added_sum\":\"many\"}]";
    let exposition = accepted_without(
        "organization-1-day",
        report(editors).as_bytes(),
        "totals_by_ide.loc_added_sum (invalid)",
    );
    assert_eq!(exposition.sum("github_copilot_ide_lines_added", "ide=\"a\""), 2.0);
    assert_eq!(exposition.series("github_copilot_ide_lines_added").count(), 1);
    let exposition = accepted_without(
        "organization-1-day",
        report("\"pull_requests\":[1],\"loc_added_sum\":5").as_bytes(),
        "pull_requests (invalid)",
    );
    assert_eq!(exposition.sum("github_copilot_lines_added", ""), 5.0);
    let exposition = accepted_without(
        "users-1-day",
        report("\"user_id\":1,\"used_chat\":\"yes\"").as_bytes(),
        "used_chat (invalid)",
    );
    assert_eq!(exposition.sum("github_copilot_users_reported", ""), 1.0);
    let seat = b"{\"seats\":[{\"last_activity_at\":\"yesterday\"}]}";
    let exposition = accepted_without("seats", seat, "last_activity_at (invalid)");
    assert_eq!(exposition.sum("github_copilot_seats", ""), 1.0);
    let billing = b"{\"seat_breakdown\":{\"total\":true,\"active_this_cycle\":4}}";
    accepted_without("billing", billing, "seat_breakdown.total (invalid)");
    let legacy = b"[{\"date\":\"2026-11-20\",\"total_active_users\":3,\"copilot_ide_chat\":7}]";
    let exposition = accepted_without("legacy", legacy, "copilot_ide_chat (invalid)");
    assert_eq!(exposition.sum("total_active_users", ""), 3.0);
}

#[test]
fn a_row_without_what_it_is_about_costs_only_that_row() {
    let (good, without_id) =
        (format!("{{{DAY},\"user_id\":1}}"), format!("{{{DAY},\"user_id\":[]}}"));
    let body = format!("{good}\n{without_id}\n");
    let exposition = accepted_without("users-1-day", body.as_bytes(), "user_id (invalid)");
    assert_eq!(exposition.sum("github_copilot_users_reported", ""), 1.0);
}

#[test]
fn a_document_without_a_usable_row_is_rejected() {
    rejected("organization-1-day", b"{\"day\":20261120}", &["no row is usable: day (invalid)"]);
    rejected("organization-1-day", b"{\"day\":\"2026-02-30\"}", &["no row is usable", "day"]);
    let row = format!("{{{DAY},\"user_login\":null}}");
    rejected("users-1-day", row.as_bytes(), &["no row is usable: user_id (missing)"]);
    for document in ["organization-1-day", "billing", "seats", "legacy"] {
        rejected(document, b"{}", &["byte 0", "this is an empty object"]);
    }
    rejected("seats", b"{\"seats\":[]}", &["the list has neither seats nor their number"]);
    let report = b"{\"day_totals\":[]}";
    rejected("organization-28-day", report, &["byte 0", "says nothing about any day"]);
    for document in ["organization-28-day", "organization-1-day", "seats", "legacy"] {
        rejected(document, b"[]", &["byte 0", "this is an empty array"]);
    }
    rejected("billing", b"[]", &["byte 0", "expected a single object, not an array"]);
}

#[test]
fn numbers_that_cannot_be_counts_are_left_out() {
    for number in ["1e400", "-1", "-0.5", "NaN"] {
        let body = format!("{{{DAY},\"loc_added_sum\":{number},\"loc_deleted_sum\":7}}");
        let exposition =
            accepted_without("organization-1-day", body.as_bytes(), "loc_added_sum (invalid)");
        assert_eq!(exposition.series("github_copilot_lines_added").count(), 0, "{number}");
        assert_eq!(exposition.sum("github_copilot_lines_deleted", ""), 7.0, "{number}");
    }
}

#[test]
fn unusual_but_valid_numbers_are_accepted() {
    for (written, value) in
        [("0", 0.0), ("12.5", 12.5), ("1e3", 1000.0), ("18446744073709551615", 2f64.powi(64))]
    {
        let body = format!("{{{DAY},\"loc_added_sum\":{written}}}");
        let exposition = accepted("organization-1-day", body.as_bytes());
        assert_eq!(exposition.sum("github_copilot_lines_added", ""), value);
    }
}

#[test]
fn a_row_of_50_megabytes_is_rejected_with_its_position() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("document");
    let mut file = BufWriter::new(fs::File::create(&path).unwrap());
    write!(file, "{{{DAY},\"user_id\":1}}\n{{\"user_login\":\"").unwrap();
    let kilobyte = [b'x'; 1 << 10];
    for _ in 0..50 << 10 {
        file.write_all(&kilobyte).unwrap();
    }
    file.write_all(b"\"}\n").unwrap();
    drop(file);
    let output = run(["map", "--org", "acme", &format!("users-1-day={}", path.display())]);
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(65));
    assert!(
        error.contains("document users-1-day, part 0, byte 33: a row is longer than 8 MiB"),
        "{error}"
    );
}

#[test]
fn an_empty_document_gives_no_samples_and_no_error() {
    for document in ["users-1-day", "user-teams-1-day", "repos-1-day"] {
        for body in [&b""[..], b"[]"] {
            assert_eq!(accepted(document, body).families.len(), 0);
        }
    }
    // Zero seats are exported, too.
    assert_eq!(
        accepted("seats", b"{\"total_seats\":0,\"seats\":[]}").sum("github_copilot_seats", ""),
        0.0
    );
}

#[test]
fn null_fields_are_left_out() {
    let body = format!(
        "{{{DAY},\"daily_active_users\":null,\"totals_by_ide\":null,\"totals_by_cli\":null,\"pull_requests\":null,\
         \"totals_by_ai_adoption_phase\":null,\"weekly_active_users\":4,\"totals_by_feature\":[{{\"feature\":null,\"loc_added_sum\":1}}]}}"
    );
    let exposition = accepted("organization-1-day", body.as_bytes());
    assert_eq!(exposition.series("github_copilot_active_users").count(), 1);
    assert_eq!(exposition.series("github_copilot_ide_interactions").count(), 0);
    assert_eq!(exposition.sum("github_copilot_feature_lines_added", "feature=\"unknown\""), 1.0);
}

#[test]
fn labels_with_quotes_are_escaped_and_control_characters_are_replaced() {
    let body = format!(
        "{{{DAY},\"totals_by_ide\":[{{\"ide\":\"a\\\"b\\\\c\\nd\\u0000é\",\"loc_added_sum\":3}}]}}"
    );
    let exposition =
        accepted_without("organization-1-day", body.as_bytes(), "totals_by_ide.ide (altered)");
    let series = "github_copilot_ide_lines_added{org=\"acme\",scope=\"organization\",ide=\"a\\\"b\\\\c\u{fffd}d\u{fffd}é\"}";
    assert_eq!(exposition.value(series), 3.0);
}

#[test]
fn characters_that_are_not_unicode_are_replaced() {
    let mut body = format!("{{{DAY},\"totals_by_ide\":[{{\"ide\":\"").into_bytes();
    body.extend(b"\xff\",\"loc_added_sum\":3}]}");
    let lone = format!("{{{DAY},\"totals_by_ide\":[{{\"ide\":\"\\ud800\",\"loc_added_sum\":3}}]}}");
    for body in [body, lone.into_bytes()] {
        let exposition =
            accepted_without("organization-1-day", &body, "totals_by_ide.ide (altered)");
        assert_eq!(exposition.sum("github_copilot_ide_lines_added", "ide=\"\u{fffd}\""), 3.0);
    }
}

#[test]
fn a_label_that_is_too_long_is_cut_and_stays_distinct() {
    let ide =
        |last: &str| format!("{{\"ide\":\"{}{last}\",\"loc_added_sum\":3}}", "x".repeat(2000));
    let body = format!("{{{DAY},\"totals_by_ide\":[{},{}]}}", ide("a"), ide("b"));
    let (_, _, error) = map("organization-1-day", body.as_bytes());
    let line = "not mapped: organization-1-day totals_by_ide.ide (altered) (2)";
    assert!(error.lines().any(|found| found == line), "{error}");
    let exposition = accepted("organization-1-day", body.as_bytes());
    assert_eq!(exposition.series("github_copilot_ide_lines_added").count(), 2);
}

#[test]
fn an_empty_body_is_rejected_for_documents_that_cannot_be_empty() {
    for document in ["organization-28-day", "billing", "seats", "legacy"] {
        rejected(document, b" \n", &["byte 0", "the body is empty"]);
    }
}

#[test]
fn a_day_that_appears_twice_counts_once() {
    let row =
        |users: u32| format!("{{{DAY},\"daily_active_users\":{users},\"loc_added_sum\":5}}\n");
    let exposition = accepted("organization-1-day", (row(3) + &row(4)).as_bytes());
    assert_eq!(exposition.sum("github_copilot_lines_added", ""), 5.0);
    assert_eq!(exposition.sum("github_copilot_active_users", "any"), 4.0);
    let day = |users: u32| format!("{{\"date\":\"2026-11-20\",\"total_active_users\":{users}}}");
    let exposition = accepted("legacy", format!("[{},{}]", day(3), day(4)).as_bytes());
    assert_eq!(exposition.sum("total_active_users", ""), 4.0);
}

#[test]
fn an_editor_that_appears_twice_is_one_series_with_the_sum() {
    let body = format!(
        "{{{DAY},\"totals_by_ide\":[{{\"ide\":\"vim\",\"loc_added_sum\":3}},{{\"ide\":\"vim\",\"loc_added_sum\":4}}]}}"
    );
    let exposition = accepted("organization-1-day", body.as_bytes());
    assert_eq!(exposition.series("github_copilot_ide_lines_added").count(), 1);
    assert_eq!(exposition.sum("github_copilot_ide_lines_added", "ide=\"vim\""), 7.0);
}

#[test]
fn reports_may_be_arrays_or_start_with_a_byte_order_mark() {
    let row = format!("{{{DAY},\"user_id\":1}}");
    for body in [format!("[{row}]"), format!("\u{feff}{row}\r\n"), format!("[\n {row}\n]\n{row}")] {
        let exposition = accepted("users-1-day", body.as_bytes());
        assert_eq!(exposition.sum("github_copilot_users_reported", ""), 1.0);
    }
}

#[test]
fn an_error_names_the_part_of_the_document() {
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = directory.path().join(name);
        fs::write(&path, text).unwrap();
        format!("users-1-day={}", path.display())
    };
    let good = write("good", &format!("{{{DAY},\"user_id\":1}}"));
    let bad = write("bad", &format!("{{{DAY},\"user_id\":1}}\n{{{DAY},\"user_id\":"));
    let output = run(["map", "--org", "acme", &good, &bad]);
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(
        error.contains("document users-1-day, part 1, byte 63: the body is cut off"),
        "{error}"
    );
    assert_eq!(printed(["map", "--org", "acme", &good]).matches("users_reported{").count(), 1);
}
