//! Rows of the aggregate reports.

use serde_json::{Value, json};

use super::activity::{put_activity, ratio, tool};
use super::calendar::{NEWEST, date, simulated};
use super::names::{ENTERPRISE_ID, EXTRAS, FEATURES};
use super::people::{Cell, Days, Person, PersonDay};
use super::random::Rng;

/// The row of a day of an organization or, without one, of the enterprise.
pub fn aggregate_row(
    people: &[Person],
    days: &Days,
    day: i64,
    organization: Option<&str>,
) -> Value {
    let at = simulated(day);
    let done = |person: &Person| days[at][person.index].as_ref();
    let active = people.iter().filter_map(|person| Some((person, done(person)?)));
    let active: Vec<(&Person, &PersonDay)> = active.collect();
    let cells: Vec<&Cell> = active.iter().flat_map(|(_, done)| &done.cells).collect();
    // The number of distinct people who did something in the window that ends with this day.
    let users = |window: usize, what: fn(&PersonDay) -> bool| {
        let window = &days[at + 1 - window..=at];
        let did = |p: &&Person| window.iter().any(|day| day[p.index].as_ref().is_some_and(what));
        json!(people.iter().filter(did).count())
    };
    // A person has at most one cell per feature and day.
    let in_vscode = |cell: &&&Cell| cell.ide == Some("vscode") && cell.feature == FEATURES[1].0;
    let messages = || cells.iter().filter(in_vscode).map(|cell| cell.m7[0]);
    let mut row = json!({
        "day": date(day), "enterprise_id": ENTERPRISE_ID,
        "monthly_active_chat_users": users(28, |done| done.used("chat_")),
        "monthly_active_agent_users": users(28, |done| done.used("agent")),
        "daily_active_cli_users": users(1, |done| done.used("copilot_cli")),
        "daily_active_copilot_app_users": users(1, |done| done.used("copilot_app")),
        "daily_active_vscode_agent_users": messages().count(),
        "totals_by_cli": tool(&cells, "copilot_cli"), "totals_by_copilot_app": tool(&cells, "copilot_app"),
        "totals_by_vscode_agent": {"session_count": messages().map(|count| count.div_ceil(5)).sum::<u64>(),
            "total_user_messages": messages().sum::<u64>()},
    });
    if let Some(id) = organization {
        row["organization_id"] = json!(id);
    }
    for (name, days) in [("daily", 1), ("weekly", 7), ("monthly", 28)] {
        let review = "copilot_code_review_users";
        row[format!("{name}_active_users")] = users(days, |_| true);
        row[format!("{name}_active_copilot_cloud_agent_users")] = users(days, |d| d.cloud_agent);
        row[format!("{name}_active_{review}")] = users(days, |d| d.review_active);
        row[format!("{name}_passive_{review}")] = users(days, |d| d.review_passive);
    }
    put_activity(&mut row, &cells);
    put_extras(&mut row, &cells);
    let pulls = pull_requests(active.len() as u64, day);
    let month = &days[at + 1 - 28..=at];
    let in_month = |p: &&Person| month.iter().any(|day| day[p.index].is_some());
    let phases = (0..4).map(|n| {
        let of_phase = people.iter().filter(|person| person.phase == n);
        phase(n, &active, of_phase.filter(in_month).count(), &pulls)
    });
    row["totals_by_ai_adoption_phase"] = phases.collect();
    row["pull_requests"] = pulls;
    row
}

/// How many people did something on at least two of the last 28 days: anything, or with a feature.
pub fn engagement(people: &[Person], days: &Days) -> Value {
    let month = &days[simulated(NEWEST - 27)..];
    let engaged = |did: &dyn Fn(&PersonDay) -> bool| {
        let times = |person: &Person| {
            month.iter().filter(|day| day[person.index].as_ref().is_some_and(did)).count()
        };
        people.iter().filter(|person| times(person) >= 2).count()
    };
    let by_feature = FEATURES.map(|(feature, ..)| {
        let did = |done: &PersonDay| done.cells.iter().any(|cell| cell.feature == feature);
        json!({"feature": feature, "engaged_user_count": engaged(&did)})
    });
    json!({"active_user_count": engaged(&|_| true), "totals_by_feature": by_feature})
}

/// Adds the five most used names of each kind, and how many different names were used.
fn put_extras(row: &mut Value, cells: &[&Cell]) {
    for (kind, names) in EXTRAS {
        let mut counts = [(0, 0, ""); 7];
        for cell in cells {
            let mut rng = Rng::new(3, kind.len() as u64, cell.m7.iter().sum());
            let at = rng.place(names.len());
            if rng.unit() < 0.15 {
                let (count, sessions, _) = counts[at];
                counts[at] = (count + 1 + rng.next() % 6, sessions + 1, names[at]);
            }
        }
        counts.sort_by(|a, b| b.cmp(a));
        let used = counts.iter().filter(|(count, ..)| *count > 0).count();
        let third_party = kind == "3rd_party_agent";
        let element = |&(count, sessions, name): &(u64, u64, &str)| match third_party {
            true => json!({"agent_name": name, "agent_id": format!("agent-{name}"),
                "user_initiated_interaction_count": count, "session_count": sessions}),
            false => json!({kind: name, "interaction_count": count}),
        };
        row[format!("totals_by_{kind}")] = counts[..used.min(5)].iter().map(element).collect();
        if !third_party {
            row[format!("distinct_{kind}_use_count")] = json!(used);
        }
    }
}

/// The pull requests of a day with this many active users.
pub fn pull_requests(active: u64, day: i64) -> Value {
    let mut rng = Rng::new(4, active, day as u64);
    let created = rng.part(active, 0.62);
    let (reviewed, merged) = (rng.part(created, 0.85), rng.part(created, 0.8));
    let (by_copilot, reviewed_by_copilot) = (rng.part(created, 0.14), rng.part(reviewed, 0.45));
    let merged_by_copilot = rng.part(by_copilot, 0.6).min(merged);
    let suggestions = reviewed * 3 + rng.part(reviewed, 0.7);
    let copilot = rng.part(suggestions, 0.6);
    let (security, bug_risk) = (rng.part(copilot, 0.15), rng.part(copilot, 0.4));
    let types = [("security", security), ("bug_risk", bug_risk)];
    let types = types.into_iter().chain([("performance", copilot - security - bug_risk)]);
    let types = types.map(|(name, count)| (name, count, rng.part(count, 0.35)));
    let types: Vec<(&str, u64, u64)> = types.collect();
    let applied: u64 = types.iter().map(|(_, _, applied)| applied).sum();
    // Nothing has no median.
    let mut minutes = |of: u64| (of > 0).then(|| rng.about(700.0) as f64 / 2.0);
    json!({
        "total_created": created, "total_reviewed": reviewed, "total_merged": merged,
        "median_minutes_to_merge": minutes(merged), "total_suggestions": suggestions,
        "total_applied_suggestions": applied + (suggestions - copilot) / 4,
        "total_created_by_copilot": by_copilot, "total_reviewed_by_copilot": reviewed_by_copilot,
        "total_merged_created_by_copilot": merged_by_copilot, "total_merged_reviewed_by_copilot": merged * 2 / 5,
        "median_minutes_to_merge_copilot_authored": minutes(merged_by_copilot),
        "median_minutes_to_merge_copilot_reviewed": minutes(merged * 2 / 5),
        "total_copilot_suggestions": copilot, "total_copilot_applied_suggestions": applied,
        "copilot_suggestions_by_comment_type": types.iter().map(|(name, count, applied)| json!({
            "comment_type": name, "total_copilot_suggestions": count,
            "total_copilot_applied_suggestions": applied})).collect::<Value>(),
    })
}

/// An adoption phase of a day, with this many users in it in 28 days.
fn phase(
    phase: u64,
    active: &[(&Person, &PersonDay)],
    in_month: usize,
    pull_requests: &Value,
) -> Value {
    let of_phase = || active.iter().filter(|(person, _)| person.phase == phase);
    let users = of_phase().count() as u64;
    let cells = || of_phase().flat_map(|(_, done)| &done.cells);
    let avg = |i: usize| ratio(cells().map(|cell| cell.m7[i]).sum(), users);
    // The share of a phase in the pull requests is its share in the people.
    let pulls = |field: &str| {
        pull_requests[field].as_u64().unwrap_or_default() * users / active.len().max(1) as u64
    };
    json!({
        "phase": format!("Phase {phase}"), "phase_number": phase, "total_engaged_users": users,
        "users_in_phase_28d": in_month,
        "avg_user_initiated_interactions": avg(0), "avg_code_generation_activities": avg(1),
        "avg_code_acceptance_activities": avg(2), "avg_loc_added": avg(5), "avg_loc_deleted": avg(6),
        "avg_pull_requests_created": ratio(pulls("total_created"), users),
        "avg_pull_requests_reviewed": ratio(pulls("total_reviewed"), users),
        "avg_pull_requests_merged": ratio(pulls("total_merged"), users),
        "avg_pull_requests_median_minutes_to_merge": 540.5 - 95.25 * phase as f64,
        "total_pull_requests_merged": pulls("total_merged"),
    })
}
