//! The values of the charts as CSV and JSON: the same as in the tables of the page.

use copilot_metrics_tests::command::{Serving, client};
use copilot_metrics_tests::config::Config;
use copilot_metrics_tests::github::stand_in;
use serde_json::Value;

use super::{cell, page_with_charts};
use crate::serving::{command, serving};
use crate::web::{PASSWORD, users};

/// The links of a page to the values of its charts in a format, as they are in HTML.
fn links<'a>(html: &'a str, format: &str) -> Vec<&'a str> {
    let start = format!("<a href=\"chart.{format}?");
    let links = html.match_indices(&start).map(|(at, _)| &html[at + "<a href=\"".len()..]);
    links.map(|rest| rest.split('"').next().unwrap()).collect()
}

/// The response for a path: status, content type and body.
async fn get(serving: &Serving, path: &str) -> (u16, String, String) {
    let response = client().get(serving.url(path)).send().await.unwrap();
    let content_type = response.headers()["content-type"].to_str().unwrap().to_owned();
    (response.status().as_u16(), content_type, response.text().await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_chart_links_to_its_values_as_csv_and_as_json() {
    let github = stand_in().await;
    let serving = serving(&github, "octodemo");
    serving.wait_for("refreshed");
    let html = page_with_charts(&serving, "/").await;
    let charts = html.matches("<figure>").count();
    assert!(charts > 10);
    let (csv, json) = (links(&html, "csv"), links(&html, "json"));
    assert_eq!((csv.len(), json.len()), (charts, charts));
    for (csv, json) in csv.into_iter().zip(json) {
        let path = |link: &str| format!("/{}", link.replace("&#38;", "&"));
        let (status, content_type, csv) = get(&serving, &path(csv)).await;
        assert_eq!((status, &*content_type), (200, "text/csv; charset=utf-8; header=present"));
        let (status, content_type, json) = get(&serving, &path(json)).await;
        assert_eq!((status, &*content_type), (200, "application/json"));
        let json: Value = serde_json::from_str(&json).unwrap();
        assert_eq!((&json["org"], &json["scope"]), (&"octodemo".into(), &"organization".into()));
        let (rows, columns) = match (json["days"].as_array(), json["bars"].as_array()) {
            (Some(days), None) => (days.len(), 1 + json["series"].as_array().unwrap().len()),
            (None, Some(bars)) => (bars.len(), 3 + json["columns"].as_array().unwrap().len()),
            other => panic!("{other:?}"),
        };
        let lines: Vec<_> = csv.lines().collect();
        assert_eq!(lines.len(), 1 + rows, "{csv}");
        assert_eq!(lines[0].split(',').count(), columns, "{csv}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_values_are_those_of_the_page() {
    let github = stand_in().await;
    let serving = serving(&github, "octodemo");
    serving.wait_for("refreshed");
    let html = page_with_charts(&serving, "/").await;
    let (_, _, csv) = get(&serving, "/chart.csv?org=octodemo&chart=Active+users").await;
    let mut lines = csv.lines();
    assert_eq!(lines.next(), Some("date,day,week,month"));
    let mut dates = Vec::new();
    for line in lines {
        let values: Vec<_> = line.split(',').collect();
        for (column, value) in values.iter().enumerate().skip(1) {
            assert_eq!(cell(&html, "Active users", values[0], column), *value);
        }
        dates.push(values[0].to_owned());
    }
    assert_eq!(dates.len(), 28);
    assert_eq!(dates.last(), Some(&github.newest_day().to_string()));
    let (_, _, json) = get(&serving, "/chart.json?org=octodemo&chart=By+language").await;
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["columns"], serde_json::json!(["generated", "accepted"]));
    assert_eq!(json["to"], github.newest_day().to_string());
    for bar in json["bars"].as_array().unwrap() {
        for (column, value) in (1..).zip(bar["values"].as_array().unwrap()) {
            let shown = cell(&html, "By language", bar["name"].as_str().unwrap(), column);
            assert_eq!(shown.replace(',', ""), value.as_f64().unwrap().to_string());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chart_or_target_that_does_not_exist_is_not_found_and_the_text_says_what_does() {
    let github = stand_in().await;
    let serving = serving(&github, "octodemo,octo-legacy");
    for _ in 0..2 {
        serving.wait_for("refreshed");
    }
    page_with_charts(&serving, "/").await;
    for format in ["csv", "json"] {
        let path = format!("/chart.{format}?org=octodemo&chart=%3Cb%3E%1b");
        let (status, content_type, text) = get(&serving, &path).await;
        assert_eq!((status, &*content_type), (404, "text/plain; charset=utf-8"));
        assert!(text.contains("these have: \"Active users\", "), "{text}");
        assert!(!text.contains("<b>") && !text.contains('\u{1b}'), "{text}");
        // Without labels, it is not clear which one.
        for query in ["org=unknown&chart=Seats", "chart=Seats"] {
            let (status, _, text) = get(&serving, &format!("/chart.{format}?{query}")).await;
            assert_eq!(status, 404);
            assert!(text.contains("not exactly one target has these labels"), "{text}");
        }
        let (status, ..) = get(&serving, &format!("/chart.{format}?org=octodemo")).await;
        assert_eq!(status, 400);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_values_are_below_the_route_prefix_and_behind_the_password_of_the_page() {
    let github = stand_in().await;
    let config = Config::new(&users());
    let mut command = command(&github, "octodemo");
    command.env("WEB_CONFIG_FILE", config.path()).env("WEB_ROUTE_PREFIX", "/copilot");
    let serving = Serving::start(command);
    for format in ["csv", "json"] {
        let path = format!("/copilot/chart.{format}?org=octodemo&chart=Seats");
        let response = client().get(serving.url(&path)).send().await.unwrap();
        assert_eq!(response.status(), 401);
        assert!(!response.text().await.unwrap().contains("octodemo"));
        let response = client().get(serving.url(&path)).basic_auth("prometheus", Some(PASSWORD));
        assert_ne!(response.send().await.unwrap().status(), 401);
    }
}
