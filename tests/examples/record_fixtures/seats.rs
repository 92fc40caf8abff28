//! Seats, and the billing document that counts them.

use serde_json::{Value, json};

use super::calendar::{NEWEST, SIMULATED, date, simulated};
use super::names::{IDES, TEAMS};
use super::people::{DORMANT, Days, Person};
use super::random::Rng;

/// A seat, granted through a team or, without one, directly.
pub fn seat(person: &Person, days: &Days, team: Option<usize>, plan: &str) -> Value {
    let mut rng = Rng::new(5, person.index as u64, 0);
    let last = match days.iter().rposition(|day| day[person.index].is_some()) {
        // Seats are newer than reports: some people were also active on the day after.
        Some(at) if at == simulated(NEWEST) => Some(NEWEST + i64::from(rng.unit() < 0.15)),
        Some(at) => Some(NEWEST - SIMULATED + 1 + at as i64),
        None => (person.index.is_multiple_of(2)).then_some(NEWEST - 33 - (rng.next() % 50) as i64),
    };
    let mut clock = || format!("T{:02}:{:02}:00Z", 7 + rng.next() % 11, rng.next() % 60);
    let is_new = last.is_none() && person.index.is_multiple_of(3);
    let age = [90 + person.index as i64, 4][usize::from(is_new)];
    let editor = ["copilot_cli/1.0.35", IDES[person.ide].1][usize::from(!person.has_cli)];
    let leaves = DORMANT.contains(&person.index) && person.index.is_multiple_of(8);
    let mut seat = json!({
        "created_at": date(NEWEST - age) + &clock(), "pending_cancellation_date": leaves.then_some("2026-12-01"),
        "last_activity_at": last.map(|day| date(day) + &clock()), "last_activity_editor": last.map(|_| editor), "plan_type": plan,
        "assignee": {"login": person.login, "id": person.id, "node_id": format!("U_kgDO{:08X}", person.id),
            "avatar_url": format!("https://avatars.githubusercontent.com/u/{}?v=4", person.id),
            "type": "User", "site_admin": false},
    });
    if let Some((id, _, slug, _)) = team.map(|team| TEAMS[team]) {
        let name = slug[..1].to_uppercase() + &slug[1..];
        seat["assigning_team"] = json!({"id": id, "name": name, "slug": slug});
    }
    seat
}

/// The billing document for these seats.
pub fn billing(seats: &[Value], plan: &str) -> Value {
    let since = |field: &str, from: &str| {
        let since = |seat: &&Value| seat[field].as_str().is_some_and(|at| at >= from);
        seats.iter().filter(since).count()
    };
    let active = since("last_activity_at", "2026-11-01");
    json!({
        "seat_breakdown": {"total": seats.len(), "added_this_cycle": since("created_at", "2026-11-01"),
            "pending_cancellation": since("pending_cancellation_date", ""), "pending_invitation": 3,
            "active_this_cycle": active, "inactive_this_cycle": seats.len() - active},
        "seat_management_setting": "assign_selected", "public_code_suggestions": "block", "ide_chat": "enabled",
        "platform_chat": "enabled", "cli": "enabled", "plan_type": plan,
    })
}
