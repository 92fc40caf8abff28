use std::collections::BTreeSet;
use std::fs;

use copilot_metrics_tests::helm::Helm;
use serde_json::{Value, json};

use super::{RELEASE, chart};

/// A value: its path, its default as YAML, and what it means.
struct Row {
    path: String,
    default: String,
    meaning: String,
}

/// The values in `values.yaml`, each of which has a comment that begins with `# --`.
fn rows() -> Vec<Row> {
    let text = fs::read_to_string(chart().join("values.yaml")).unwrap();
    let (mut rows, mut section, mut comment) = (Vec::new(), String::new(), None);
    for line in text.lines() {
        let trimmed = line.trim_start();
        if let Some(meaning) = trimmed.strip_prefix("# -- ") {
            comment = Some(meaning.to_owned());
            continue;
        }
        let Some((key, default)) = trimmed.split_once(':').filter(|_| !trimmed.starts_with('#'))
        else {
            assert!(trimmed.is_empty() || trimmed.starts_with("# "), "{line}");
            continue;
        };
        let is_top = line.len() == trimmed.len();
        if is_top && default.is_empty() {
            section = format!("{key}.");
            continue;
        }
        rows.push(Row {
            path: if is_top { key.to_owned() } else { format!("{section}{key}") },
            default: default.trim().to_owned(),
            meaning: comment.take().unwrap_or_else(|| panic!("{line}: no comment")),
        });
    }
    rows
}

/// The table in the README.
fn table() -> String {
    let mut table = "| value | default | meaning |\n|---|---|---|\n".to_owned();
    for Row { path, default, meaning } in rows() {
        let default = match default.as_str() {
            "\"\"" => "none".to_owned(),
            other => format!("`{other}`"),
        };
        table += &format!("| `{path}` | {default} | {meaning} |\n");
    }
    table
}

#[test]
fn the_readme_of_the_chart_has_every_value_with_its_default() {
    let file = chart().join("README.md");
    let text = fs::read_to_string(&file).unwrap();
    let (begin, end) = ("<!-- values: begin -->\n", "<!-- values: end -->\n");
    let (before, rest) = text.split_once(begin).unwrap();
    let (found, after) = rest.split_once(end).unwrap();
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&file, format!("{before}{begin}{}{end}{after}", table())).unwrap();
    } else {
        assert_eq!(found, table(), "README.md of the chart: run with UPDATE_GOLDEN=1");
    }
}

/// The paths that a schema allows, except for those within values of any shape.
fn paths(schema: &Value, path: &str, found: &mut BTreeSet<String>) {
    match schema["properties"].as_object() {
        Some(properties) => {
            assert_eq!(schema["additionalProperties"], false, "{path}: unknown keys are allowed");
            for (key, schema) in properties {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                paths(schema, &path, found);
            }
        }
        None => {
            found.insert(path.to_owned());
        }
    }
}

#[test]
fn the_schema_of_the_chart_has_every_value() {
    let text = fs::read_to_string(chart().join("values.schema.json")).unwrap();
    let schema: Value = serde_json::from_str(&text).unwrap();
    let mut allowed = BTreeSet::new();
    paths(&schema, "", &mut allowed);
    // Helm passes it to every chart that another one depends on.
    assert!(allowed.remove("global"));
    let documented: BTreeSet<String> = rows().into_iter().map(|row| row.path).collect();
    assert_eq!(allowed, documented);
}

#[test]
fn a_value_that_would_be_ignored_or_would_reveal_a_token_is_rejected_with_its_name() {
    let mut helm = Helm::start();
    for (values, expected) in [
        (json!({"organisations": ["octo-org"]}), "'organisations' not allowed"),
        (json!({"token": {"value": "ghp_0123456789"}}), "'value' not allowed"),
        (json!({"env": {"GHC_TOKEN": "ghp_0123456789"}}), "propertyName 'GHC_TOKEN'"),
        (json!({"organizations": "octo-org"}), "'/organizations': got string, want array"),
        (json!({"replicas": 2}), "'/replicas': maximum: got 2, want 1"),
        (json!({"store": {"url": "redis://:a-password@valkey"}}), "'/store/url'"),
        (json!({"env": {"STORE_URL": "redis://valkey"}}), "propertyName 'STORE_URL'"),
        (
            json!({"store": {"url": "redis://valkey"}, "persistence": {"enabled": true}}),
            "'/persistence/accessModes'",
        ),
        (
            json!({"mappings": {"sources": ["https://registry.example.com/a"]}}),
            "'/mappings/sources/0'",
        ),
    ] {
        let error = helm.template(&chart(), RELEASE, &values).unwrap_err();
        assert!(error.contains(expected), "{values}: {error}");
        assert!(!error.contains("ghp_"), "{error}");
    }
}
