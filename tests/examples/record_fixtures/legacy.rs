//! Days of the closed API.

use serde_json::{Value, json};

use super::calendar::date;
use super::random::Rng;

/// A day of the closed API. Shares of people are rounded up, so that no person gets lost.
pub fn legacy_row(active: u64, day: i64) -> Value {
    let mut rng = Rng::new(6, active, day as u64);
    let of = |users: u64, percent: u64| (users * percent).div_ceil(100);
    let row = |completions: Value, chat: Value, dotcom: Value, pulls: Value| {
        json!({"date": date(day), "total_active_users": active, "total_engaged_users": completions["total_engaged_users"],
            "copilot_ide_code_completions": completions, "copilot_ide_chat": chat,
            "copilot_dotcom_chat": dotcom, "copilot_dotcom_pull_requests": pulls})
    };
    let engaged = of(active, 90);
    let languages = [("python", 60), ("typescript", 45), ("go", 30), ("java", 20), ("c", 9)];
    let mut language = |(name, percent), users| {
        let suggestions = rng.about(of(users, percent) as f64 * 21.0);
        let acceptances = rng.part(suggestions, 0.3);
        json!({"name": name, "total_engaged_users": of(users, percent), "total_code_suggestions": suggestions,
            "total_code_acceptances": acceptances, "total_code_lines_suggested": suggestions * 9 / 5,
            "total_code_lines_accepted": acceptances * 3 / 2})
    };
    let mut model = |name: &str, users: u64| {
        let custom = name == "acme-tuned";
        json!({"name": name, "is_custom_model": custom, "custom_model_training_date": custom.then_some("2026-08-31"),
            "total_engaged_users": users, "languages": languages.map(|one| language(one, users))})
    };
    let (vscode, jetbrains, neovim) = (of(engaged, 66), of(engaged, 33), of(engaged, 8));
    let completions = json!({
    "total_engaged_users": engaged,
    "languages": languages.map(|(name, part)| json!({"name": name, "total_engaged_users": of(engaged, part)})),
    "editors": [
        {"name": "vscode", "total_engaged_users": vscode,
            "models": [model("default", of(vscode, 80)), model("acme-tuned", of(vscode, 45))]},
        {"name": "JetBrains", "total_engaged_users": jetbrains, "models": [model("default", jetbrains)]},
        {"name": "Neovim", "total_engaged_users": neovim, "models": [model("default", neovim)]},
    ]});
    let mut chats = |name: &str, users: u64| {
        let chats = rng.about(users as f64 * 6.0);
        json!({"name": name, "is_custom_model": false, "custom_model_training_date": null, "total_engaged_users": users,
            "total_chats": chats, "total_chat_insertion_events": chats / 4, "total_chat_copy_events": chats / 6})
    };
    let mut editor = |name: &str, users: u64| {
        json!({"name": name, "total_engaged_users": users,
            "models": [chats("default", of(users, 75)), chats("claude-sonnet-4.6", of(users, 40))]})
    };
    let chat = json!({"total_engaged_users": of(engaged, 70),
        "editors": [editor("vscode", of(vscode, 70)), editor("JetBrains", of(jetbrains, 60))]});
    let plain = |users: u64, field: &str, count: u64| {
        json!([{"name": "default", "is_custom_model": false, "custom_model_training_date": null,
            "total_engaged_users": users, field: count}])
    };
    let (visitors, authors) = (of(engaged, 25), of(engaged, 20));
    let dotcom = json!({"total_engaged_users": visitors, "models": plain(visitors, "total_chats", visitors * 3)});
    let repository = |name: &str, users: u64| {
        json!({"name": name, "total_engaged_users": users,
            "models": plain(users, "total_pr_summaries_created", users * 2)})
    };
    let pulls = json!({"total_engaged_users": authors, "repositories":
        [repository("octo-legacy/ledger", authors), repository("octo-legacy/kiosk", of(authors, 40))]});
    row(completions, chat, dotcom, pulls)
}
