//! Seats of users with several grants, and lists that are not complete.

use crate::contract::{Document, Error, Scope, Span, Target};
use crate::run::Run;
use crate::testing::{FETCHED_AT, Mapped, map, mapped};

fn list(total: u32, seats: &[&str]) -> String {
    format!(r#"{{"total_seats":{total},"seats":[{}]}}"#, seats.join(","))
}

fn seats(body: &str) -> Mapped {
    mapped(Span::Latest, &[], &[("seats", body)]).unwrap()
}

fn reason(pages: &[&str]) -> String {
    let bodies: Vec<_> = pages.iter().map(|page| ("seats", *page)).collect();
    match map(Span::Latest, &[], &bodies) {
        Err(Error::Malformed(malformed)) => malformed.reason,
        other => panic!("{other:?}"),
    }
}

const ADA: &str = r#"{"created_at":"2026-01-01T00:00:00Z","assignee":{"id":1,"type":"User"}}"#;
const BOB: &str = r#"{"created_at":"2026-01-02T00:00:00Z","assignee":{"id":2,"type":"User"}}"#;
const CYD: &str = r#"{"created_at":"2026-01-02T00:00:00Z","assignee":{"id":3,"type":"User"}}"#;
const FREE: &str = r#"{"created_at":"2026-01-02T00:00:00Z","assignee":null}"#;

#[test]
fn the_grants_of_a_user_may_come_in_any_order() {
    let grants = [
        r#"{"assignee":{"id":1},"plan_type":null,"last_activity_at":"2026-11-20T00:00:00Z","last_activity_editor":""}"#,
        r#"{"assignee":{"id":1},"plan_type":"business","last_activity_at":"2026-11-20T00:00:00Z","last_activity_editor":"xcode/1"}"#,
        r#"{"assignee":{"id":1},"plan_type":"enterprise","last_activity_at":"2026-11-20T00:00:00Z","last_activity_editor":"vscode/1"}"#,
        r#"{"assignee":{"id":1},"plan_type":"other","last_activity_at":"2026-09-20T00:00:00Z","last_activity_editor":"vim"}"#,
    ];
    let expected = seats(&list(1, &grants));
    assert_eq!(
        expected.samples("github_copilot_seats_by_plan"),
        [r#"github_copilot_seats_by_plan{plan="enterprise"} 1"#]
    );
    assert_eq!(
        expected.samples("github_copilot_seats_by_editor"),
        [r#"github_copilot_seats_by_editor{editor="vscode"} 1"#]
    );
    for rotation in 1..4 {
        let mut rotated = grants;
        rotated.rotate_left(rotation);
        assert_eq!(seats(&list(1, &rotated)), expected);
        rotated.reverse();
        assert_eq!(seats(&list(1, &rotated)), expected);
    }
}

#[test]
fn a_known_plan_comes_before_an_unknown_one() {
    for grants in [["null", r#""business""#], [r#""business""#, "null"]] {
        let grants = grants.map(|plan| format!(r#"{{"assignee":{{"id":1}},"plan_type":{plan}}}"#));
        let mapped = seats(&list(1, &[&grants[0], &grants[1]]));
        assert_eq!(
            mapped.samples("github_copilot_seats_by_plan"),
            [r#"github_copilot_seats_by_plan{plan="business"} 1"#]
        );
    }
}

#[test]
fn a_list_that_is_shorter_than_its_total_is_malformed() {
    assert_eq!(reason(&[&list(250, &[ADA, BOB])]), "the list has 2 of 250 seats");
    assert_eq!(reason(&[&list(3, &[ADA, BOB]), &list(3, &[])]), "the list has 2 of 3 seats");
    assert_eq!(reason(&[&list(2, &[ADA, ADA])]), "the list has 1 of 2 seats");
    assert_eq!(reason(&[r#"{"total_seats":2,"seats":null}"#]), "the list has 0 of 2 seats");
    assert_eq!(reason(&[r#"{"seats":[]}"#]), "the list has neither seats nor their number");
}

#[test]
fn a_list_with_enough_seats_but_fewer_users_is_counted() {
    let again = ADA.replace("2026-01-01", "2026-02-01");
    let mapped = seats(&list(2, &[ADA, &again]));
    assert_eq!(mapped.samples("github_copilot_seats"), ["github_copilot_seats{} 1"]);
    assert_eq!(mapped.unmapped(), ["total_seats (conflict) 1"]);
}

#[test]
fn the_total_of_an_enterprise_counts_users() {
    let again = ADA.replace("2026-01-01", "2026-02-01");
    let map = |body: &str| {
        let target = Target { scope: Scope::Enterprise, name: "acme-inc".to_owned() };
        let mut run = Run::new(&target, Span::Latest, &[]);
        let document = Document {
            name: "seats".to_owned(),
            part: 0,
            fetched_at: FETCHED_AT,
            report_day: None,
        };
        run.feed(&document, body.as_bytes()).unwrap();
        run.finish()
    };
    assert!(map(&list(1, &[ADA, &again])).is_ok());
    let Err(Error::Malformed(malformed)) = map(&list(2, &[ADA, &again])) else { panic!() };
    assert_eq!(malformed.reason, "the list has 1 of 2 seats");
}

#[test]
fn a_complete_list_may_have_more_rows_and_change_while_it_is_read() {
    let complete = [
        vec![list(3, &[ADA, BOB]), list(3, &[FREE])],
        // A seat was added on the first page, another one was removed.
        vec![list(2, &[ADA, BOB]), list(3, &[BOB, CYD])],
        vec![list(4, &[ADA, BOB]), list(3, &[CYD])],
        vec![list(0, &[])],
    ];
    for pages in complete {
        let bodies: Vec<_> = pages.iter().map(|page| ("seats", page.as_str())).collect();
        map(Span::Latest, &[], &bodies).unwrap();
    }
}

#[test]
fn a_list_that_repeats_a_page_is_malformed() {
    let page = list(2, &[ADA, BOB]);
    assert_eq!(reason(&[&page, &page]), "the page repeats seats of the pages before it");
    // Seats that no one has taken look the same.
    let free = list(2, &[FREE]);
    map(Span::Latest, &[], &[("seats", &free), ("seats", &free)]).unwrap();
}

#[test]
fn what_is_not_a_seat_is_not_counted() {
    let error = r#"this is GitHub's error message: "Not Found""#;
    let foreign = r#"expected an object with an array "seats""#;
    for (body, expected) in [
        (r#"{"message":"Not Found"}"#, error),
        (r#"[{"message":"Not Found"}]"#, error),
        (r#"{"total_seats":1,"seats":[{"message":"Not Found"}]}"#, error),
        (r#"{"seats":[{}]}"#, "this is an empty object"),
        (r#"{"seats":[{"a_new_field":1}]}"#, "no row is usable: assignee (missing)"),
        (r#"[{"seat_breakdown":{"total":3}}]"#, "no row is usable: assignee (missing)"),
        (r#"{"seat_breakdown":{"total":3}}"#, foreign),
        (r#"{"total_seats":3}"#, foreign),
    ] {
        assert_eq!(reason(&[body]), expected, "{body}");
    }
    // A page that is not a list is malformed even if the others have all seats.
    let complete = list(2, &[ADA, BOB]);
    let empty = format!("this is an empty array: {foreign}");
    assert_eq!(reason(&[&complete, "[]"]), empty);
    assert_eq!(reason(&["[]", &complete]), empty);
}

#[test]
fn a_seat_that_is_not_usable_costs_only_itself() {
    let twice = r#"{"plan_type":"business","plan_type":"enterprise"}"#;
    for lost in ["null", "7", r#"{"a_new_field":1}"#, twice] {
        let mapped = seats(&list(2, &[ADA, lost]));
        assert_eq!(mapped.samples("github_copilot_seats"), ["github_copilot_seats{} 1"]);
        let reported = mapped.samples("github_copilot_seats_reported");
        assert_eq!(reported, ["github_copilot_seats_reported{} 2"]);
        assert!(!mapped.unmapped().is_empty(), "{lost}");
    }
    // What a page says about the list is not a seat.
    let twice = format!(r#"{{"total_seats":3,"total_seats":3,"seats":[{FREE}]}}"#);
    assert_eq!(reason(&[&list(3, &[ADA]), &twice]), "the list has 2 of 3 seats");
    // The list is still too short.
    assert_eq!(reason(&[&list(3, &[ADA, "null"])]), "the list has 2 of 3 seats");
}

#[test]
fn a_list_without_seats_is_not_a_failure_if_there_are_none() {
    let mapped = seats(r#"{"total_seats":0,"seats":null}"#);
    assert_eq!(mapped.samples("github_copilot_seats"), ["github_copilot_seats{} 0"]);
    assert_eq!(mapped.unmapped(), ["seats (invalid) 1"]);
}

#[test]
fn a_user_and_a_team_may_have_the_same_id() {
    let team = ADA.replace("User", "Team");
    assert_eq!(seats(&list(2, &[ADA, &team])).samples("github_copilot_seats").len(), 1);
}

#[test]
fn teams_with_one_name_in_two_organizations_stay_apart() {
    let seat = |user: u32, id: &str, organization: u32| {
        format!(
            r#"{{"assignee":{{"id":{user}}},"assigning_team":{{"slug":"core"{id}}},
                "organization":{{"id":{organization}}}}}"#
        )
    };
    let grants =
        [seat(1, r#","id":5"#, 8), seat(2, r#","id":6"#, 9), seat(3, "", 8), seat(4, "", 9)];
    let mapped = seats(&list(4, &grants.each_ref().map(String::as_str)));
    let teams = mapped.samples("github_copilot_seats_by_team");
    assert_eq!(
        teams,
        ["5", "6", "organization-8", "organization-9"]
            .map(|id| format!(r#"github_copilot_seats_by_team{{team="core",team_id="{id}"}} 1"#))
    );
}

#[test]
fn a_value_in_a_seat_costs_only_itself() {
    let long = format!(r#""plan_type":"{}""#, "x".repeat(2000));
    for (field, problem) in [
        (r#""plan_type":7"#, "plan_type (invalid)"),
        (&*long, "plan_type (altered)"),
        (r#""last_activity_editor":[]"#, "last_activity_editor (invalid)"),
        (r#""last_activity_editor":"vs\ud800code""#, "last_activity_editor (altered)"),
        (r#""last_activity_at":1795000000"#, "last_activity_at (invalid)"),
        (r#""last_activity_at":"2026-11-20""#, "last_activity_at (invalid)"),
        // A time to come.
        (r#""last_activity_at":"2026-12-24T00:00:00Z""#, "last_activity_at (invalid)"),
        (r#""pending_cancellation_date":true"#, "pending_cancellation_date (invalid)"),
        (r#""created_at":0"#, "created_at (invalid)"),
        (r#""assigning_team":"core""#, "assigning_team (invalid)"),
        (r#""assigning_team":{"id":-1,"slug":"core"}"#, "assigning_team.id (invalid)"),
        (r#""assigning_team":{"slug":"a\u0000b"}"#, "assigning_team.slug (altered)"),
        (r#""organization":[1]"#, "organization (invalid)"),
        (r#""assignee":"ada""#, "assignee (invalid)"),
        (r#""assignee":{"id":1.5,"login":"ada"}"#, "assignee.id (invalid)"),
    ] {
        let mapped = seats(&list(2, &[&format!("{{{field}}}"), BOB]));
        assert_eq!(mapped.samples("github_copilot_seats"), ["github_copilot_seats{} 2"], "{field}");
        assert_eq!(mapped.unmapped(), [format!("{problem} 1")]);
    }
    let mapped = seats(&format!(r#"{{"total_seats":"2","seats":[{ADA},{BOB}]}}"#));
    assert_eq!(mapped.samples("github_copilot_seats"), ["github_copilot_seats{} 2"]);
    assert!(mapped.samples("github_copilot_seats_reported").is_empty());
    assert_eq!(mapped.unmapped(), ["total_seats (invalid) 1"]);
}

#[test]
fn an_invalid_time_is_not_the_same_as_no_activity() {
    let grants = [
        r#"{"assignee":{"id":1},"last_activity_at":"2026-11-20"}"#,
        r#"{"assignee":{"id":2},"last_activity_at":null}"#,
    ];
    let mapped = seats(&list(2, &grants));
    let ages = mapped.samples("github_copilot_seats_by_activity_age");
    assert!(ages.contains(&r#"github_copilot_seats_by_activity_age{activity_age="never"} 1"#));
    assert!(ages.contains(&r#"github_copilot_seats_by_activity_age{activity_age="unknown"} 1"#));
    assert_eq!(mapped.unmapped(), ["last_activity_at (invalid) 1"]);
}

#[test]
fn idle_seats_of_each_plan_are_counted_apart() {
    let seat = |id: u32, plan: &str, day: &str| {
        format!(
            r#"{{"assignee":{{"id":{id}}},"plan_type":"{plan}","last_activity_at":"{day}T00:00:00Z"}}"#
        )
    };
    let grants = [
        seat(1, "business", "2026-11-20"),
        seat(2, "business", "2026-09-20"),
        seat(3, "enterprise", "2026-09-21"),
        r#"{"assignee":{"id":4},"plan_type":"enterprise"}"#.to_owned(),
    ];
    let mapped = seats(&list(4, &grants.each_ref().map(|grant| &**grant)));
    let idle: Vec<_> = mapped
        .samples("github_copilot_seats_by_plan_and_activity_age")
        .into_iter()
        .filter(|sample| !sample.ends_with(" 0"))
        .map(|sample| sample.replace("github_copilot_seats_by_plan_and_activity_age", ""))
        .collect();
    assert_eq!(
        idle,
        [
            r#"{plan="business",activity_age="7d"} 1"#,
            r#"{plan="business",activity_age="90d"} 1"#,
            r#"{plan="enterprise",activity_age="90d"} 1"#,
            r#"{plan="enterprise",activity_age="never"} 1"#,
        ]
    );
    // Each plan has every age.
    let all = mapped.samples("github_copilot_seats_by_plan_and_activity_age");
    assert_eq!(all.len(), 2 * 6);
}
