//! Users, and the teams that are joined with them.

use crate::contract::Span;
use crate::testing::{Mapped, map, mapped, samples_of};

const TEAMS: (&str, &str) =
    ("user-teams-1-day", r#"{"day":"2026-11-19","user_id":1,"team_id":5,"slug":"core"}"#);
const ACTIVE: &str = r#"{"day":"2026-11-19","user_id":1,"used_chat":true}"#;
const NEWER: &str = r#"{"day":"2026-11-20","user_id":2,"used_cli":true}"#;
const OLDER: &str = r#"{"day":"2026-11-18","user_id":3,"used_cli":true}"#;

fn users(options: &[&str], rows: &[&str]) -> Mapped {
    mapped(Span::Latest, options, &[("users-1-day", &rows.join("\n"))]).unwrap()
}

#[test]
fn users_are_of_the_newest_day_and_teams_are_joined_with_their_own() {
    for rows in [[OLDER, ACTIVE, NEWER], [NEWER, ACTIVE, OLDER]] {
        let bodies = [TEAMS].into_iter().chain(rows.map(|row| ("users-1-day", row)));
        let lines = map(Span::Latest, &[], &bodies.collect::<Vec<_>>()).unwrap();
        assert_eq!(
            samples_of(&lines, "github_copilot_users_using"),
            [r#"github_copilot_users_using{surface="cli"} 1"#]
        );
        assert_eq!(
            samples_of(&lines, "github_copilot_team_users_using"),
            [r#"github_copilot_team_users_using{team="core",team_id="5",surface="chat"} 1"#]
        );
    }
}

#[test]
fn the_order_of_the_rows_of_a_user_and_day_does_not_matter() {
    let rows = [
        r#"{"day":"2026-11-20","user_id":1,"loc_added_sum":10,"used_chat":true}"#,
        r#"{"day":"2026-11-20","user_id":"1","loc_added_sum":9,"used_agent":true}"#,
        r#"{"day":"2026-11-20","user_id":1,"loc_added_sum":9,"used_agent":true,"ai_credits_used":2}"#,
        r#"{"day":"2026-11-20","user_id":1,"loc_added_sum":10,"used_chat":true}"#,
    ];
    let expected = users(&["users"], &rows);
    assert_eq!(expected.samples("github_copilot_users_reported").len(), 1);
    let lines = expected.samples("github_copilot_user_lines_added");
    assert!(lines.len() == 1 && lines[0].ends_with(" 10"), "{lines:?}");
    for rotation in 1..4 {
        let mut rotated = rows;
        rotated.rotate_left(rotation);
        let found = users(&["users"], &rotated);
        assert_eq!(found.samples("github_copilot_user_lines_added"), lines);
        let using = "github_copilot_users_using";
        assert_eq!(found.samples(using), expected.samples(using));
        assert!(found.unmapped()[0].starts_with("user_id (conflict)"));
    }
    // Files of a report may overlap; that is not a contradiction.
    assert!(users(&[], &[rows[0], rows[3]]).unmapped().is_empty());
}

#[test]
fn what_copilot_did_unasked_is_not_activity() {
    let rows = [
        r#"{"day":"2026-11-19","user_id":1,"loc_added_sum":0,"used_chat":false,"used_copilot_code_review_passive":true}"#,
        r#"{"day":"2026-11-19","user_id":2,"used_copilot_code_review_passive":true,"used_chat":true}"#,
    ];
    let bodies = [TEAMS, ("users-1-day", rows[0]), ("users-1-day", rows[1])];
    let mapped = mapped(Span::Latest, &["users"], &bodies).unwrap();
    for (family, expected) in [
        ("users_reported", vec!["{} 2"]),
        ("users_active", vec!["{} 1"]),
        ("users_using", vec![r#"{surface="chat"} 1"#]),
        ("users_passive", vec![r#"{surface="copilot_code_review"} 2"#]),
        ("team_active_users", vec![r#"{team="core",team_id="5"} 0"#]),
        ("team_users_using", vec![]),
    ] {
        let family = format!("github_copilot_{family}");
        let expected: Vec<_> = expected.iter().map(|rest| format!("{family}{rest}")).collect();
        assert_eq!(mapped.samples(&family), expected);
    }
    assert_eq!(mapped.samples("github_copilot_user_passive").len(), 2);
}

#[test]
fn activity_is_anything_that_a_user_did() {
    for field in [
        r#""loc_added_sum":1"#,
        r#""ai_credits_used":0.5"#,
        r#""used_copilot_app":true"#,
        r#""totals_by_cli":{"session_count":1}"#,
        r#""totals_by_copilot_app":{"prompt_count":1}"#,
        r#""totals_by_vscode_agent":{"total_user_messages":1}"#,
        r#""totals_by_3rd_party_agent":[{"agent_id":1,"session_count":1}]"#,
    ] {
        for (value, active) in [(field.to_owned(), "1"), (field.replace(['1', '5'], "0"), "0")] {
            let value = value.replace("true", if active == "1" { "true" } else { "false" });
            let mapped = users(&[], &[&format!(r#"{{"day":"2026-11-20","user_id":1,{value}}}"#)]);
            let expected = format!("github_copilot_users_active{{}} {active}");
            assert_eq!(mapped.samples("github_copilot_users_active"), [expected], "{value}");
        }
    }
}

#[test]
fn one_value_under_an_old_and_a_new_name_counts_once() {
    let both = r#"{"day":"2026-11-20","user_id":1,"used_copilot_coding_agent":true,"used_copilot_cloud_agent":true}"#;
    let old = r#"{"day":"2026-11-20","user_id":2,"used_copilot_coding_agent":true}"#;
    assert_eq!(
        users(&[], &[both, old]).samples("github_copilot_users_using"),
        [r#"github_copilot_users_using{surface="copilot_cloud_agent"} 2"#]
    );
    let row = r#"{"day":"2026-11-20","daily_active_copilot_coding_agent_users":3,"daily_active_copilot_cloud_agent_users":3}"#;
    let lines = map(Span::Latest, &[], &[("organization-1-day", row)]).unwrap();
    assert_eq!(
        samples_of(&lines, "github_copilot_active_users"),
        [r#"github_copilot_active_users{window="day",surface="copilot_cloud_agent"} 3"#]
    );
}

#[test]
fn any_number_of_surfaces_is_counted() {
    let used: String = (0..200).map(|number| format!(r#","used_part_{number}":true"#)).collect();
    let mapped = users(&[], &[&format!(r#"{{"day":"2026-11-20","user_id":1{used}}}"#)]);
    assert_eq!(mapped.samples("github_copilot_users_using").len(), 200);
}

#[test]
fn families_with_a_user_label_need_the_option() {
    let row = r#"{"day":"2026-11-20","user_id":1,"user_login":"mona",
        "loc_added_sum":4,"totals_by_ide":[{"ide":"vscode","loc_added_sum":3}]}"#;
    let count = |options: &[&str]| {
        let lines = map(Span::Latest, options, &[("users-1-day", row)]).unwrap();
        lines.iter().filter(|line| line.contains("user=\"mona\"")).count()
    };
    assert_eq!(count(&[]), 0);
    assert_eq!(count(&["user-breakdowns"]), 0);
    assert_eq!(count(&["users"]), 1);
    assert_eq!(count(&["users", "user-breakdowns"]), 2);
}

#[test]
fn nothing_in_the_row_of_a_user_is_dropped() {
    let row = r#"{"day":"2026-11-20","user_id":1,"user_login":"mona","etl_id":"x","day_partition":"x","entity_id_partition":1,
        "totals_by_copilot_app":{"session_count":1,"token_usage":{"prompt_tokens_sum":5}},
        "totals_by_vscode_agent":{"session_count":2,"total_user_messages":3},
        "totals_by_3rd_party_agent":[{"agent_id":"10","agent_name":"Roadrunner","session_count":4}],
        "totals_by_skill":[{"skill":"other","interaction_count":5}],
        "totals_by_custom_agent":[{"custom_agent":"other","interaction_count":6}],
        "totals_by_mcp":[{"mcp":"other","interaction_count":7}],
        "totals_by_slash_cmd":[{"slash_cmd":"/plan","interaction_count":8}],
        "totals_by_plugin":[{"plugin":"other","interaction_count":9}],
        "distinct_mcp_use_count":2,"totals_by_cli":{"last_known_cli_version":{"cli_version":"1"}},
        "totals_by_ide":[{"ide":"vscode","last_known_ide_version":{"ide_version":"1","sampled_at":""}}],
        "a_new_field":1}"#;
    let totals = [
        ("app_sessions", "} 1"),
        ("app_prompt_tokens", "} 5"),
        ("vscode_agent_sessions", "} 2"),
        ("vscode_agent_messages", "} 3"),
        ("distinct_customizations_used", r#",kind="mcp"} 2"#),
    ];
    let breakdowns = [
        ("third_party_agent_sessions", r#",agent_id="10",agent="Roadrunner"} 4"#),
        ("skill_interactions", r#",skill="other"} 5"#),
        ("custom_agent_interactions", r#",custom_agent="other"} 6"#),
        ("mcp_interactions", r#",mcp="other"} 7"#),
        ("slash_cmd_interactions", r#",slash_cmd="/plan"} 8"#),
        ("plugin_interactions", r#",plugin="other"} 9"#),
    ];
    let all = users(&["users", "user-breakdowns"], &[row]);
    let only_totals = users(&["users"], &[row]);
    for (family, rest) in totals.iter().chain(&breakdowns) {
        let family = format!("github_copilot_user_{family}");
        let expected = format!(r#"{family}{{user="mona",user_id="1"{rest}"#);
        assert_eq!(all.samples(&family), [expected]);
        let is_total = totals.iter().any(|(total, _)| family.ends_with(total));
        assert_eq!(only_totals.samples(&family).len(), usize::from(is_total), "{family}");
    }
    assert_eq!(all.unmapped(), ["a_new_field 1"]);
}

#[test]
fn users_are_counted_by_the_versions_they_have() {
    let row = |user: u32, ide: &str, plugin: &str| {
        format!(
            r#"{{"day":"2026-11-20","user_id":{user},"totals_by_ide":[{{"ide":"vscode",
                "last_known_ide_version":{{"ide_version":"{ide}"}},
                "last_known_plugin_version":{{"plugin":"copilot-chat","plugin_version":"{plugin}"}}}}]}}"#
        )
    };
    let rows = [row(1, "1.99", "0.30"), row(2, "1.99", ""), row(3, "1.98", "0.31")];
    let mapped = users(&[], &rows.each_ref().map(String::as_str));
    assert_eq!(
        mapped.samples("github_copilot_users_by_ide_version"),
        [("1.98", 1), ("1.99", 2)].map(|(version, users)| format!(
            r#"github_copilot_users_by_ide_version{{ide="vscode",ide_version="{version}"}} {users}"#
        ))
    );
    assert_eq!(
        mapped.samples("github_copilot_users_by_plugin_version"),
        ["0.30", "0.31"].map(|version| format!(
            r#"github_copilot_users_by_plugin_version{{plugin="copilot-chat",plugin_version="{version}"}} 1"#
        ))
    );
}

#[test]
fn a_day_that_was_measured_without_users_has_none() {
    let nothing = r#"{"download_links":[],"report_day":"2026-11-21"}"#;
    let bodies =
        [TEAMS, ("user-teams-1-day", nothing), ("users-1-day", ACTIVE), ("users-1-day", nothing)];
    let mapped = mapped(Span::Latest, &[], &bodies).unwrap();
    for family in ["users_reported", "users_active"] {
        let family = format!("github_copilot_{family}");
        assert_eq!(mapped.samples(&family), [format!("{family}{{}} 0")]);
    }
    for document in ["users", "teams"] {
        let family = format!("github_copilot_{document}_report_day_timestamp_seconds");
        assert_eq!(mapped.samples(&family), [format!("{family}{{}} 1795219200")]);
    }
    assert!(mapped.samples("github_copilot_ai_credits_used").is_empty());
    assert!(mapped.samples("github_copilot_team_members").is_empty());
    assert!(mapped.unmapped().is_empty());
}
