//! Rows of the users report.

use serde_json::{Value, json};

use super::activity::{put_activity, ratio, tool};
use super::calendar::date;
use super::names::ENTERPRISE_ID;
use super::people::{Cell, Person, PersonDay};

/// The row of a user on a day.
pub fn user_row(person: &Person, done: &PersonDay, day: i64, organization: Option<&str>) -> Value {
    let cells: Vec<&Cell> = done.cells.iter().collect();
    let interactions: u64 = cells.iter().map(|cell| cell.m7[0]).sum();
    let mut row = json!({
        "user_id": person.id, "user_login": person.login, "day": date(day), "enterprise_id": ENTERPRISE_ID,
        "used_agent": done.used("agent"), "used_chat": done.used("chat_"), "used_cli": done.used("copilot_cli"),
        "used_copilot_app": done.used("copilot_app"), "used_copilot_cloud_agent": done.cloud_agent,
        "used_copilot_coding_agent": done.cloud_agent, "used_copilot_code_review_active": done.review_active,
        "used_copilot_code_review_passive": done.review_passive, "ai_adoption_phase": {
            "phase_number": person.phase, "phase": format!("Phase {}", person.phase), "version": "v1"},
        "ai_credits_used": ratio(interactions * 17, 100),
    });
    put_activity(&mut row, &cells);
    if done.used("copilot_cli") {
        row["totals_by_cli"] = tool(&cells, "copilot_cli");
    }
    if let Some(id) = organization {
        row["organization_id"] = json!(id);
    }
    row
}
