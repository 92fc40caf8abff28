use std::io::{self, BufReader};

use serde_json::{Value, json};

use super::*;
use crate::offline::anonymize::json::rewrite;

/// Anonymizes documents together, with the same seed every time.
fn anonymized(documents: &[&str]) -> Vec<String> {
    let mut anonymizer = Anonymizer::new(Some("seed")).unwrap();
    for document in documents {
        rewrite(BufReader::new(document.as_bytes()), io::sink(), &mut anonymizer).unwrap();
    }
    anonymizer.has_learned();
    let rewritten = documents.iter().map(|document| {
        let mut out = Vec::new();
        rewrite(BufReader::new(document.as_bytes()), &mut out, &mut anonymizer).unwrap();
        String::from_utf8(out).unwrap()
    });
    rewritten.collect()
}

fn one(document: &Value) -> Value {
    let text = anonymized(&[&document.to_string()]).remove(0);
    serde_json::from_str(&text).unwrap()
}

#[test]
fn names_and_ids_are_the_same_in_every_document_and_form() {
    let documents = anonymized(&[
        r#"{"assignee": {"login": "Ada-Lovelace", "id": 583231,
            "url": "https://api.github.com/users/ada-lovelace/repos{/repo_name}",
            "avatar_url": "https://avatars.githubusercontent.com/u/583231?v=4"}}"#,
        r#"{"user_login": "ada-lovelace", "user_id": "583231", "repo": "Ada-Lovelace/engine"}"#,
    ]);
    let seat: Value = serde_json::from_str(&documents[0]).unwrap();
    let user: Value = serde_json::from_str(&documents[1]).unwrap();
    let (login, id) = (user["user_login"].as_str().unwrap(), user["user_id"].as_str().unwrap());
    assert_eq!(seat["assignee"]["login"], login);
    assert_eq!(seat["assignee"]["id"].to_string(), id);
    assert_eq!(
        seat["assignee"]["url"],
        format!("https://api.github.com/users/{login}/repos{{/repo_name}}")
    );
    assert_eq!(
        seat["assignee"]["avatar_url"],
        format!("https://avatars.githubusercontent.com/u/{id}")
    );
    assert!(user["repo"].as_str().unwrap().starts_with(&format!("{login}/")));
    assert!(!documents.concat().to_lowercase().contains("lovelace"));
}

#[test]
fn counts_days_states_and_public_names_stay() {
    let row = json!({
        "day": "2026-11-20", "loc_added_sum": 583_231, "used_agent": true, "seats": [], "none": null,
        "pricePerUnit": 0.04, "amount": "12.50", "created_at": "2026-01-01T00:00:00Z",
        "plan_type": "business", "repo_visibility": "PRIVATE",
        "totals_by_ide": [{"ide": "vscode", "last_known_ide_version": {"ide_version": "1.106.0"}}],
        "totals_by_model_feature": [{"model": "gpt-5.3-codex", "feature": "agent_edit"}],
        "totals_by_language_model": [{"language": "typescript", "model": "others"}],
        "totals_by_plugin": [{"plugin": "other", "interaction_count": 3}],
    });
    assert_eq!(one(&row), row);
}

#[test]
fn what_a_customer_named_is_replaced() {
    let row = json!({
        "totals_by_model_feature": [{"model": "acme-tuned", "feature": "acme_feature"}],
        "totals_by_language_feature": [{"language": "acme-dsl"}],
        "totals_by_mcp": [{"mcp": "acme-github"}], "totals_by_skill": [{"skill": "acme-skill"}],
        "totals_by_slash_cmd": [{"slash_cmd": "/acme-deploy"}],
        "totals_by_custom_agent": [{"custom_agent": "acme-reviewer"}],
        "totals_by_plugin": [{"plugin": "acme-standards"}],
        "totals_by_3rd_party_agent": [{"agent_name": "Acmebot", "agent_id": "acmebot-1"}],
        "costCenter": {"id": "acme-17", "name": "Acme Research"},
        "budgets": [{"budget_entity_name": "acme/app", "alert_recipients": ["acme-boss"]}],
        "contact": "boss@acme.example", "a_field_of_next_month": {"deep": "acme", "deeper": ["acme 2"]},
        "node_id": "MDQ6VXNlcmFjbWU=", "note": "https://acme.example/a?token=acme",
    });
    let found = one(&row).to_string();
    assert!(!found.contains("acme") && !found.contains("Acme"), "{found}");
    assert!(!found.contains("MDQ6"), "{found}");
    assert!(!found.contains("token"), "{found}");
    assert!(found.contains("\"slash_cmd\":\"/x"), "{found}");
}

#[test]
fn unknown_keys_stay_unless_they_are_names() {
    let documents = anonymized(&[
        r#"{"a_field_of_next_month": 1, "by_user": {"ada": 2, "Grace Hopper": 3, "bob@acme.example": 4, "583231": 5}}"#,
        r#"{"login": "ada", "slug": "seats"}"#,
        r#"{"seats": [], "users": [], "total": 1}"#,
    ]);
    let first: Value = serde_json::from_str(&documents[0]).unwrap();
    let keys: Vec<&String> = first["by_user"].as_object().unwrap().keys().collect();
    assert_eq!(first["a_field_of_next_month"], 1);
    assert_eq!(first["by_user"].as_object().unwrap().len(), 4);
    for name in ["ada", "Hopper", "bob", "583231"] {
        assert!(!keys.iter().any(|key| key.contains(name)), "{name}: {keys:?}");
    }
    // A team called like a field does not take the field away.
    assert_eq!(documents[2], r#"{"seats": [], "users": [], "total": 1}"#);
}

#[test]
fn a_public_word_that_is_someones_name_stays_only_where_it_is_public() {
    let documents = anonymized(&[
        r#"{"a_new_field": "Ada", "language": "ada", "another": "rust", "login": "ada"}"#,
    ]);
    let row: Value = serde_json::from_str(&documents[0]).unwrap();
    assert_eq!(row["a_new_field"], row["login"]);
    assert_eq!((&row["language"], &row["another"]), (&json!("ada"), &json!("rust")));
}

#[test]
fn a_name_is_found_in_every_spelling_of_json() {
    let documents = anonymized(&[r#"{"login": "\u0061d\u0061", "x": "AD\u0041", "y": "a\/ada"}"#]);
    let row: Value = serde_json::from_str(&documents[0]).unwrap();
    assert_eq!(row["login"], row["x"]);
    assert!(row["y"].as_str().unwrap().ends_with(row["login"].as_str().unwrap()));
    assert!(!documents[0].contains("\\u"), "{}", documents[0]);
}
