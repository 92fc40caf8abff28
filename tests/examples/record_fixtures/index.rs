//! The index of the recordings.

use serde_json::{Value, json};

use super::calendar::{NEWEST, WEEKEND, date};

/// The integers in reports that are not counts, so that days with less activity have the same: identifiers,
/// and the numbers of different skills and the like, of which a report lists the most used ones.
const FIXED: [&str; 9] = [
    "user_id",
    "team_id",
    "repo_id",
    "phase_number",
    "distinct_skill_use_count",
    "distinct_custom_agent_use_count",
    "distinct_mcp_use_count",
    "distinct_slash_cmd_use_count",
    "distinct_plugin_use_count",
];

/// The index: the path of GitHub's API that each recording is the response of.
pub fn index() -> Value {
    let target = |scope: &str, login: &str, recordings: Value| {
        let mut target = json!({"scope": scope, "login": login, "recordings": recordings});
        let root = if scope == "enterprise" { "enterprises" } else { "orgs" };
        for recording in target["recordings"].as_array_mut().into_iter().flatten() {
            let path = recording["path"].as_str().unwrap_or_default();
            recording["path"] = json!(match path.strip_prefix("settings/") {
                // GitHub's billing API has another name for organizations.
                Some(path) => format!("/{}/{login}/settings/{path}", billing_root(scope)),
                None => format!("/{root}/{login}/copilot/{path}"),
            });
            for files in ["/files", "/weekend/files"] {
                let files = recording.pointer_mut(files).and_then(Value::as_array_mut);
                for file in files.into_iter().flatten() {
                    *file = json!(format!("{login}/{}", file.as_str().unwrap_or_default()));
                }
            }
        }
        target
    };
    let reports = |aggregate: &str, users: &[&str]| {
        let whole = format!("{aggregate}-28-day.json");
        let path = |report: &str| format!("metrics/reports/{report}");
        vec![
            json!({"path": path(&format!("{aggregate}-28-day/latest")), "kind": "report-28-day", "array": "day_totals",
                "day": "day", "files": [whole]}),
            // The report of a day is a row of the report of 28 days.
            json!({"path": path(&format!("{aggregate}-1-day?day={{day}}")), "kind": "report-day", "array": "day_totals",
                "day": "day", "files": [whole]}),
            json!({"path": path("users-1-day?day={day}"), "kind": "report-day", "member": "user_login", "files": users,
                "weekend": {"day": date(WEEKEND), "files": ["users-1-day.weekend.ndjson"]}}),
            json!({"path": path("user-teams-1-day?day={day}"), "kind": "report-day", "member": "user_login",
                "files": ["user-teams-1-day.ndjson"]}),
            json!({"path": path("repos-1-day?day={day}"), "kind": "report-day", "member": "repo_name",
                "files": ["repos-1-day.ndjson"]}),
        ]
    };
    let billing = json!({"path": "billing", "kind": "plain", "files": ["billing.json"]});
    let seats = json!({"path": "billing/seats", "kind": "paged", "array": "seats", "files": ["seats.json"]});
    let legacy =
        json!({"path": "metrics", "kind": "paged", "day": "date", "files": ["legacy.json"]});
    let usage = |path: &str, file: &str| {
        let path = format!("settings/billing/ai_credit/usage?year={{year}}&month={{month}}{path}");
        json!({"path": path, "kind": "usage", "files": [file]})
    };
    // A request is for the first recording whose parameters it has.
    let of_day = usage("&day={day-of-month}", "ai-credit-usage.json");
    let of_month = usage("", "ai-credit-usage.json");
    let budgets = json!({"path": "settings/billing/budgets", "kind": "budgets", "array": "budgets",
        "files": ["budgets.json", "ai-credit-usage.json"]});
    let mut octodemo = reports("organization", &["users-1-day.1.ndjson", "users-1-day.2.ndjson"]);
    octodemo.extend([billing.clone(), seats.clone()]);
    octodemo.extend([of_day.clone(), of_month.clone(), budgets.clone()]);
    let mut enterprise = reports("enterprise", &["users-1-day.ndjson"]);
    enterprise.extend([
        seats.clone(),
        usage("&cost_center_id=none", "ai-credit-usage.unassigned.json"),
        of_day,
        of_month,
        json!({"path": "settings/billing/usage?year={year}&month={month}", "kind": "usage-by-organization",
            "files": ["organizations.json", "ai-credit-usage.json"]}),
        budgets,
        json!({"path": "settings/billing/cost-centers", "kind": "plain", "files": ["cost-centers.json"]}),
    ]);
    json!({"newest_day": date(NEWEST), "fixed": FIXED, "targets": [
        target("organization", "octodemo", octodemo.into()),
        target("organization", "octo-legacy", json!([legacy, billing, seats])),
        target("enterprise", "octo-enterprise", enterprise.into()),
    ]})
}

/// The first part of the paths of GitHub's billing API.
fn billing_root(scope: &str) -> &'static str {
    if scope == "enterprise" { "enterprises" } else { "organizations" }
}
