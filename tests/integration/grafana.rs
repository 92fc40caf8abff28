/// What holds for every panel.
mod conventions;
/// The table of all targets.
mod overview;
/// How many series are drawn.
mod scale;
/// Trends draw each day's value on its own day.
mod trends;

use std::collections::{BTreeMap, HashSet};
use std::fs;

use copilot_metrics_tests::database::Series;
use copilot_metrics_tests::deployed::{Deployed, deployed};
use copilot_metrics_tests::fixtures::root;
use copilot_metrics_tests::github::stand_in;
use serde_json::Value;

const DASHBOARDS: [&str; 8] =
    ["adoption", "cost", "exporter", "models", "overview", "quality", "seats", "teams"];

/// The dashboards, by file name.
fn dashboards() -> BTreeMap<String, Value> {
    let files = fs::read_dir(root().join("deploy/grafana/dashboards")).unwrap();
    let dashboards = files.map(|entry| {
        let path = entry.unwrap().path();
        let dashboard = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        (path.file_stem().unwrap().to_str().unwrap().to_owned(), dashboard)
    });
    let dashboards: BTreeMap<_, _> = dashboards.collect();
    assert_eq!(dashboards.keys().collect::<Vec<_>>(), DASHBOARDS);
    dashboards
}

/// The panels that show data.
fn panels(dashboard: &Value) -> impl Iterator<Item = &Value> {
    dashboard["panels"].as_array().unwrap().iter().filter(|panel| panel["type"] != "row")
}

/// The query as Grafana sends it when everything is selected.
fn expanded(query: &str, dashboard: &Value) -> String {
    expanded_for(query, dashboard, ".*")
}

/// The query as Grafana sends it when a target is selected, and its defaults otherwise.
fn expanded_for(query: &str, dashboard: &Value, org: &str) -> String {
    let range = dashboard["time"]["from"].as_str().unwrap().strip_prefix("now-").unwrap();
    let mut query = query
        .replace("$__rate_interval", "4m")
        .replace("$__range", range)
        .replace("$__interval", "1h")
        .replace("$org", org)
        .replace("$scope", ".*");
    for variable in dashboard["templating"]["list"].as_array().unwrap() {
        let name = variable["name"].as_str().unwrap();
        let values = [&variable["allValue"], &variable["query"], &variable["current"]["value"]];
        let all = values.iter().find_map(|value| value.as_str()).unwrap_or_default();
        query = query.replace(&format!("${{{name}}}"), all).replace(&format!("${name}"), all);
    }
    assert!(!query.contains('$'), "{query}");
    query
}

#[tokio::test(flavor = "multi_thread")]
async fn every_query_of_every_dashboard_returns_data_over_tls_with_a_password() {
    let github = stand_in().await;
    let deployed = Deployed::start(&github);
    deployed.backfill_cost(&github).await;
    let prometheus = &deployed.prometheus;
    let mut queries = 0;
    for (name, dashboard) in dashboards() {
        for panel in panels(&dashboard) {
            for target in panel["targets"].as_array().unwrap() {
                let query = expanded(target["expr"].as_str().unwrap(), &dashboard);
                queries += 1;
                if trends::is_ahead(&query) {
                    continue;
                }
                let labels: Vec<Value> = if trends::is_trend(panel) {
                    let (start, end) = trends::Browser::UTC.range(&dashboard);
                    let drawn = prometheus.has_range_data(&query, start, end, "1d").await;
                    // Imported samples don't have the labels of a scrape, and must continue its series.
                    let is_of_scrape = |series: &Series| {
                        ["job", "instance"].iter().any(|label| series.labels.get(label).is_some())
                    };
                    assert!(!drawn.iter().any(is_of_scrape), "{name}: {query}");
                    drawn.into_iter().map(|series| series.labels).collect()
                } else {
                    // Nothing was refreshed since the first scrape, so a quantile is not a number, but its buckets are.
                    let query = query
                        .strip_prefix("histogram_quantile(0.95, ")
                        .map_or(query.as_str(), |buckets| buckets.strip_suffix(')').unwrap());
                    let result = prometheus.has_data(query).await;
                    result.iter().map(|series| series["metric"].clone()).collect()
                };
                // The labels in the legend exist.
                let legend = target["legendFormat"].as_str().unwrap();
                for label in legend.split("{{").skip(1).filter_map(|rest| rest.split_once("}}")) {
                    let has = |labels: &Value| labels.get(label.0).is_some();
                    // Only an App has an installation.
                    let named = labels.iter().any(has) || label.0 == "installation";
                    assert!(named, "{name}: {legend} of {query}: {labels:?}");
                }
            }
        }
        for variable in dashboard["templating"]["list"].as_array().unwrap() {
            let Some(definition) = variable["definition"].as_str() else { continue };
            // label_values(series, label)
            let inner = definition.strip_prefix("label_values(").unwrap().strip_suffix(')');
            let (series, label) = inner.unwrap().rsplit_once(", ").unwrap();
            let series = expanded(series, &dashboard);
            let values = prometheus.has_data(&format!("count by ({label}) ({series})")).await;
            assert!(values.iter().all(|value| value["metric"][label].is_string()), "{definition}");
        }
        for annotation in dashboard["annotations"]["list"].as_array().unwrap() {
            let query = annotation["expr"].as_str().unwrap();
            assert_eq!(annotation["target"]["expr"], query);
            let query = expanded(query, &dashboard);
            // Nothing is stale, but the series that would tell exists.
            match query.strip_suffix(" == 1") {
                Some(series) => {
                    prometheus.has_data(series).await;
                    assert!(prometheus.query(&query).await.unwrap().is_empty(), "{query}");
                }
                None => _ = prometheus.has_data(&query).await,
            }
        }
    }
    assert!(queries > 130, "{queries}");
}

/// The exporter's metrics in a query, as in the documentation.
fn metrics_in(query: &str) -> impl Iterator<Item = &str> {
    let words = query.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    let ours = words.filter(|word| {
        word.starts_with("github_copilot_") || word.starts_with("copilot_exporter_")
    });
    ours.map(|word| {
        let suffixes = ["_bucket", "_count"].iter().filter_map(|suffix| word.strip_suffix(suffix));
        // A histogram is of seconds.
        suffixes.into_iter().find(|of| of.ends_with("_seconds")).unwrap_or(word)
    })
}

#[test]
fn every_dashboard_marks_stale_data_and_works_with_any_target_and_data_source() {
    let documented = fs::read_to_string(root().join("docs/metrics.md")).unwrap();
    let mut uids = HashSet::new();
    for (name, dashboard) in dashboards() {
        assert!(uids.insert(dashboard["uid"].as_str().unwrap().to_owned()), "{name}");
        let variables = dashboard["templating"]["list"].as_array().unwrap();
        let names: Vec<_> =
            variables.iter().map(|variable| variable["name"].as_str().unwrap()).collect();
        if name == "overview" {
            assert_eq!(names, ["datasource", "scope", "prefix"]);
        } else {
            assert_eq!(names[..3], ["datasource", "scope", "org"], "{name}");
            let stale =
                "max by (org, scope) (copilot_exporter_stale{org=~\"$org\",scope=~\"$scope\"})";
            let first = panels(&dashboard).next().unwrap();
            assert_eq!(first["targets"][0]["expr"], stale, "{name}");
            assert_eq!(dashboard["annotations"]["list"][0]["name"], "Stale data");
        }
        let mut ids = HashSet::new();
        let mut taken = HashSet::new();
        for panel in dashboard["panels"].as_array().unwrap() {
            let title = panel["title"].as_str().unwrap();
            assert!(ids.insert(panel["id"].as_u64().unwrap()), "{name}: {title}");
            let grid = |side: &str| panel["gridPos"][side].as_u64().unwrap();
            assert!(grid("x") + grid("w") <= 24, "{name}: {title}");
            for x in grid("x")..grid("x") + grid("w") {
                for y in grid("y")..grid("y") + grid("h") {
                    assert!(taken.insert((x, y)), "{name}: {title} lies over another panel");
                }
            }
        }
        for panel in panels(&dashboard) {
            let title = panel["title"].as_str().unwrap();
            assert_eq!(panel["datasource"]["uid"], "${datasource}", "{name}: {title}");
            assert!(panel["fieldConfig"]["defaults"]["unit"].is_string(), "{name}: {title}");
            for target in panel["targets"].as_array().unwrap() {
                let query = target["expr"].as_str().unwrap();
                assert_eq!(target["datasource"]["uid"], "${datasource}", "{name}: {title}");
                for metric in metrics_in(query) {
                    assert!(documented.contains(&format!("| `{metric}` |")), "{name}: {metric}");
                }
                // GitHub's data belongs to a target; metrics of the process do not.
                let has_target = query.contains("github_copilot_") || query.contains("total_code_");
                let target = if name == "overview" { "scope=~\"$scope\"" } else { "org=~\"$org\"" };
                assert!(!has_target || query.contains(target), "{name}: {query}");
                // There are no rates of daily gauges, sums of users or averages of ratios.
                for wrong in ["avg(", "avg by"] {
                    assert!(!query.contains(wrong), "{name}: {query}");
                }
                let sums_users = query.contains("sum by") && query.contains("_active_users{");
                assert!(!sums_users || query.contains("sum by (org, scope"), "{name}: {query}");
                let rates = query.contains("rate(") || query.contains("increase(");
                assert!(!rates || !query.contains("github_copilot_"), "{name}: {query}");
            }
        }
    }
}

/// A query of a panel.
struct Query {
    dashboard: String,
    panel: Value,
    expression: String,
    legend: String,
}

/// The queries whose expressions contain one of the words.
fn queries_with(words: &[&str]) -> Vec<Query> {
    let mut queries = Vec::new();
    for (name, dashboard) in dashboards() {
        for panel in panels(&dashboard) {
            for target in panel["targets"].as_array().unwrap() {
                let expression = target["expr"].as_str().unwrap().to_owned();
                if words.iter().any(|word| expression.contains(word)) {
                    queries.push(Query {
                        dashboard: name.clone(),
                        panel: panel.clone(),
                        expression,
                        legend: target["legendFormat"].as_str().unwrap().to_owned(),
                    });
                }
            }
        }
    }
    queries
}

/// The selectors of the families whose names end like this.
fn selectors<'a>(expression: &'a str, family: &str) -> Vec<&'a str> {
    let after = expression.split(family).skip(1).filter_map(|rest| rest.strip_prefix('{'));
    after.filter_map(|rest| rest.split_once('}')).map(|(selector, _)| selector).collect()
}

#[test]
fn acceptance_is_only_of_what_can_be_accepted_and_otherwise_a_dash() {
    // The original exporter's gauges count code completions only.
    let original = "total_code_acceptances";
    let ratios = queries_with(&["_code_acceptances"]);
    assert!(ratios.len() > 4);
    for Query { dashboard, panel, expression, .. } in &ratios {
        let title = &panel["title"];
        assert_eq!(panel["fieldConfig"]["defaults"]["noValue"], "–", "{dashboard}: {title}");
        for accepted in selectors(expression, "_code_acceptances") {
            let is_of_completions = accepted.contains("feature=\"code_completion\"");
            let is_by_feature = accepted.contains("feature=~\"code_completion|");
            let is_original = expression.contains(original);
            assert!(is_of_completions || is_by_feature || is_original, "{dashboard}: {title}");
            assert!(!accepted.contains("agent"), "{dashboard}: {title}");
            // The denominator has the same features.
            let generated = selectors(expression, "_code_generations");
            assert!(generated.contains(&accepted) || is_original, "{dashboard}: {title}");
        }
    }
    // What can't be accepted is shown, but not as 0%.
    let by_feature = ratios.iter().find(|ratio| ratio.panel["title"] == "Acceptance by feature");
    let by_feature = by_feature.unwrap();
    assert!(by_feature.expression.contains("* NaN"), "{}", by_feature.expression);
    let mapping = &by_feature.panel["fieldConfig"]["defaults"]["mappings"][0]["options"];
    assert_eq!(mapping["match"], "null+nan");
    assert_eq!(mapping["result"]["text"], "–");
}

#[test]
fn teams_of_one_name_stay_apart() {
    let of_teams = queries_with(&["github_copilot_team_", "_seats_by_team{"]);
    assert!(of_teams.len() > 8);
    for Query { dashboard, expression, legend, .. } in of_teams {
        assert!(legend.contains("{{team_id}}"), "{dashboard}: {expression}: {legend}");
        for labels in expression.split("sum by (").skip(1) {
            assert!(labels.starts_with("org, scope, team, team_id)"), "{dashboard}: {expression}");
        }
    }
}

#[test]
fn the_seats_of_each_plan_have_the_price_that_the_options_of_the_exporter_set() {
    let costs = queries_with(&["github_copilot_seats_cost_dollars", "_seats_idle_cost_dollars"]);
    assert!(costs.len() > 6);
    for name in DASHBOARDS {
        let dashboards = dashboards();
        let variables = dashboards[name]["templating"]["list"].as_array().unwrap();
        assert!(!variables.iter().any(|of| of["name"].as_str().unwrap().starts_with("price")));
    }
    let rules = deployed("rules.yml");
    let expression = "max by (org, scope, plan) (github_copilot_seats_idle_cost_dollars)";
    let rule = format!(
        "- record: org_plan:github_copilot_seats_idle:dollars\n        expr: {expression}\n"
    );
    assert!(rules.contains(&rule));
    for price in ["vector(", "19", "39"] {
        assert!(!rules.contains(price), "{price}");
    }
}

#[test]
fn gross_discount_and_net_are_never_added_up() {
    let amounts = queries_with(&["_gross_", "_discount_", "_net_"]);
    assert!(amounts.len() > 20);
    for Query { dashboard, expression, .. } in amounts {
        let parts = ["_gross_", "_discount_", "_net_"];
        let used = parts.iter().filter(|part| expression.contains(*part)).count();
        assert_eq!(used, 1, "{dashboard}: {expression}");
    }
}

#[test]
fn panels_on_cost_and_value_say_what_they_do_not_measure() {
    let dashboards = dashboards();
    for (title, caution) in [
        ("Cost of a day per active user", "Code completions alone use no credits"),
        ("Cost of a day per merged pull request", "not a unit of value"),
        ("Cost of a day per accepted line", "Lines that agents write are never \"accepted\""),
    ] {
        let panel = panels(&dashboards["cost"]).find(|panel| panel["title"] == title).unwrap();
        let text = panel["description"].as_str().unwrap().to_lowercase();
        for words in
            [caution, "Activity and billing are different measures", "not a measure of people"]
        {
            assert!(text.contains(&words.to_lowercase()), "{title}: {words}");
        }
    }
}
