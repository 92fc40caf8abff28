use std::collections::BTreeMap;

use copilot_metrics_tests::deployed::deployed;
use serde_json::Value;

use super::trends::without_days;
use super::{dashboards, metrics_in, panels};

/// The last version of the schema of dashboards as one JSON object, which Grafana 12 and later read without changes:
/// <https://github.com/grafana/grafana/blob/main/public/app/features/dashboard/state/DashboardMigrator.ts>.
const SCHEMA_VERSION: u64 = 42;

/// What a panel shows: a query, and how its values are formatted.
struct Shown {
    place: String,
    query: String,
    unit: String,
    thresholds: Value,
}

/// A property of a column of a table, or of the whole panel.
fn property<'a>(panel: &'a Value, column: Option<&str>, id: &str) -> &'a Value {
    let overrides = panel["fieldConfig"]["overrides"].as_array().unwrap();
    let of_column =
        overrides.iter().find(|of| column.is_some_and(|name| of["matcher"]["options"] == name));
    let properties = of_column.and_then(|of| of["properties"].as_array());
    let found = properties.and_then(|all| all.iter().find(|property| property["id"] == id));
    found.map_or(&panel["fieldConfig"]["defaults"][id], |property| &property["value"])
}

/// Every query of every panel.
fn all_shown() -> Vec<Shown> {
    let mut all = Vec::new();
    for (name, dashboard) in dashboards() {
        for panel in panels(&dashboard) {
            for target in panel["targets"].as_array().unwrap() {
                let field = format!("Value #{}", target["refId"].as_str().unwrap());
                let renamed = &panel["transformations"][1]["options"]["renameByName"][field];
                let column = renamed.as_str();
                let query = target["expr"].as_str().unwrap().replace("${prefix}", "");
                all.push(Shown {
                    place: format!("{name}: {} {}", panel["title"], column.unwrap_or_default()),
                    query: without_days(&query),
                    unit: property(panel, column, "unit").as_str().unwrap().to_owned(),
                    thresholds: property(panel, column, "thresholds")["steps"].clone(),
                });
            }
        }
    }
    all
}

#[test]
fn every_dashboard_has_the_current_schema_and_every_panel_a_description() {
    for (name, dashboard) in dashboards() {
        assert_eq!(dashboard["schemaVersion"], SCHEMA_VERSION, "{name}");
        assert!(dashboard["description"].as_str().is_some_and(|text| text.ends_with('.')));
        for panel in panels(&dashboard) {
            let text = panel["description"].as_str().unwrap_or_default();
            // One sentence at least.
            assert!(text.len() > 20 && text.ends_with('.'), "{name}: {}: {text}", panel["title"]);
        }
    }
}

#[test]
fn one_target_is_shown_until_the_reader_selects_more() {
    for (name, dashboard) in dashboards() {
        let variables = dashboard["templating"]["list"].as_array().unwrap();
        let Some(org) = variables.iter().find(|variable| variable["name"] == "org") else {
            assert_eq!(name, "overview");
            continue;
        };
        // Grafana selects the first value.
        assert_eq!(org["includeAll"], false, "{name}");
        assert_eq!(org["current"], serde_json::json!({}), "{name}");
        assert_eq!(org["multi"], true, "{name}");
    }
}

/// The unit of a query that shows the values of a family as they are, by the end of the family's name.
fn unit_of(query: &str, family: &str) -> &'static str {
    if query.contains(" / ") || family.ends_with("_ratio") {
        return "percentunit";
    }
    let is_count = ["count", "round"].iter().any(|of| query.starts_with(of));
    if is_count || query.contains(" - 1)[8d:1d]") {
        "short"
    } else if query.starts_with("1000 * ") {
        "time:YYYY-MM-DD"
    } else if query.contains("rate(") && !query.starts_with("histogram_quantile(") {
        "reqps"
    } else if family.ends_with("_dollars") {
        "currencyUSD"
    } else if family.ends_with("_seconds") {
        "s"
    } else if family.ends_with("_bytes") {
        "bytes"
    } else {
        "short"
    }
}

#[test]
fn the_same_data_has_the_same_unit_and_the_same_thresholds_everywhere() {
    let mut thresholds = BTreeMap::new();
    for shown in all_shown() {
        let Shown { place, query, unit, .. } = &shown;
        let families: Vec<&str> = metrics_in(query).collect();
        let expected = if query.contains("process_cpu_seconds_total") {
            // CPU time per second is a share of a core.
            "percentunit"
        } else if query.contains("process_resident_memory_bytes") {
            "bytes"
        } else {
            families.first().map_or("percentunit", |family| unit_of(query, family))
        };
        // A state has no unit, and an amount for each of something keeps its own.
        let is_per = ["Cost of a day per", "cost per user", "per active member"];
        let is_per = is_per.iter().any(|of| place.contains(of));
        let is_state = unit == "none" && expected == "short";
        let is_forecast = place.contains("Forecast at the end of the month");
        assert!(*unit == expected || is_state || is_per || is_forecast, "{place}: {unit}: {query}");
        if shown.thresholds.is_array() {
            let first = thresholds.entry(query.clone()).or_insert(shown.thresholds.clone());
            assert_eq!(*first, shown.thresholds, "{place}: {query}");
        }
    }
    assert!(thresholds.len() > 8, "{thresholds:?}");
}

#[test]
fn thresholds_are_those_of_the_alerts() {
    let alerts = deployed("alerts.yml");
    let red = |words: &str| {
        let all = all_shown();
        let shown = all.iter().filter(|shown| shown.place.contains(words));
        let steps: Vec<f64> = shown
            .flat_map(|shown| shown.thresholds.as_array().cloned().unwrap_or_default())
            .filter(|step| step["color"] == "red")
            .map(|step| step["value"].as_f64().unwrap())
            .collect();
        assert!(!steps.is_empty(), "{words}");
        steps
    };
    for (words, value, alert) in [
        ("Age of the newest report", 6.0 * 86400.0, "report_age:seconds > 6 * 86400"),
        ("Share of idle seats", 0.3, "seats_idle:ratio > 0.3"),
        ("Budgets used", 1.0, "(github_copilot_budget_consumed_ratio) >= 1\n"),
    ] {
        assert!(alerts.contains(alert), "{alert}");
        assert!(red(words).iter().all(|red| *red == value), "{words}: {:?}", red(words));
    }
    let idle = all_shown().into_iter().find(|of| of.place.ends_with("Idle seats")).unwrap();
    let share = all_shown().into_iter().find(|of| of.place.contains("Share of idle")).unwrap();
    assert_eq!(idle.thresholds, share.thresholds);
}

#[test]
fn quantiles_are_of_a_day_and_counts_are_whole_numbers() {
    let (mut quantiles, mut counts) = (0, 0);
    for Shown { place, query, .. } in all_shown() {
        if query.contains("histogram_quantile(") {
            // Not of all time since the start.
            assert!(query.contains("rate(") && query.contains("_bucket{"), "{place}: {query}");
            assert!(query.contains("[1d]"), "{place}: {query}");
            quantiles += 1;
        }
        if query.contains("increase(") {
            // increase() extrapolates, and misses the failure that creates a series.
            assert!(query.starts_with("round("), "{place}: {query}");
            assert!(query.contains(" unless ") && query.contains(" offset "), "{place}: {query}");
            counts += 1;
        }
    }
    assert_eq!((quantiles, counts), (3, 3));
}

#[test]
fn no_query_depends_on_the_name_of_a_job() {
    for Shown { place, query, .. } in all_shown() {
        assert!(!query.replace("job=~\"$job\"", "").contains("job="), "{place}: {query}");
    }
    for file in ["rules.yml", "alerts.yml"] {
        assert!(!deployed(file).contains("job="), "{file}");
    }
    let dashboards = dashboards();
    let variables = dashboards["exporter"]["templating"]["list"].as_array().unwrap();
    let job = variables.iter().find(|variable| variable["name"] == "job").unwrap();
    assert_eq!(job["definition"], "label_values(copilot_exporter_build_info, job)");
}
