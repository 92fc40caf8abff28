use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;

use axum::Router;
use axum::routing::get;
use copilot_metrics_tests::database::Database;
use copilot_metrics_tests::fixtures::root;
use copilot_metrics_tests::prometheus::{Prometheus, Version};
use tokio::net::TcpListener;

use super::overview::columns;
use super::trends::{Browser, is_trend};
use super::{dashboards, expanded_for, metrics_in, panels};

/// How many organizations there are.
const ORGS: usize = 500;
/// The organization that has everything, and the number of its models, languages, teams and others.
const LARGE: &str = "org-0";
const MANY: usize = 60;
/// The most series of a family of the large organization.
const MOST: usize = 300;

/// What a panel may draw of one target: lines or stacked bars over time, and bars next to each other.
const MOST_OVER_TIME: usize = 25;
const MOST_BARS: usize = 40;

/// The labels of every family, as documented.
fn documented() -> BTreeMap<String, Vec<String>> {
    let text = fs::read_to_string(root().join("docs/metrics.md")).unwrap();
    let rows = text.lines().filter_map(|line| line.strip_prefix("| `"));
    let families = rows.filter_map(|row| {
        let (name, rest) = row.split_once("` | ")?;
        let (labels, _) = rest.split_once(" |")?;
        let labels = labels.split(' ').filter(|label| !label.is_empty());
        Some((name.to_owned(), labels.map(|label| label.replace('`', "")).collect()))
    });
    families.collect()
}

/// The values of a label. Those of GitHub's are few; the names that users choose are many.
fn values(label: &str) -> Vec<String> {
    let known: &[&str] = match label {
        "scope" => &["organization"],
        "window" => &["day", "week", "month"],
        "surface" => &["any", "cli", "copilot_app", "copilot_cloud_agent", "vscode_agent"],
        "feature" => &[
            "code_completion",
            "chat_inline",
            "chat_panel_ask_mode",
            "chat_panel_edit_mode",
            "chat_panel_plan_mode",
            "chat_panel_agent_mode",
            "chat_panel_custom_mode",
            "chat_panel_unknown_mode",
            "agent_edit",
            "copilot_cli",
            "copilot_app",
            "others",
        ],
        "plan" => &["business", "enterprise", "unknown"],
        "activity_age" => &["1d", "7d", "30d", "90d", "over_90d", "never", "unknown"],
        "phase" => &["0", "1", "2", "3", "4"],
        "kind" => &["skill", "custom_agent", "mcp", "slash_cmd", "plugin"],
        "cause" => &["bad_credentials"],
        "status_code" => &["401", "403", "404", "500", "502"],
        "mapping" | "unit" => &["a", "b"],
        "document" => return (0..16).map(|number| format!("organization-{number}")).collect(),
        "org" => return vec![LARGE.to_owned()],
        _ => return (0..MANY).map(|number| format!("{label}-{number}")).collect(),
    };
    known.iter().map(|value| (*value).to_owned()).collect()
}

/// The labels of the series of a family: combinations of their values.
fn combinations(labels: &[String]) -> Vec<String> {
    if labels.iter().any(|label| label == "budget") {
        // A budget has one scope, and few are on the whole organization.
        let budget = |number: usize| {
            let scope = if number < 3 { "organization" } else { "cost_center" };
            format!(
                "org=\"{LARGE}\",scope=\"organization\",budget=\"{number}\",budget_scope=\"{scope}\",entity=\"{number}\",sku=\"s\""
            )
        };
        return (0..MANY).map(budget).collect();
    }
    let mut all = vec![String::new()];
    for label in labels {
        let values = values(label);
        let extended = all.iter().flat_map(|start| {
            values.iter().map(move |value| {
                let comma = if start.is_empty() { "" } else { "," };
                format!("{start}{comma}{label}=\"{value}\"")
            })
        });
        all = extended.take(MOST).collect();
    }
    all
}

/// What an exporter of 500 organizations serves, one of which is large. Half of the others have seats only.
fn exposition() -> String {
    let dashboards = dashboards();
    let queries = dashboards.values().flat_map(|dashboard| {
        panels(dashboard).flat_map(|panel| panel["targets"].as_array().unwrap()).collect::<Vec<_>>()
    });
    let queries: Vec<&str> = queries.map(|target| target["expr"].as_str().unwrap()).collect();
    let used: BTreeSet<&str> = queries.iter().flat_map(|query| metrics_in(query)).collect();
    let mut text = String::new();
    for (family, labels) in documented() {
        let is_original = family.starts_with("total_");
        if !used.contains(family.as_str()) && !is_original || family.ends_with("_duration_seconds")
        {
            continue;
        }
        for (number, labels) in combinations(&labels).iter().enumerate() {
            let value = if family.starts_with("copilot_exporter_") { 1 } else { number + 1 };
            for prefix in ["", "daily_"] {
                writeln!(text, "{prefix}{family}{{{labels}}} {value}").unwrap();
            }
        }
    }
    for number in 1..ORGS {
        let target = format!("org=\"org-{number}\",scope=\"organization\"");
        writeln!(text, "copilot_exporter_up{{{target}}} {}", number % 10 / 9).unwrap();
        writeln!(text, "copilot_exporter_stale{{{target},document=\"seats\"}} 0").unwrap();
        writeln!(text, "github_copilot_seats{{{target}}} {number}").unwrap();
        if number % 2 == 0 {
            let labels = "window=\"week\",surface=\"any\"";
            writeln!(text, "github_copilot_active_users{{{target},{labels}}} {number}").unwrap();
        }
    }
    text
}

/// A server that scrapes two replicas of the exporter.
async fn scraped() -> Database {
    let text = exposition();
    let router = Router::new().route("/metrics", get(|| async move { text }));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    // The samples of a database for remote write have neither a job nor an instance.
    let config = format!(
        "scrape_configs:
- job_name: replicas
  scrape_interval: 5s
  static_configs: [{{targets: ['127.0.0.1:{port}', 'localhost:{port}']}}]
  metric_relabel_configs:
  - {{source_labels: [__name__, instance], regex: 'daily_.+;localhost.+', action: drop}}
"
    );
    let prometheus = Prometheus::new(Version::Installed).config(&config).run();
    assert_eq!(prometheus.value("count(count by (instance) (up == 1)) == 2").await, "2");
    prometheus.has_data("daily_github_copilot_ai_usage_day_net_dollars").await;
    prometheus
}

#[tokio::test(flavor = "multi_thread")]
async fn panels_stay_readable_with_hundreds_of_organizations_teams_models_and_languages() {
    let prometheus = scraped().await;
    let (mut largest, mut crowded) = (0, Vec::new());
    for (name, dashboard) in dashboards() {
        for panel in panels(&dashboard).filter(|panel| panel["type"] != "table") {
            let mut drawn = 0;
            for target in panel["targets"].as_array().unwrap() {
                let query = expanded_for(target["expr"].as_str().unwrap(), &dashboard, LARGE);
                let query = query.replace("[4m]", "[30s]");
                drawn += if is_trend(panel) {
                    let (start, end) = Browser::UTC.range(&dashboard);
                    prometheus.query_range(&query, start, end, "1d").await.len()
                } else {
                    let result = prometheus.query(&query).await.unwrap();
                    // Two replicas serve the same data, and it counts once.
                    let is_data = query.contains("github_copilot_") || query.contains("total_code");
                    let of_replica = result.iter().any(|of| !of["metric"]["instance"].is_null());
                    assert!(!is_data || !of_replica, "{name}: {}", panel["title"]);
                    result.len()
                };
            }
            let most = if panel["type"] == "timeseries" { MOST_OVER_TIME } else { MOST_BARS };
            if drawn > most {
                crowded.push(format!("{name}: {}: {drawn}", panel["title"]));
            }
            largest = largest.max(drawn);
        }
    }
    assert!(crowded.is_empty(), "{crowded:#?}");
    // The data is enough to exceed the limits.
    assert!(largest >= 20, "{largest}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_overview_has_one_row_for_each_of_500_organizations_whatever_data_they_have() {
    let prometheus = scraped().await;
    let overview = dashboards().remove("overview").unwrap();
    for (title, query) in columns(&overview) {
        let rows = prometheus.query(&query).await.unwrap();
        let targets: BTreeSet<String> = rows.iter().map(|row| row["metric"].to_string()).collect();
        // Two replicas are not two rows.
        assert_eq!(targets.len(), rows.len(), "{title}");
        let expected = match title.as_str() {
            "State" | "Seats" => ORGS,
            "Active users in 7 days" => ORGS / 2,
            _ => continue,
        };
        assert_eq!(rows.len(), expected, "{title}");
        if title == "State" {
            let failing = rows.iter().filter(|row| row["value"][1] == "0").count();
            assert_eq!(failing, 449, "{title}");
        }
    }
    let bill = columns(&overview).into_iter().find(|(title, _)| title == "AI usage this month");
    let amount: f64 = prometheus.value(&bill.unwrap().1).await.parse().unwrap();
    // Each series once, although both replicas serve it.
    assert_eq!(amount, (1..=MOST).sum::<usize>() as f64);
}
