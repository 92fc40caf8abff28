//! The year before the recordings.

use super::*;

const ENTERPRISE_REPORTS: &str = "/enterprises/octo-enterprise/copilot/metrics/reports";
/// The oldest day that is as recorded.
const END: Date = date(2026, 10, 24);
/// The recorded breakdowns of a day, by a name for each part.
const BREAKDOWNS: [&str; 5] = [
    "totals_by_ide",
    "totals_by_feature",
    "totals_by_model_feature",
    "totals_by_language_feature",
    "totals_by_language_model",
];
/// The counts of each part.
const COUNTS: [&str; 7] = [
    "user_initiated_interaction_count",
    "code_generation_activity_count",
    "code_acceptance_activity_count",
    "loc_suggested_to_add_sum",
    "loc_suggested_to_delete_sum",
    "loc_added_sum",
    "loc_deleted_sum",
];

/// Whether a day is one of the three without a report.
pub(super) fn is_gap(day: Date) -> bool {
    (date(2026, 5, 25)..=date(2026, 5, 27)).contains(&day)
}

/// The rows of a report of one day.
fn rows(stand_in: &StandIn, reports: &str, name: &str, day: Date) -> Vec<Value> {
    let bodies = stand_in.bodies(&format!("{reports}/{name}?day={day}")).unwrap();
    let lines = bodies.iter().flat_map(|body| std::str::from_utf8(body).unwrap().lines());
    lines.map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The row of an organization.
fn totals(stand_in: &StandIn, day: Date) -> Value {
    rows(stand_in, REPORTS, "organization-1-day", day).remove(0)
}

fn count(row: &Value, name: &str) -> u64 {
    row[name].as_u64().unwrap_or_else(|| panic!("{name} is not a count: {}", row[name]))
}

/// The members of a report.
fn members(stand_in: &StandIn, reports: &str, name: &str, day: Date) -> Vec<String> {
    let rows = rows(stand_in, reports, name, day);
    rows.iter().map(|row| row["user_login"].as_str().unwrap().to_owned()).collect()
}

/// Every eleventh day of the year before the recordings, newest first, without the gap.
fn days_before(end: Date) -> impl Iterator<Item = Date> {
    (1..=290).step_by(11).map(move |age| end.saturating_sub(age.days())).filter(|day| !is_gap(*day))
}

#[test]
fn a_year_ago_there_were_fewer_users_and_lower_numbers() {
    let (stand_in, _) = stand_in();
    // Both are Thursdays that show the same recorded day.
    let (now, then) = (date(2027, 1, 28), date(2026, 1, 29));
    for name in ["daily_active_users", "monthly_active_users", "code_generation_activity_count"] {
        let count = |day| count(&totals(&stand_in, day), name);
        assert!(count(then) * 10 < count(now) * 7, "{name}: {} then", count(then));
        assert!(count(then) * 10 > count(now) * 3, "{name}: {} then", count(then));
    }
    for reports in [REPORTS, ENTERPRISE_REPORTS] {
        for name in ["users-1-day", "user-teams-1-day", "repos-1-day"] {
            let rows = |day| rows(&stand_in, reports, name, day).len();
            assert!((1..rows(now)).contains(&rows(then)), "{name}: {} then", rows(then));
        }
    }
}

#[test]
fn the_recorded_days_are_exactly_as_recorded() {
    let (stand_in, clock) = stand_in();
    // Back to the time of the recordings, so that no date moves.
    clock.advance_days(-69);
    assert_eq!(stand_in.newest_day(), date(2026, 11, 20));
    let recorded = |name: &str| {
        let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fixtures/demo/octodemo/");
        std::fs::read_to_string(format!("{directory}{name}")).unwrap()
    };
    let body = |path: &str| stand_in.bodies(&format!("{REPORTS}/{path}")).unwrap().concat();
    let whole = recorded("organization-28-day.json");
    assert!(body("organization-28-day/latest") == whole.as_bytes());
    let users = recorded("users-1-day.1.ndjson") + &recorded("users-1-day.2.ndjson");
    assert!(body("users-1-day?day=2026-11-20") == users.as_bytes());
    let teams = recorded("user-teams-1-day.ndjson");
    assert!(body("user-teams-1-day?day=2026-11-20") == teams.as_bytes());
    let whole: Value = serde_json::from_str(&whole).unwrap();
    for row in whole["day_totals"].as_array().unwrap() {
        let day = row["day"].as_str().unwrap().parse().unwrap();
        assert_eq!(totals(&stand_in, day), *row);
    }
}

#[test]
fn the_same_day_has_the_same_reports_on_every_later_date_and_in_every_stand_in() {
    let (first, clock) = stand_in();
    let days: Vec<_> = days_before(date(2027, 1, 29)).step_by(3).collect();
    let all = |stand_in: &StandIn| -> Vec<_> {
        let reports = days.iter().flat_map(|day| {
            ["organization-1-day", "users-1-day", "user-teams-1-day", "repos-1-day"]
                .map(|name| stand_in.bodies(&format!("{REPORTS}/{name}?day={day}")))
        });
        reports.collect()
    };
    let before = all(&first);
    assert!(before.iter().all(Option::is_some));
    clock.advance_days(90);
    assert!(all(&first) == before);
    let urls = BaseUrls { api: "http://api".to_owned(), files: "http://files".to_owned() };
    assert!(all(&StandIn::new(clock, urls).unwrap()) == before);
}

#[test]
fn numbers_of_every_day_are_consistent() {
    let (stand_in, _) = stand_in();
    for day in days_before(END) {
        for (reports, name) in
            [(REPORTS, "organization-1-day"), (ENTERPRISE_REPORTS, "enterprise-1-day")]
        {
            let row = rows(&stand_in, reports, name, day).remove(0);
            let [daily, weekly, monthly] =
                ["daily", "weekly", "monthly"].map(|w| count(&row, &format!("{w}_active_users")));
            assert!(daily <= weekly && weekly <= monthly && monthly > 0, "{day}");
            let [generated, accepted] = ["generation", "acceptance"]
                .map(|kind| count(&row, &format!("code_{kind}_activity_count")));
            assert!(accepted <= generated, "{day}");
            for (breakdown, name) in BREAKDOWNS.iter().flat_map(|b| COUNTS.map(|name| (*b, name))) {
                let parts = row[breakdown].as_array().unwrap().iter();
                let parts = parts.filter_map(|part| part.get(name)).map(|n| n.as_u64().unwrap());
                assert!(parts.sum::<u64>() <= count(&row, name), "{day}: {breakdown}, {name}");
            }
            let listed = row["totals_by_skill"].as_array().unwrap().len() as u64;
            assert!(listed <= count(&row, "distinct_skill_use_count"), "{day}");
        }
    }
}

#[test]
fn users_who_have_joined_stay_and_teams_follow_them() {
    let (stand_in, _) = stand_in();
    // Thursdays outside the summer and the holidays.
    let thursdays = [date(2026, 1, 29), date(2026, 4, 2), date(2026, 6, 11), date(2026, 9, 17)];
    for reports in [REPORTS, ENTERPRISE_REPORTS] {
        let mut before: Vec<String> = Vec::new();
        for day in thursdays {
            let users = members(&stand_in, reports, "users-1-day", day);
            assert!(before.iter().all(|user| users.contains(user)), "{day}");
            assert!(users.len() > before.len(), "{day}");
            let teams = members(&stand_in, reports, "user-teams-1-day", day);
            let all = members(&stand_in, reports, "users-1-day", stand_in.newest_day());
            let has_joined = |user: &String| users.contains(user) || !all.contains(user);
            assert!(!teams.is_empty() && teams.iter().all(has_joined), "{day}");
            before = users;
        }
    }
    // Who is in the organization is in the enterprise.
    let enterprise = members(&stand_in, ENTERPRISE_REPORTS, "users-1-day", thursdays[0]);
    let organization = members(&stand_in, REPORTS, "users-1-day", thursdays[0]);
    assert!(organization.iter().all(|user| enterprise.contains(user)));
}

#[test]
fn weekends_holidays_and_the_summer_are_quiet() {
    let (stand_in, _) = stand_in();
    let active = |day| count(&totals(&stand_in, day), "daily_active_users");
    for day in days_before(END) {
        assert_eq!(active(day) < 40, is_weekend(day), "{day}: {}", active(day));
    }
    // The tests above begin after the holidays: this stand-in begins before them.
    let start: Timestamp = "2026-11-22T12:00:00Z".parse().unwrap();
    let clock = TestClock(Arc::new(AtomicI64::new(start.as_second())));
    let urls = BaseUrls { api: "http://api".to_owned(), files: "http://files".to_owned() };
    let stand_in = StandIn::new(clock, urls).unwrap();
    let active = |day| count(&totals(&stand_in, day), "daily_active_users");
    assert!(active(date(2025, 12, 25)) < 20 && active(date(2025, 12, 18)) > 60);
    assert!(members(&stand_in, REPORTS, "users-1-day", date(2025, 12, 25)).len() < 25);
    // Mondays of the same recorded week, and more members had joined by August than by June.
    assert!(active(date(2026, 8, 3)) < active(date(2026, 6, 8)));
}

#[test]
fn a_gap_is_204_for_organizations_and_404_for_enterprises() {
    let (stand_in, clock) = stand_in();
    let status = |path: &str| get(&stand_in, path).status();
    for day in 25..=27 {
        for name in ["organization-1-day", "users-1-day", "user-teams-1-day", "repos-1-day"] {
            let path = format!("{REPORTS}/{name}?day=2026-05-{day}");
            assert_eq!(status(&path), StatusCode::NO_CONTENT);
            assert_eq!(stand_in.bodies(&path), None);
        }
        for name in ["enterprise-1-day", "users-1-day"] {
            let path = format!("{ENTERPRISE_REPORTS}/{name}?day=2026-05-{day}");
            assert_eq!(status(&path), StatusCode::NOT_FOUND);
        }
    }
    for day in ["2026-05-24", "2026-05-28"] {
        assert_eq!(status(&format!("{REPORTS}/users-1-day?day={day}")), StatusCode::OK);
    }
    // Older than a year, it is like every other day.
    clock.advance_days(300);
    assert_eq!(status(&format!("{REPORTS}/users-1-day?day=2026-05-26")), StatusCode::NOT_FOUND);
}

#[test]
fn a_revised_day_has_lower_numbers_while_it_is_two_days_old() {
    let (stand_in, clock) = stand_in();
    let mut newest = stand_in.newest_day();
    while !stand_in.is_revised(newest) {
        clock.advance_days(1);
        newest = stand_in.newest_day();
    }
    let day = newest;
    let preliminary = totals(&stand_in, day);
    let path = format!("{REPORTS}/users-1-day?day={day}");
    let preliminary_users = stand_in.bodies(&path);
    clock.advance_days(1);
    let last = totals(&stand_in, day);
    for name in COUNTS.iter().chain(&["daily_active_users"]) {
        let (before, after) = (count(&preliminary, name), count(&last, name));
        assert!(before < after && before * 20 > after * 19, "{name}: {before}, then {after}");
    }
    let users = stand_in.bodies(&path);
    assert!(users.is_some() && users != preliminary_users);
    clock.advance_days(200);
    assert_eq!(totals(&stand_in, day), last);
    assert!(stand_in.bodies(&path) == users);
}
