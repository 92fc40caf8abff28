use std::collections::BTreeMap;
use std::fs;

use copilot_metrics_tests::command::Serving;
use copilot_metrics_tests::database::Database;
use copilot_metrics_tests::exposition::Exposition;
use copilot_metrics_tests::fixtures::{read, root};
use copilot_metrics_tests::github::stand_in;
use copilot_metrics_tests::prometheus::Prometheus;
use serde_json::Value;

use crate::serving::metrics;

/// Two recorded counts of code completion on a day, by language.
fn completions(day: &Value, one: &str, other: &str) -> BTreeMap<String, (f64, f64)> {
    let mut recorded: BTreeMap<String, (f64, f64)> = BTreeMap::new();
    for row in day["totals_by_language_feature"].as_array().unwrap() {
        if row["feature"] == "code_completion" {
            let counts = recorded.entry(row["language"].as_str().unwrap().to_owned()).or_default();
            counts.0 += row[one].as_f64().unwrap();
            counts.1 += row[other].as_f64().unwrap();
        }
    }
    recorded
}

/// The values of a query by language.
async fn by_language(prometheus: &Database, query: &str) -> BTreeMap<String, f64> {
    let result = prometheus.has_data(query).await;
    let value = |series: &Value| {
        let language = series["metric"]["language"].as_str().unwrap().to_owned();
        (language, series["value"][1].as_str().unwrap().parse().unwrap())
    };
    result.iter().map(value).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_queries_of_the_original_exporters_dashboard_return_correct_values() {
    let github = stand_in().await;
    let serving = Serving::start_with_targets(github.exporter(), 3);
    let prometheus = Prometheus::start(&serving.address().to_string());
    // As recorded for the newest day.
    let report: Value =
        serde_json::from_slice(&read("demo/octodemo/organization-28-day.json")).unwrap();
    let newest = report["day_totals"].as_array().unwrap().last().unwrap();
    let users = prometheus.value("total_active_users{org='octodemo'}").await;
    assert_eq!(users, newest["daily_active_users"].to_string());
    let recorded =
        completions(newest, "code_acceptance_activity_count", "code_generation_activity_count");
    let ratios =
        by_language(&prometheus, "total_code_acceptances{org='octodemo'} / total_code_suggestions")
            .await;
    assert!(ratios.len() > 5);
    for (language, ratio) in &ratios {
        let (accepted, suggested) = recorded[language];
        assert!((ratio - accepted / suggested).abs() < 1e-9, "{language}: {ratio}");
    }
    // The closed API also has editors: each series is compared with the sum of its models.
    let legacy: Value = serde_json::from_slice(&read("demo/octo-legacy/legacy.json")).unwrap();
    // The days have no particular order.
    let days = legacy.as_array().unwrap().iter();
    let day = days.max_by_key(|day| day["date"].as_str().unwrap().to_owned()).unwrap();
    let editors = day["copilot_ide_code_completions"]["editors"].as_array().unwrap();
    let editor = editors.iter().find(|editor| editor["name"] == "vscode").unwrap();
    let sum = |language: &str, count: &str| -> f64 {
        let models = editor["models"].as_array().unwrap().iter();
        let languages = models.flat_map(|model| model["languages"].as_array().unwrap());
        languages.filter(|of| of["name"] == language).map(|of| of[count].as_f64().unwrap()).sum()
    };
    let ratios = by_language(
        &prometheus,
        "total_code_acceptances{org='octo-legacy',editor='vscode'} / total_code_suggestions",
    )
    .await;
    assert!(ratios.len() > 2);
    for (language, ratio) in &ratios {
        let right =
            sum(language, "total_code_acceptances") / sum(language, "total_code_suggestions");
        assert!((ratio - right).abs() < 1e-9, "{language}: {ratio}");
    }
    // The dashboard's queries: the mean over its time range, and ratios summed over languages.
    let mean = "avg_over_time(total_active_users{org='octodemo'}[1h])";
    assert_eq!(prometheus.value(mean).await, users);
    for (part, whole, part_of, whole_of) in [
        (
            "total_code_acceptances",
            "total_code_suggestions",
            "code_acceptance_activity_count",
            "code_generation_activity_count",
        ),
        (
            "total_code_lines_accepted",
            "total_code_lines_suggested",
            "loc_added_sum",
            "loc_suggested_to_add_sum",
        ),
    ] {
        let recorded = completions(newest, part_of, whole_of);
        let right: f64 = recorded.values().map(|(part, whole)| part / whole).sum();
        let query = format!("sum({part}/{whole}) by (org)");
        let result = prometheus.has_data(&query).await;
        assert_eq!(result.len(), 3, "{query}: {result:?}");
        let octodemo = result.iter().find(|series| series["metric"]["org"] == "octodemo").unwrap();
        let value: f64 = octodemo["value"][1].as_str().unwrap().parse().unwrap();
        assert!((value - right).abs() < 1e-9, "{query}: {value}, not {right}");
    }
    // Only Prometheus scrapes, so its count equals the exporter's; all scrapes had data. The exporter may count one
    // that times out.
    for counter in ["copilot_exporter_requests_total", "copilot_exporter_cache_hits_total"] {
        let (succeeded, all) = ("sum(sum_over_time(up[1h]))", "sum(count_over_time(up[1h]))");
        let is_counted =
            format!("(sum({counter}) >= bool {succeeded}) * (sum({counter}) <= bool {all})");
        assert_eq!(prometheus.value(&is_counted).await, "1", "{counter}");
    }
    let served: Exposition = metrics(&serving).await;
    for (counter, of) in [
        ("copilot_exporter_github_api_requests_total", "copilot_exporter_github_api_requests"),
        ("sum(copilot_exporter_requests_failed_total)", "copilot_exporter_requests_failed_total"),
    ] {
        assert_eq!(prometheus.value(counter).await, served.sum(of, "").to_string(), "{counter}");
    }
    // The requests of the first refresh of three targets; the next one is an hour later.
    assert!(served.sum("copilot_exporter_github_api_requests", "") > 18.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_query_for_users_of_asmilds_exporter_returns_data() {
    let github = stand_in().await;
    let serving = Serving::start_with_targets(github.exporter(), 3);
    let prometheus = Prometheus::start(&serving.address().to_string());
    let page = root().join("docs/migration/from-asmilds-exporter.md");
    let page = fs::read_to_string(page).unwrap();
    let table = page.split("<!-- asmild: begin -->").nth(1).unwrap();
    let table = table.split("<!-- asmild: end -->").next().unwrap();
    let rows: Vec<_> =
        table.lines().filter_map(|line| line.strip_prefix("| `github_copilot_")).collect();
    // All names that it has ever had.
    assert_eq!(rows.len(), 14);
    for row in rows {
        let (name, cell) = row.split_once("` | ").unwrap();
        let query = cell.split('`').nth(1).unwrap();
        let result = prometheus.has_data(query).await;
        let closed_api_only = cell.contains("from the closed API only");
        let has = |org: &str| result.iter().any(|series| series["metric"]["org"] == org);
        assert!(has("octo-legacy") || has("octodemo"), "{name}: {query}");
        assert_eq!(closed_api_only, !has("octodemo"), "{name}: {query}");
    }
}
