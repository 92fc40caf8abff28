//! The expected values are calculated independently of the mapping: from untyped JSON, or by hand if the
//! recording is small.

use copilot_metrics_tests::command::printed;
use copilot_metrics_tests::exposition::Exposition;
use copilot_metrics_tests::fixtures::{
    OCTO_LEGACY, OCTODEMO, Recorded, SMALL, SMALL_LEGACY, path, read,
};
use serde_json::Value;

fn mapped(recorded: &Recorded) -> Exposition {
    Exposition::parse(&printed(recorded.map_arguments()))
}

fn rows(file: &str) -> Vec<Value> {
    let text = String::from_utf8(read(file)).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or(0.0)
}

#[test]
fn totals_are_from_the_newest_day() {
    let exposition = mapped(&OCTODEMO);
    let row = &rows("demo/octodemo/organization-1-day.ndjson")[0];
    for (family, field) in [
        ("interactions", "user_initiated_interaction_count"),
        ("code_generations", "code_generation_activity_count"),
        ("code_acceptances", "code_acceptance_activity_count"),
        ("lines_suggested_to_add", "loc_suggested_to_add_sum"),
        ("lines_suggested_to_delete", "loc_suggested_to_delete_sum"),
        ("lines_added", "loc_added_sum"),
        ("lines_deleted", "loc_deleted_sum"),
    ] {
        let series = format!("github_copilot_{family}{{org=\"octodemo\",scope=\"organization\"}}");
        assert_eq!(exposition.value(&series), number(&row[field]), "{field}");
    }
    let series = "github_copilot_active_users{org=\"octodemo\",scope=\"organization\",window=\"day\",surface=\"any\"}";
    assert_eq!(exposition.value(series), number(&row["daily_active_users"]));
}

#[test]
fn a_breakdown_has_its_own_family_whose_sum_counts_nothing_twice() {
    let exposition = mapped(&OCTODEMO);
    let row = &rows("demo/octodemo/organization-1-day.ndjson")[0];
    for (family, array) in [
        ("ide", "totals_by_ide"),
        ("feature", "totals_by_feature"),
        ("model_feature", "totals_by_model_feature"),
        ("language_feature", "totals_by_language_feature"),
        ("language_model", "totals_by_language_model"),
    ] {
        let elements = row[array].as_array().unwrap();
        let wanted: f64 =
            elements.iter().map(|e| number(&e["code_generation_activity_count"])).sum();
        let family = format!("github_copilot_{family}_code_generations");
        assert!(wanted > 0.0);
        assert_eq!(exposition.sum(&family, ""), wanted, "{family}");
    }
}

#[test]
fn a_teams_activity_is_that_of_its_members_on_the_same_day() {
    let exposition = mapped(&OCTODEMO);
    let mut users = rows("demo/octodemo/users-1-day.1.ndjson");
    users.extend(rows("demo/octodemo/users-1-day.2.ndjson"));
    for slug in ["platform", "payments", "infra"] {
        let members: Vec<Value> = rows("demo/octodemo/user-teams-1-day.ndjson")
            .into_iter()
            .filter(|row| row["slug"] == slug)
            .map(|row| row["user_id"].clone())
            .collect();
        let label = format!("team=\"{slug}\"");
        assert_eq!(exposition.sum("github_copilot_team_members", &label), members.len() as f64);
        let theirs = users.iter().filter(|user| members.contains(&user["user_id"]));
        let wanted: f64 = theirs.map(|user| number(&user["loc_added_sum"])).sum();
        assert!(wanted > 0.0);
        assert_eq!(exposition.sum("github_copilot_team_lines_added", &label), wanted);
    }
}

#[test]
fn users_are_counted_once_in_seats_by_the_age_of_their_activity() {
    let exposition = mapped(&SMALL);
    let value = |series: &str| exposition.value(&format!("github_copilot_{series}"));
    // ada, bob (two grants), cyd, dee, eve, fay, and a seat without a user.
    assert_eq!(value("seats{org=\"acme\",scope=\"organization\"}"), 7.0);
    // Fetched at 2026-11-22T06:00Z. ada 14 h ago, bob 4 days (the later of his two), dee 21 days,
    // eve 82 days, fay 174 days, cyd and the seat without a user never.
    for age in ["1d", "7d", "30d", "90d", "over_90d"] {
        let label = format!("activity_age=\"{age}\"");
        assert_eq!(exposition.sum("github_copilot_seats_by_activity_age", &label), 1.0, "{age}");
    }
    assert_eq!(exposition.sum("github_copilot_seats_by_activity_age", "\"never\""), 2.0);
    // dee alone has the plan Enterprise. Of the others, eve, fay, cyd and the seat without a user are idle.
    let idle = |plan: &str| {
        let ages = ["90d", "over_90d", "never"];
        let labels = ages.map(|age| format!("plan=\"{plan}\",activity_age=\"{age}\""));
        let of_age =
            |label: &String| exposition.sum("github_copilot_seats_by_plan_and_activity_age", label);
        labels.iter().map(of_age).sum::<f64>()
    };
    assert_eq!((idle("business"), idle("enterprise")), (4.0, 0.0));
    // bob is in two teams; only cyd loses every seat.
    assert_eq!(exposition.sum("github_copilot_seats_by_team", "platform"), 2.0);
    assert_eq!(exposition.sum("github_copilot_seats_by_team", "data"), 1.0);
    assert_eq!(exposition.sum("github_copilot_seats_pending_cancellation", ""), 1.0);
    assert_eq!(exposition.sum("github_copilot_seats_by_editor", "JetBrains"), 1.0);
}

#[test]
fn a_user_who_appears_in_two_report_files_counts_once() {
    let exposition = mapped(&SMALL);
    // ada 1, bob 2 (in both files), cyd nothing, dee 4: interactions of the platform team are ada's and bob's.
    assert_eq!(exposition.sum("github_copilot_users_reported", ""), 4.0);
    assert_eq!(exposition.sum("github_copilot_users_active", ""), 3.0);
    assert_eq!(exposition.sum("github_copilot_team_interactions", "team=\"platform\""), 3.0);
    assert_eq!(exposition.sum("github_copilot_ai_credits_used", ""), 2.75);
}

#[test]
fn a_new_field_of_active_users_is_exported_without_a_code_change() {
    let series = "github_copilot_active_users{org=\"acme\",scope=\"organization\",window=\"week\",surface=\"time_machine\"}";
    assert_eq!(mapped(&SMALL).value(series), 18.0);
}

#[test]
fn minutes_are_converted_to_seconds() {
    let series = "github_copilot_pull_request_time_to_merge_median_seconds{org=\"acme\",scope=\"organization\"}";
    assert_eq!(mapped(&SMALL).value(series), 12.5 * 60.0);
}

#[test]
fn the_original_gauges_are_summed_over_models_except_for_users() {
    let exposition = mapped(&SMALL_LEGACY);
    let value = |family: &str, editor: &str, language: &str, stream: &str| {
        exposition.value(&format!(
            "{family}{{editor=\"{editor}\",language=\"{language}\",stream=\"{stream}\",org=\"acme\"}}"
        ))
    };
    let completions = "copilot_ide_code_completions";
    // The newest of three unsorted days is the one with 20 active users.
    assert_eq!(value("total_active_users", "", "", ""), 20.0);
    assert_eq!(value("total_engaged_users", "", "", ""), 15.0);
    // Rust in vscode: 100 with one model, 11 with another, and 1 in a second element for vscode.
    assert_eq!(value("total_code_suggestions", "vscode", "rust", completions), 112.0);
    assert_eq!(value("total_code_acceptances", "vscode", "rust", completions), 48.0);
    assert_eq!(value("total_code_lines_suggested", "vscode", "rust", completions), 314.0);
    assert_eq!(value("total_code_lines_accepted", "vscode", "rust", completions), 96.0);
    // The users of an editor are its own number, not the sum 8 + 3 of its models.
    assert_eq!(value("total_engaged_users", "vscode", "", completions), 10.0);
    assert_eq!(value("total_engaged_users", "", "rust", completions), 9.0);
    assert_eq!(value("is_custom_model", "vscode", "", completions), 1.0);
    assert_eq!(value("is_custom_model", "JetBrains", "", completions), 0.0);
    assert_eq!(value("total_chats", "vscode", "", "copilot_ide_chat"), 53.0);
    assert_eq!(value("total_chats", "", "", "copilot_dotcom_chat"), 30.0);
    assert_eq!(value("total_chat_copy_events", "vscode", "", "copilot_ide_chat"), 18.0);
    assert_eq!(value("total_chat_insertion_events", "vscode", "", "copilot_ide_chat"), 13.0);
}

#[test]
fn the_sums_of_the_original_gauges_equal_the_totals_of_the_closed_api() {
    fn sum(value: &Value, field: &str) -> f64 {
        match value {
            Value::Array(items) => items.iter().map(|item| sum(item, field)).sum(),
            Value::Object(fields) => fields
                .iter()
                .map(|(name, value)| if name == field { number(value) } else { sum(value, field) })
                .sum(),
            _ => 0.0,
        }
    }
    let exposition = mapped(&OCTO_LEGACY);
    let days: Vec<Value> = serde_json::from_slice(&read("demo/octo-legacy/legacy.json")).unwrap();
    let newest = days.iter().max_by_key(|day| day["date"].as_str().unwrap().to_owned()).unwrap();
    for family in [
        "total_code_suggestions",
        "total_code_acceptances",
        "total_code_lines_suggested",
        "total_code_lines_accepted",
        "total_chats",
        "total_chat_copy_events",
        "total_chat_insertion_events",
    ] {
        assert!(sum(newest, family) > 0.0);
        assert_eq!(exposition.sum(family, ""), sum(newest, family), "{family}");
    }
}

#[test]
fn reports_give_only_the_original_gauges_that_can_be_derived_exactly() {
    let exposition = mapped(&OCTODEMO);
    let row = &rows("demo/octodemo/organization-1-day.ndjson")[0];
    let rows = |array: &str| row[array].as_array().unwrap().clone();
    let completions: Vec<Value> = rows("totals_by_language_feature")
        .into_iter()
        .filter(|element| element["feature"] == "code_completion")
        .collect();
    for (family, field) in [
        ("total_code_suggestions", "code_generation_activity_count"),
        ("total_code_acceptances", "code_acceptance_activity_count"),
        ("total_code_lines_suggested", "loc_suggested_to_add_sum"),
        ("total_code_lines_accepted", "loc_added_sum"),
    ] {
        let wanted: f64 = completions.iter().map(|element| number(&element[field])).sum();
        assert_eq!(exposition.sum(family, ""), wanted, "{family}");
    }
    let chats = rows("totals_by_feature").into_iter().filter(|element| {
        element["feature"].as_str().is_some_and(|feature| feature.starts_with("chat_"))
    });
    let chats: f64 = chats.map(|e| number(&e["user_initiated_interaction_count"])).sum();
    assert_eq!(exposition.sum("total_chats", "copilot_ide_chat"), chats);
    assert_eq!(exposition.sum("total_active_users", ""), number(&row["daily_active_users"]));
    for family in [
        "total_engaged_users",
        "is_custom_model",
        "total_chat_copy_events",
        "total_chat_insertion_events",
    ] {
        assert_eq!(exposition.series(family).count(), 0, "{family} can't be derived");
    }
}

#[test]
fn the_original_gauges_come_from_the_newer_of_the_closed_api_and_a_report() {
    let file = |name: &str| format!("{name}={}", path(&format!("small/{name}")).display());
    let legacy = file("legacy.json").replacen("legacy.json", "legacy", 1);
    let report = file("organization-28-day.json").replacen(".json", "", 1);
    // The report is about the 20th, and the newest day of the closed API is the 18th.
    let latest = Exposition::parse(&printed(["map", "--org", "acme", &legacy, &report]));
    assert_eq!(latest.sum("total_active_users", ""), 6.0);
    assert_eq!(latest.series("total_engaged_users").count(), 0);
    let history = ["map", "--org", "acme", "--span", "history", &legacy, &report];
    let days = Exposition::parse(&printed(history));
    // The 16th and 18th from the closed API, the 19th and 20th from the report.
    assert_eq!(days.series("total_active_users").count(), 4);
}
