//! Teams, and the users who are joined with them.

use crate::contract::{Error, Span};
use crate::testing::{Mapped, map, mapped, samples_of};

const MEMBER: &str = r#"{"day":"2026-11-19","user_id":1,"team_id":5,"slug":"core"}"#;
const TEAMS: (&str, &str) = ("user-teams-1-day", MEMBER);
const ACTIVE: &str = r#"{"day":"2026-11-19","user_id":1,"used_chat":true}"#;
const OLDER: &str = r#"{"day":"2026-11-18","user_id":3,"used_cli":true}"#;

fn teams(rows: &[&str]) -> Mapped {
    mapped(Span::Latest, &[], &[("user-teams-1-day", &rows.join("\n"))]).unwrap()
}

#[test]
fn teams_are_of_the_newest_day_that_both_reports_have() {
    let newer_team = r#"{"day":"2026-11-20","user_id":1,"team_id":6,"slug":"new"}"#;
    let day = |lines: &[String]| {
        samples_of(lines, "github_copilot_teams_report_day_timestamp_seconds")
            .into_iter()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let teams = [("user-teams-1-day", newer_team), TEAMS];
    let bodies = [teams[0], teams[1], ("users-1-day", OLDER), ("users-1-day", ACTIVE)];
    let lines = map(Span::Latest, &[], &bodies).unwrap();
    assert!(day(&lines)[0].ends_with(" 1795046400"), "{lines:?}");
    assert_eq!(samples_of(&lines, "github_copilot_team_members").len(), 1);
    assert_eq!(samples_of(&lines, "github_copilot_team_active_users").len(), 1);
    // Without a day in common, the members are of the newest day.
    let lines = map(Span::Latest, &[], &[teams[0], teams[1], ("users-1-day", OLDER)]).unwrap();
    assert!(day(&lines)[0].ends_with(" 1795132800"), "{lines:?}");
    assert!(samples_of(&lines, "github_copilot_team_active_users").is_empty());
    // Users do not depend on teams.
    assert_eq!(samples_of(&lines, "github_copilot_users_reported").len(), 1);
}

#[test]
fn a_value_in_a_membership_costs_only_itself() {
    let long = format!(r#""slug":"{}","team_id":5"#, "x".repeat(2000));
    for (fields, problem) in [
        (r#""slug":"core","team_id":-1"#, "team_id (invalid)"),
        (r#""slug":7,"team_id":5"#, "slug (invalid)"),
        (r#""slug":"a\nb","team_id":5"#, "slug (altered)"),
        (&*long, "slug (altered)"),
        (r#""slug":"core","organization_id":{}"#, "organization_id (invalid)"),
        (r#""slug":"core","team_id":5,"user_login":true"#, "user_login (invalid)"),
    ] {
        let row = format!(r#"{{"day":"2026-11-19","user_id":2,{fields}}}"#);
        let mapped = teams(&[&row]);
        assert_eq!(mapped.samples("github_copilot_team_members").len(), 1, "{fields}");
        assert_eq!(mapped.unmapped(), [format!("{problem} 1")]);
    }
}

#[test]
fn a_membership_without_a_team_costs_only_itself() {
    for (fields, problem) in [
        ("", "team_id (missing)"),
        (r#","slug":"""#, "team_id (missing)"),
        (r#","team_id":[]"#, "team_id (invalid)"),
    ] {
        let row = format!(r#"{{"day":"2026-11-19","user_id":2{fields}}}"#);
        let mapped = map(Span::Latest, &[], &[("user-teams-1-day", &row)]);
        let Err(Error::Malformed(malformed)) = mapped else { panic!("{mapped:?}") };
        assert_eq!(malformed.reason, format!("no row is usable: {problem}"));
        let mapped = teams(&[MEMBER, &row]);
        assert_eq!(mapped.samples("github_copilot_team_members").len(), 1);
        assert_eq!(mapped.unmapped(), [format!("{problem} 1")]);
    }
}

#[test]
fn teams_with_one_name_in_two_organizations_stay_apart() {
    let teams = [
        r#"{"day":"2026-11-19","user_id":1,"slug":"core","organization_id":8}"#,
        r#"{"day":"2026-11-19","user_id":1,"slug":"core","organization_id":9}"#,
        r#"{"day":"2026-11-19","user_id":1,"slug":"core","organization_id":9,"team_id":5}"#,
    ];
    let bodies = [("user-teams-1-day", &*teams.join("\n")), ("users-1-day", ACTIVE)];
    let mapped = mapped(Span::Latest, &[], &bodies).unwrap();
    for family in ["github_copilot_team_members", "github_copilot_team_active_users"] {
        assert_eq!(
            mapped.samples(family),
            ["5", "organization-8", "organization-9"]
                .map(|id| format!(r#"{family}{{team="core",team_id="{id}"}} 1"#))
        );
    }
}
