//! Repository reports.

use crate::contract::{Error, Span};
use crate::testing::{map, mapped, samples_of};

const REPORT: &str = include_str!("../../../../tests/fixtures/small/repos-1-day.ndjson");

fn latest() -> Vec<String> {
    map(Span::Latest, &["repositories"], &[("repos-1-day", REPORT)]).unwrap()
}

#[test]
fn a_repository_has_the_pull_requests_of_its_fullest_row_of_the_newest_day() {
    let lines = latest();
    assert_eq!(
        samples_of(&lines, "github_copilot_repository_pull_requests_created"),
        [
            r#"github_copilot_repository_pull_requests_created{repository="acme/anvil",visibility="internal"} 2"#,
            r#"github_copilot_repository_pull_requests_created{repository="acme/rocket",visibility="private"} 8"#,
        ]
    );
    assert_eq!(
        samples_of(&lines, "github_copilot_repository_pull_request_time_to_merge_median_seconds"),
        [
            r#"github_copilot_repository_pull_request_time_to_merge_median_seconds{repository="acme/rocket",visibility="private"} 1830"#
        ]
    );
    assert_eq!(
        samples_of(
            &lines,
            "github_copilot_repository_pull_request_comment_type_copilot_suggestions"
        ),
        [
            r#"github_copilot_repository_pull_request_comment_type_copilot_suggestions{repository="acme/rocket",visibility="private",comment_type="security"} 4"#
        ]
    );
    assert_eq!(
        samples_of(&lines, "github_copilot_repositories_report_day_timestamp_seconds"),
        ["github_copilot_repositories_report_day_timestamp_seconds{} 1795132800"]
    );
}

#[test]
fn review_times_are_in_seconds_by_author_and_reviewer() {
    let lines = latest();
    assert_eq!(
        samples_of(
            &lines,
            "github_copilot_repository_pull_request_ready_to_first_review_median_seconds"
        ),
        [
            r#"github_copilot_repository_pull_request_ready_to_first_review_median_seconds{repository="acme/rocket",visibility="private",authored_by="copilot",reviewed_by="human"} 180"#,
            r#"github_copilot_repository_pull_request_ready_to_first_review_median_seconds{repository="acme/rocket",visibility="private",authored_by="human",reviewed_by="human"} 600"#,
        ]
    );
    let p90 = "github_copilot_repository_pull_request_ready_to_first_review_p90_seconds";
    assert!(samples_of(&lines, p90).iter().all(|line| line.ends_with(" 3600")));
    let null = "github_copilot_repository_pull_request_final_review_to_merge_p90_seconds";
    assert!(samples_of(&lines, null).is_empty());
}

#[test]
fn history_has_every_day() {
    let lines = map(Span::History, &["repositories"], &[("repos-1-day", REPORT)]).unwrap();
    let created = samples_of(&lines, "github_copilot_repository_pull_requests_created");
    assert_eq!(created.len(), 3);
    assert!(created[0].ends_with(" 90 1795046400000"));
}

#[test]
fn the_report_needs_the_option_and_may_be_empty() {
    assert!(map(Span::Latest, &[], &[("repos-1-day", REPORT)]).unwrap().is_empty());
    assert!(map(Span::Latest, &["repositories"], &[("repos-1-day", " ")]).unwrap().is_empty());
}

#[test]
fn a_row_needs_a_day_and_a_repository() {
    for row in [r#"{"repo_name":"rocket"}"#, r#"{"day":"2026-11-20"}"#] {
        let mapped = map(Span::Latest, &["repositories"], &[("repos-1-day", row)]);
        assert!(matches!(mapped, Err(Error::Malformed(_))), "{row}");
    }
}

#[test]
fn a_value_in_the_row_of_a_repository_costs_only_itself() {
    let long = format!(r#""repo_owner_name":"{}""#, "x".repeat(2000));
    for (field, problem) in [
        (r#""repo_visibility":0"#, "repo_visibility (invalid)"),
        (r#""repo_owner_name":"a\u0007b""#, "repo_owner_name (altered)"),
        (&*long, "repo_owner_name (altered)"),
        (r#""pull_request_review_times":{}"#, "pull_request_review_times (invalid)"),
        (
            r#""pull_request_review_times":[{"authored_by":1,"total_merged":2}]"#,
            "pull_request_review_times.authored_by (invalid)",
        ),
        (
            r#""pull_request_review_times":[{"p90_minutes_final_review_to_merge":1e308}]"#,
            "pull_request_review_times.p90_minutes_final_review_to_merge (invalid)",
        ),
    ] {
        let row = format!(
            r#"{{"day":"2026-11-20","repo_name":"rocket","pull_requests":{{"total_created":5}},{field}}}"#
        );
        let mapped = mapped(Span::Latest, &["repositories"], &[("repos-1-day", &row)]).unwrap();
        let created = mapped.samples("github_copilot_repository_pull_requests_created");
        assert!(created.len() == 1 && created[0].ends_with(" 5"), "{field}");
        assert!(mapped.unmapped().contains(&&*format!("{problem} 1")), "{:?}", mapped.unmapped());
    }
}

#[test]
fn the_order_of_rows_does_not_matter() {
    let rows = [3, 4].map(|created| {
        format!(
            r#"{{"day":"2026-11-20","repo_name":"rocket","pull_requests":{{"total_created":{created}}},
                "pull_request_review_times":[{{"authored_by":"copilot","total_merged":{created}}},
                {{"authored_by":"copilot","total_merged":1}}]}}"#
        )
    });
    for body in [rows.join("\n"), format!("{} {}", rows[1], rows[0])] {
        let mapped = mapped(Span::Latest, &["repositories"], &[("repos-1-day", &body)]).unwrap();
        for family in ["pull_requests_created", "pull_requests_merged_by_reviewer"] {
            let found = mapped.samples(&format!("github_copilot_repository_{family}"));
            assert!(found.len() == 1 && found[0].ends_with(" 4"), "{found:?}");
        }
        assert_eq!(
            mapped.unmapped(),
            ["pull_request_review_times (conflict) 2", "repo_name (conflict) 1"]
        );
    }
}
