use std::collections::{BTreeMap, BTreeSet};

use copilot_metrics_tests::deployed::Deployed;
use copilot_metrics_tests::github::stand_in;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::{dashboards, expanded, panels};

/// The table of the overview.
pub fn table(dashboard: &Value) -> &Value {
    panels(dashboard).find(|panel| panel["type"] == "table").unwrap()
}

/// The queries of its columns, by their titles.
pub fn columns(dashboard: &Value) -> Vec<(String, String)> {
    let table = table(dashboard);
    let names = &table["transformations"][1]["options"]["renameByName"];
    let targets = table["targets"].as_array().unwrap().iter();
    let columns = targets.map(|target| {
        let field = format!("Value #{}", target["refId"].as_str().unwrap());
        let query = expanded(target["expr"].as_str().unwrap(), dashboard);
        (names[field].as_str().unwrap().to_owned(), query)
    });
    columns.collect()
}

#[test]
fn the_overview_has_one_row_for_each_target_with_links_to_all_other_dashboards() {
    let dashboards = dashboards();
    let overview = &dashboards["overview"];
    let table = table(overview);
    let titles: Vec<String> = columns(overview).into_iter().map(|(title, _)| title).collect();
    let expected = [
        "State",
        "Report day",
        "Active users in 7 days",
        "Change from last week",
        "Acceptance",
        "Code by agents",
        "Seats",
        "Idle seats",
        "AI usage this month",
    ];
    assert_eq!(titles, expected);
    // Rows are merged by what the columns have in common: the labels.
    assert_eq!(table["transformations"][0]["id"], "merge");
    for target in table["targets"].as_array().unwrap() {
        assert_eq!((&target["format"], &target["instant"]), (&"table".into(), &true.into()));
    }
    // Those that fail come first.
    let sort = &table["options"]["sortBy"][0];
    assert_eq!((&sort["displayName"], &sort["desc"]), (&"State".into(), &false.into()));
    // Every column leads to a dashboard, and every dashboard is reached.
    let uids: BTreeSet<&str> = dashboards.values().map(|of| of["uid"].as_str().unwrap()).collect();
    let mut reached = BTreeSet::from(["copilot-overview"]);
    for column in expected.iter().copied().chain(["Name"]) {
        let overrides = table["fieldConfig"]["overrides"].as_array().unwrap();
        let of_column = overrides.iter().find(|of| of["matcher"]["options"] == column).unwrap();
        let properties = of_column["properties"].as_array().unwrap();
        let links = properties.iter().find(|property| property["id"] == "links").unwrap();
        for link in links["value"].as_array().unwrap() {
            let url = link["url"].as_str().unwrap();
            let (uid, query) = url.strip_prefix("/d/").unwrap().split_once('?').unwrap();
            assert!(uids.contains(uid), "{url}");
            reached.insert(uid);
            let expected = "${datasource:queryparam}&var-org=${__data.fields.Name}&var-scope=${__data.fields.Scope}";
            assert_eq!(query, expected);
        }
    }
    assert_eq!(reached, uids);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_overview_shows_each_targets_state_its_change_to_last_week_and_empty_cells() {
    let github = stand_in().await;
    let deployed = Deployed::start(&github);
    deployed.backfill_cost(&github).await;
    let prometheus = &deployed.prometheus;
    let overview = dashboards().remove("overview").unwrap();
    for (title, query) in columns(&overview) {
        let rows = prometheus.has_data(&query).await;
        let orgs: BTreeSet<&str> =
            rows.iter().map(|row| row["metric"]["org"].as_str().unwrap()).collect();
        assert_eq!(orgs.len(), rows.len(), "{title}: {rows:?}");
        for row in &rows {
            let labels: Vec<&String> = row["metric"].as_object().unwrap().keys().collect();
            assert_eq!(labels, ["org", "scope"], "{title}");
        }
        // The closed metrics API has neither agents nor a bill.
        let of_legacy = ["State", "Report day", "Seats", "Idle seats"].contains(&title.as_str());
        assert_eq!(orgs.contains("octo-legacy"), of_legacy, "{title}");
        if title == "State" {
            assert!(rows.iter().all(|row| row["value"][1] == "2"), "{rows:?}");
        }
        if title == "Change from last week" {
            // The newest day of the report and the same day of the week before, in their last revisions.
            let selector = "daily_github_copilot_active_users{org=\"octodemo\",window=\"week\",surface=\"any\"}";
            let end = Timestamp::now();
            let start = end - SignedDuration::from_hours(40 * 24);
            let stored = prometheus.samples(selector, start, end).await;
            let samples = stored.iter().flat_map(|series| &series.samples);
            let days: BTreeMap<i64, f64> =
                samples.map(|(time, value)| (time / 86_400_000, *value)).collect();
            let (newest, now) = days.last_key_value().unwrap();
            let before = days[&(newest - 7)];
            let row = rows.iter().find(|row| row["metric"]["org"] == "octodemo").unwrap();
            let change: f64 = row["value"][1].as_str().unwrap().parse().unwrap();
            assert!((change - (now / before - 1.0)).abs() < 1e-9, "{change}: {days:?}");
        }
    }
}
