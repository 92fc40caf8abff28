//! What is wrong in a document costs as little as possible, and is counted.

use crate::contract::{Error, Span};
use crate::testing::{FETCHED_AT, Mapped, mapped, mapped_at};

const DAY: &str = r#""day":"2026-11-20""#;

fn one(document: &str, body: &str) -> Mapped {
    mapped(Span::Latest, &["users", "user-breakdowns", "repositories"], &[(document, body)])
        .unwrap()
}

/// A row of an organization with this field and another one, which must survive.
fn organization(field: &str) -> Mapped {
    let mapped = one("organization-1-day", &format!("{{{DAY},{field},\"loc_deleted_sum\":7}}"));
    assert_eq!(
        mapped.samples("github_copilot_lines_deleted"),
        ["github_copilot_lines_deleted{} 7"]
    );
    mapped
}

#[test]
fn a_value_that_is_not_of_its_kind_costs_only_itself() {
    for (field, path) in [
        (r#""loc_added_sum":"5""#, "loc_added_sum"),
        (r#""loc_added_sum":-1"#, "loc_added_sum"),
        (r#""loc_added_sum":-0.5"#, "loc_added_sum"),
        (r#""loc_added_sum":true"#, "loc_added_sum"),
        (r#""loc_added_sum":[1,{"a":2}]"#, "loc_added_sum"),
        (r#""loc_added_sum":1e400"#, "loc_added_sum"),
        (r#""loc_added_sum":NaN"#, "loc_added_sum"),
        (r#""daily_active_users":{"count":3}"#, "daily_active_users"),
        (r#""totals_by_ide":7"#, "totals_by_ide"),
        (r#""totals_by_ide":[7,"x"]"#, "totals_by_ide"),
        (r#""totals_by_ide":[{"ide":1,"loc_added_sum":1}]"#, "totals_by_ide.ide"),
        (r#""totals_by_cli":[1,2,3]"#, "totals_by_cli"),
        (r#""totals_by_cli":{"token_usage":"many"}"#, "totals_by_cli.token_usage"),
        (r#""pull_requests":"none""#, "pull_requests"),
        (r#""totals_by_ai_adoption_phase":{}"#, "totals_by_ai_adoption_phase"),
        (r#""totals_by_mcp":[{"mcp":{}}]"#, "totals_by_mcp.mcp"),
        (r#""distinct_mcp_use_count":"2""#, "distinct_mcp_use_count"),
    ] {
        let unmapped = organization(field).unmapped().join(", ");
        assert!(unmapped.starts_with(&format!("{path} (invalid) ")), "{field}: {unmapped}");
    }
}

#[test]
fn a_number_that_would_overflow_costs_only_itself() {
    let field = r#""pull_requests":{"total_created":2,"median_minutes_to_merge":1e308}"#;
    let mapped = organization(field);
    assert_eq!(mapped.unmapped(), ["pull_requests.median_minutes_to_merge (invalid) 1"]);
    assert_eq!(mapped.samples("github_copilot_pull_requests_created").len(), 1);
}

#[test]
fn other_elements_of_an_array_stay() {
    let field = r#""totals_by_ide":[{"ide":"vim","loc_added_sum":"3"},null,5,{"ide":"vscode","loc_added_sum":4}]"#;
    let mapped = organization(field);
    assert_eq!(
        mapped.samples("github_copilot_ide_lines_added"),
        [r#"github_copilot_ide_lines_added{ide="vscode"} 4"#]
    );
    let expected = ["totals_by_ide (invalid) 1", "totals_by_ide.loc_added_sum (invalid) 1"];
    assert_eq!(mapped.unmapped(), expected);
}

#[test]
fn a_name_that_cannot_be_a_label_is_altered() {
    let long = "x".repeat(2000);
    for (name, expected) in [
        ("a\\ud800b", "a\u{FFFD}b"),
        ("a\\nb\\u0000", "a\u{FFFD}b\u{FFFD}"),
        ("a\nb", "a\u{FFFD}b"),
        (&long, "xxxx"),
    ] {
        let field = format!(r#""totals_by_ide":[{{"ide":"{name}","loc_added_sum":3}}]"#);
        let mapped = organization(&field);
        assert_eq!(mapped.unmapped(), ["totals_by_ide.ide (altered) 1"]);
        let samples = mapped.samples("github_copilot_ide_lines_added");
        let start = format!("github_copilot_ide_lines_added{{ide=\"{expected}");
        assert!(samples[0].starts_with(&start) && samples[0].len() < 1100, "{samples:?}");
    }
}

#[test]
fn a_key_that_becomes_a_label_is_altered() {
    let mapped = organization(r#""daily_active_a\tb_users":3,"a\tb":1"#);
    let expected = "github_copilot_active_users{window=\"day\",surface=\"a\u{FFFD}b\"} 3";
    assert_eq!(mapped.samples("github_copilot_active_users"), [expected]);
    assert_eq!(mapped.unmapped(), ["ab 1", "daily_active_ab_users (altered) 1"]);
}

#[test]
fn bytes_that_are_not_text_cost_only_their_name() {
    let mut body =
        format!("{{{DAY},\"loc_added_sum\":4,\"totals_by_ide\":[{{\"ide\":\"").into_bytes();
    body.extend(b"\xff\"}]}");
    let mapped =
        mapped_at(Span::Latest, &[], &[("organization-1-day", &body, FETCHED_AT)]).unwrap();
    assert_eq!(mapped.unmapped(), ["totals_by_ide.ide (altered) 1"]);
    assert_eq!(mapped.samples("github_copilot_lines_added").len(), 1);
}

#[test]
fn what_was_seen_before_a_repair_is_counted_once() {
    let mapped = organization(r#""a_new_field":1,"totals_by_ide":[{"ide":"\ud800"}],"another":2"#);
    assert_eq!(mapped.unmapped(), ["a_new_field 1", "another 1", "totals_by_ide.ide (altered) 1"]);
}

#[test]
fn a_value_in_the_row_of_a_user_costs_only_itself() {
    for (field, path) in [
        (r#""used_chat":1"#, "used_chat"),
        (r#""ai_adoption_phase":"Phase 1""#, "ai_adoption_phase"),
        (r#""ai_credits_used":"2.5""#, "ai_credits_used"),
        (r#""user_login":17"#, "user_login"),
        (
            r#""totals_by_skill":[{"skill":"other","interaction_count":-1}]"#,
            "totals_by_skill.interaction_count",
        ),
        (r#""totals_by_3rd_party_agent":{}"#, "totals_by_3rd_party_agent"),
    ] {
        for options in [&[][..], &["users", "user-breakdowns"]] {
            let body = format!("{{{DAY},\"user_id\":1,{field},\"used_cli\":true}}");
            let mapped = mapped(Span::Latest, options, &[("users-1-day", &body)]).unwrap();
            assert_eq!(mapped.unmapped(), [format!("{path} (invalid) 1")]);
            let active = mapped.samples("github_copilot_users_active");
            assert_eq!(active, ["github_copilot_users_active{} 1"]);
        }
    }
}

#[test]
fn a_row_that_is_not_usable_costs_only_itself() {
    for (row, problem) in [
        (r#"{"user_id":2}"#, "day (missing) 1"),
        (r#"{"user_id":2,"day":null}"#, "day (missing) 1"),
        (r#"{"user_id":2,"day":"2026-02-30"}"#, "day (invalid) 1"),
        (r#"{"user_id":2,"day":20261120}"#, "day (invalid) 1"),
        // In the future, or before there was Copilot.
        (r#"{"user_id":2,"day":"2026-11-24"}"#, "day (invalid) 1"),
        (r#"{"user_id":2,"day":"2019-12-31"}"#, "day (invalid) 1"),
        (r#"{"day":"2026-11-20"}"#, "user_id (missing) 1"),
        (r#"{"day":"2026-11-20","user_id":[]}"#, "user_id (invalid) 1"),
    ] {
        let good = format!("{{{DAY},\"user_id\":1}}");
        let mapped = one("users-1-day", &format!("{row}\n{good}"));
        assert_eq!(mapped.unmapped(), [problem]);
        let reported = mapped.samples("github_copilot_users_reported");
        assert_eq!(reported, ["github_copilot_users_reported{} 1"]);
    }
}

#[test]
fn a_row_with_a_field_twice_does_not_cost_the_others() {
    let twice = r#"{"date":"2026-11-19","total_active_users":1,"total_active_users":2}"#;
    let mapped =
        one("legacy", &format!(r#"[{twice},{{"date":"2026-11-20","total_active_users":3}}]"#));
    assert_eq!(mapped.unmapped(), ["row: duplicate field `total_active_users` (invalid) 1"]);
    assert_eq!(mapped.samples("total_active_users").len(), 1);
}

#[test]
fn values_that_are_nested_too_deeply_cost_their_row() {
    let deep = format!("{}1{}", "[".repeat(200), "]".repeat(200));
    let body = format!(
        "{{{DAY},\"loc_added_sum\":{deep}}} {{\"day\":\"2026-11-19\",\"loc_added_sum\":1}}"
    );
    let mapped = one("organization-1-day", &body);
    assert_eq!(mapped.unmapped(), ["row: recursion limit exceeded (invalid) 1"]);
}

#[test]
fn the_order_of_rows_of_a_day_does_not_matter() {
    let row = |users: u32| format!("{{{DAY},\"daily_active_users\":{users}}}");
    let day = |users: u32| format!("{{\"date\":\"2026-11-20\",\"total_active_users\":{users}}}");
    for (first, second) in [(9, 10), (10, 9)] {
        let mapped = one("organization-1-day", &(row(first) + &row(second)));
        assert!(mapped.samples("github_copilot_active_users")[0].ends_with(" 10"));
        assert_eq!(mapped.unmapped(), ["day (conflict) 1"]);
        let mapped = one("legacy", &(day(first) + &day(second)));
        assert!(mapped.samples("total_active_users")[0].ends_with(" 10"));
        assert_eq!(mapped.unmapped(), ["date (conflict) 1"]);
    }
    assert!(one("organization-1-day", &(row(9) + &row(9))).unmapped().is_empty());
}

#[test]
fn a_day_of_two_documents_is_of_the_one_fetched_later() {
    let row = |users: u32| format!("{{{DAY},\"daily_active_users\":{users}}}");
    for (earlier, later) in [(9, 10), (10, 9)] {
        let bodies = [row(earlier), row(later)];
        let mapped = |at: [i64; 2]| {
            let bodies = [
                ("organization-28-day", bodies[0].as_bytes(), at[0]),
                ("organization-1-day", bodies[1].as_bytes(), at[1]),
            ];
            mapped_at(Span::Latest, &[], &bodies).unwrap()
        };
        for (at, expected) in [([1, 2], later), ([2, 1], earlier), ([1, 1], later)] {
            let mapped = mapped(at.map(|second| FETCHED_AT + second));
            let users = mapped.samples("github_copilot_active_users");
            assert!(users[0].ends_with(&format!(" {expected}")), "{at:?}");
            assert!(mapped.unmapped().is_empty());
        }
    }
}

#[test]
fn the_order_of_the_elements_of_a_phase_does_not_matter() {
    let phase = |users: u32| format!(r#"{{"phase_number":1,"total_engaged_users":{users}}}"#);
    for (first, second) in [(9, 10), (10, 9)] {
        let field = format!("\"totals_by_ai_adoption_phase\":[{},{}]", phase(first), phase(second));
        let mapped = organization(&field);
        assert!(mapped.samples("github_copilot_adoption_phase_users")[0].ends_with(" 10"));
        assert_eq!(mapped.unmapped(), ["totals_by_ai_adoption_phase (conflict) 1"]);
    }
}

#[test]
fn the_order_of_counts_of_distinct_users_does_not_matter() {
    for (first, second) in [(9, 10), (10, 9)] {
        // One number under its old and its new name.
        let mapped = organization(&format!(
            r#""daily_active_copilot_coding_agent_users":{first},"daily_active_copilot_cloud_agent_users":{second}"#
        ));
        assert!(mapped.samples("github_copilot_active_users")[0].ends_with(" 10"));
        assert_eq!(mapped.unmapped(), ["daily_active_copilot_cloud_agent_users (conflict) 1"]);
        let feature =
            |users: u32| format!(r#"{{"feature":"copilot_cli","engaged_user_count":{users}}}"#);
        let features = [feature(first), feature(second)].join(",");
        let mapped = one(
            "organization-28-day",
            &format!(
                r#"{{"day_totals":[],"report_end_day":"2026-11-20","copilot_feature_engagement":{{"totals_by_feature":[{features}]}}}}"#
            ),
        );
        assert!(mapped.samples("github_copilot_feature_engaged_users_28d")[0].ends_with(" 10"));
        let expected = ["copilot_feature_engagement.totals_by_feature (conflict) 1"];
        assert_eq!(mapped.unmapped(), expected);
        let editor = |users: u32| format!(r#"{{"name":"vim","total_engaged_users":{users}}}"#);
        let editors = [editor(first), editor(second)].join(",");
        let day =
            format!(r#"{{"date":"2026-11-20","copilot_ide_chat":{{"editors":[{editors}]}}}}"#);
        let mapped = one("legacy", &day);
        assert!(mapped.samples("total_engaged_users")[0].ends_with(" 10"));
        assert_eq!(mapped.unmapped(), ["total_engaged_users (conflict) 1"]);
    }
}

#[test]
fn what_is_not_json_fails_with_its_place() {
    let body = format!("{{{DAY},\"daily_active_users\":01}}");
    let Err(Error::Malformed(malformed)) =
        mapped(Span::Latest, &[], &[("organization-1-day", &body)])
    else {
        panic!("no error");
    };
    assert_eq!((malformed.offset, malformed.reason.as_str()), (42, "invalid number"));
}
