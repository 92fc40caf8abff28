//! 28-day reports, and days on which nothing happened.

use crate::contract::{Error, Span};
use crate::testing::{Mapped, mapped};

fn report(body: &str) -> Mapped {
    mapped(Span::Latest, &[], &[("organization-28-day", body)]).unwrap()
}

fn reason(document: &str, body: &str) -> String {
    match mapped(Span::Latest, &[], &[(document, body)]) {
        Err(Error::Malformed(malformed)) => malformed.reason,
        other => panic!("{other:?}"),
    }
}

const ROW: &str = r#"{"day":"2026-11-19","daily_active_users":2,"loc_added_sum":5}"#;

fn samples(mapped: &Mapped, family: &str) -> Vec<String> {
    let family = format!("github_copilot_{family}");
    mapped.samples(&family).into_iter().map(|line| line.replace(&family, "")).collect()
}

#[test]
fn an_array_of_reports_is_read_as_the_reports() {
    let wrapped = format!(r#"{{"report_end_day":"2026-11-19","day_totals":[{ROW}]}}"#);
    assert_eq!(report(&format!("[{wrapped}]")), report(&wrapped));
    let newer = wrapped.replace("-19", "-20");
    assert_eq!(report(&format!("[{wrapped},{newer}]")), report(&newer));
}

#[test]
fn a_phase_has_users_of_the_day_and_of_28_days() {
    let body = r#"{"day":"2026-11-20","totals_by_ai_adoption_phase":[
        {"phase_number":1,"total_engaged_users":2,"users_in_phase_28d":40},
        {"phase_number":2,"total_engaged_users":0,"users_in_phase_28d":0},
        {"phase_number":3,"total_engaged_users":1,"users_in_phase_28d":null}]}"#;
    let mapped = report(body);
    assert_eq!(
        samples(&mapped, "adoption_phase_users"),
        [r#"{phase="1"} 2"#, r#"{phase="2"} 0"#, r#"{phase="3"} 1"#]
    );
    assert_eq!(
        samples(&mapped, "adoption_phase_users_28d"),
        [r#"{phase="1"} 40"#, r#"{phase="2"} 0"#]
    );
}

#[test]
fn the_engagement_of_28_days_is_exported_if_it_was_measured() {
    let body = |engagement: &str| {
        format!(
            r#"{{"report_end_day":"2026-11-19","day_totals":[{ROW}],"etl_id":"x","day_partition":"x",
                "entity_id_partition":1,"copilot_feature_engagement":{engagement}}}"#
        )
    };
    let mapped = report(&body(
        r#"{"active_user_count":9,"totals_by_feature":[{"feature":"copilot_cli","engaged_user_count":4}]}"#,
    ));
    assert_eq!(samples(&mapped, "engaged_users_28d"), ["{} 9"]);
    assert_eq!(samples(&mapped, "feature_engaged_users_28d"), [r#"{feature="copilot_cli"} 4"#]);
    assert!(mapped.unmapped().is_empty());
    for nothing in ["null", r#"{"active_user_count":null,"totals_by_feature":[]}"#] {
        let mapped = report(&body(nothing));
        assert!(samples(&mapped, "engaged_users_28d").is_empty());
        assert!(samples(&mapped, "feature_engaged_users_28d").is_empty());
    }
}

#[test]
fn a_report_reaches_to_its_last_day_even_if_nothing_happened_on_it() {
    let mapped = report(&format!(r#"{{"report_end_day":"2026-11-20","day_totals":[{ROW}]}}"#));
    assert_eq!(samples(&mapped, "report_day_timestamp_seconds"), ["{} 1795132800"]);
    assert_eq!(samples(&mapped, "active_users"), [r#"{window="day",surface="any"} 0"#]);
    // Nothing else was measured on that day.
    assert!(samples(&mapped, "lines_added").is_empty());
    assert!(mapped.unmapped().is_empty());
}

#[test]
fn a_last_day_to_come_costs_only_itself() {
    for day in ["2027-01-01", "2019-12-31"] {
        let mapped = report(&format!(r#"{{"report_end_day":"{day}","day_totals":[{ROW}]}}"#));
        assert_eq!(samples(&mapped, "report_day_timestamp_seconds"), ["{} 1795046400"]);
        assert_eq!(samples(&mapped, "active_users"), [r#"{window="day",surface="any"} 2"#]);
        assert_eq!(mapped.unmapped(), ["report_end_day (invalid) 1"]);
    }
}

#[test]
fn an_empty_report_that_was_measured_has_no_users() {
    let empty =
        r#"{"report_start_day":"2026-10-24","report_end_day":"2026-11-20","day_totals":[]}"#;
    let envelope = r#"{"download_links":[],"report_end_day":"2026-11-20"}"#;
    for body in [empty, envelope] {
        let mapped = report(body);
        assert_eq!(samples(&mapped, "active_users"), [r#"{window="day",surface="any"} 0"#]);
        assert_eq!(samples(&mapped, "report_day_timestamp_seconds"), ["{} 1795132800"]);
    }
}

#[test]
fn a_report_that_says_nothing_about_any_day_is_malformed() {
    for body in [
        r#"{"day_totals":[]}"#,
        r#"{"day_totals":[],"report_end_day":"2026-11-31"}"#,
        r#"{"day_totals":null,"report_end_day":"2026-11-20"}"#,
        r#"{"day_totals":7,"report_end_day":"2026-11-20"}"#,
        r#"[{"day_totals":[]},{"day_totals":[]}]"#,
    ] {
        for document in ["organization-28-day", "organization-1-day"] {
            assert_eq!(reason(document, body), "the report says nothing about any day", "{body}");
        }
    }
    // That another document has days does not matter.
    let bodies = [("organization-28-day", ROW), ("organization-1-day", r#"{"day_totals":[]}"#)];
    assert!(mapped(Span::Latest, &[], &bodies).is_err());
}

#[test]
fn a_lost_row_is_not_a_day_without_activity() {
    for lost in [r#"{"day":"2026-11-2O","daily_active_users":9}"#, "null", "7"] {
        let body = format!(r#"{{"report_end_day":"2026-11-20","day_totals":[{ROW},{lost}]}}"#);
        let mapped = report(&body);
        assert_eq!(samples(&mapped, "active_users"), [r#"{window="day",surface="any"} 2"#]);
        assert_eq!(samples(&mapped, "report_day_timestamp_seconds"), ["{} 1795046400"]);
        assert_eq!(mapped.unmapped().len(), 1, "{lost}");
    }
}

#[test]
fn a_row_with_only_a_day_is_counted() {
    let mapped = report(&format!(r#"{{"day_totals":[{ROW},{{"day":"2026-11-20"}}]}}"#));
    assert_eq!(samples(&mapped, "report_day_timestamp_seconds"), ["{} 1795132800"]);
    assert!(samples(&mapped, "active_users").is_empty());
    assert_eq!(mapped.unmapped(), ["daily_active_users (missing) 1"]);
}

#[test]
fn days_that_are_null_cost_only_themselves() {
    let mapped = report(
        r#"{"report_end_day":"2026-11-20","day_totals":null,"copilot_feature_engagement":{"active_user_count":9}}"#,
    );
    assert_eq!(samples(&mapped, "engaged_users_28d"), ["{} 9"]);
    // That they are not there is not the same as no activity.
    assert!(samples(&mapped, "active_users").is_empty());
    assert_eq!(mapped.unmapped(), ["day_totals (invalid) 1"]);
}
