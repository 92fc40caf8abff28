//! Days of the closed API.

use crate::contract::Span;
use crate::testing::{Mapped, mapped};

fn legacy(body: &str) -> Mapped {
    mapped(Span::Latest, &[], &[("legacy", body)]).unwrap()
}

#[test]
fn a_value_in_the_closed_api_costs_only_itself() {
    let body = r#"[{"date":"2026-11-20","total_active_users":"9","total_engaged_users":4,
        "copilot_ide_chat":7,"copilot_ide_code_completions":{"editors":[{"name":"vim","models":
        [{"is_custom_model":0,"languages":[{"name":"rust","total_code_suggestions":3}]}]}]}}]"#;
    let mapped = legacy(body);
    assert_eq!(
        mapped.unmapped(),
        [
            "copilot_ide_chat (invalid) 1",
            "copilot_ide_code_completions.editors.models.is_custom_model (invalid) 1",
            "total_active_users (invalid) 1"
        ]
    );
    assert!(mapped.samples("total_engaged_users")[0].ends_with(" 4"));
    assert!(mapped.samples("total_code_suggestions")[0].ends_with(" 3"));
}

#[test]
fn nothing_in_a_day_of_the_closed_api_is_dropped() {
    let users = r#""total_engaged_users":3"#;
    let model = |field: &str| {
        format!(
            r#""models":[{{"name":"default","is_custom_model":false,"custom_model_training_date":null,{users},{field}}}]"#
        )
    };
    let completions = format!(
        r#""languages":[{{"name":"rust",{users}}}],"editors":[{{"name":"vim",{users},{}}}]"#,
        model(&format!(
            r#""languages":[{{"name":"rust",{users},"total_code_suggestions":1,"total_code_acceptances":1,"total_code_lines_suggested":1,"total_code_lines_accepted":1}}]"#
        ))
    );
    let chat =
        model(r#""total_chats":1,"total_chat_insertion_events":1,"total_chat_copy_events":1"#);
    let chat = format!(r#""editors":[{{"name":"vim",{users},{chat}}}]"#);
    let pulls = model(r#""total_pr_summaries_created":1"#);
    let pulls = format!(r#""repositories":[{{"name":"acme/rocket",{users},{pulls}}}]"#);
    let day = format!(
        r#"[{{"date":"2026-11-20","total_active_users":4,{users},"copilot_ide_code_completions":{{{users},{completions}}},
            "copilot_ide_chat":{{{users},{chat}}},"copilot_dotcom_chat":{{{users},{}}},
            "copilot_dotcom_pull_requests":{{{users},{pulls}}}}}]"#,
        model(r#""total_chats":2"#)
    );
    let mapped = legacy(&day);
    // No family has a label for the model, and users cannot be summed over models.
    assert_eq!(
        mapped.unmapped(),
        [
            "copilot_dotcom_chat.models.total_engaged_users 1",
            "copilot_dotcom_pull_requests.repositories.models.total_engaged_users 1",
            "copilot_dotcom_pull_requests.repositories.total_engaged_users 1",
            "copilot_ide_chat.editors.models.total_engaged_users 1",
            "copilot_ide_code_completions.editors.models.languages.total_engaged_users 1",
            "copilot_ide_code_completions.editors.models.total_engaged_users 1",
        ]
    );
    for (family, series) in [
        ("total_engaged_users", 8),
        ("is_custom_model", 4),
        ("total_chats", 2),
        ("total_chat_copy_events", 1),
        ("total_chat_insertion_events", 1),
        ("total_code_suggestions", 1),
        ("total_code_acceptances", 1),
        ("total_code_lines_suggested", 1),
        ("total_code_lines_accepted", 1),
        ("github_copilot_legacy_pull_request_summaries", 1),
    ] {
        assert_eq!(mapped.samples(family).len(), series, "{family}");
    }
}

#[test]
fn a_day_of_the_closed_api_with_only_a_date_is_counted() {
    for parts in ["", r#","copilot_ide_chat":null"#, r#","copilot_ide_chat":{}"#] {
        let mapped = legacy(&format!(r#"[{{"date":"2026-11-20"{parts}}}]"#));
        assert_eq!(mapped.unmapped(), ["total_active_users (missing) 1"]);
        assert_eq!(mapped.samples("github_copilot_legacy_report_day_timestamp_seconds").len(), 1);
    }
}
