//! The index of the recordings.

use serde_json::{Value, json};

use super::calendar::{NEWEST, date};

/// The index: the path of GitHub's API that each recording is the response of.
pub fn index() -> Value {
    let target = |scope: &str, login: &str, recordings: Value| {
        let mut target = json!({"scope": scope, "login": login, "recordings": recordings});
        let root = if scope == "enterprise" { "enterprises" } else { "orgs" };
        for recording in target["recordings"].as_array_mut().into_iter().flatten() {
            let path = recording["path"].as_str().unwrap_or_default();
            recording["path"] = json!(format!("/{root}/{login}/copilot/{path}"));
            for file in recording["files"].as_array_mut().into_iter().flatten() {
                *file = json!(format!("{login}/{}", file.as_str().unwrap_or_default()));
            }
        }
        target
    };
    let reports = |aggregate: &str, users: &[&str]| {
        let whole = format!("{aggregate}-28-day.json");
        let path = |report: &str| format!("metrics/reports/{report}");
        vec![
            json!({"path": path(&format!("{aggregate}-28-day/latest")), "kind": "report-28-day", "files": [whole]}),
            // The report of a day is a row of the report of 28 days.
            json!({"path": path(&format!("{aggregate}-1-day?day={{day}}")), "kind": "report-day", "array": "day_totals",
                "files": [whole]}),
            json!({"path": path("users-1-day?day={day}"), "kind": "report-day", "files": users}),
            json!({"path": path("user-teams-1-day?day={day}"), "kind": "report-day",
                "files": ["user-teams-1-day.ndjson"]}),
        ]
    };
    let billing = json!({"path": "billing", "kind": "plain", "files": ["billing.json"]});
    let seats = json!({"path": "billing/seats", "kind": "paged", "array": "seats", "files": ["seats.json"]});
    let legacy = json!({"path": "metrics", "kind": "paged", "files": ["legacy.json"]});
    let mut octodemo = reports("organization", &["users-1-day.1.ndjson", "users-1-day.2.ndjson"]);
    octodemo.extend([billing.clone(), seats.clone()]);
    let mut enterprise = reports("enterprise", &["users-1-day.ndjson"]);
    enterprise.push(seats.clone());
    json!({"newest_day": date(NEWEST), "targets": [
        target("organization", "octodemo", octodemo.into()),
        target("organization", "octo-legacy", json!([legacy, billing, seats])),
        target("enterprise", "octo-enterprise", enterprise.into()),
    ]})
}
