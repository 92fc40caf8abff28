use std::path::Path;
use std::process::Command;

use bytes::Bytes;
use copilot_metrics_exporter::model::{Scope, Target};
use copilot_metrics_tests::command::Serving;
use copilot_metrics_tests::github::{Fault, StandIn, stand_in};
use serde_json::Value;

use super::{cell, page_with_charts};
use crate::backfill::{backfill, day, fail, succeed};
use crate::serving::command;

/// The page with charts of a range, once they are there.
pub async fn page_of(serving: &Serving, range: &str) -> String {
    let path = format!("/?org=octodemo&scope=organization&range={range}");
    loop {
        let html = page_with_charts(serving, &path).await;
        if !html.contains("being computed") {
            return html;
        }
        // A browser loads it again.
        assert!(html.contains("<meta http-equiv=\"refresh\""), "{html}");
    }
}

/// Keeps the days from one age to another in a directory.
pub fn keep(github: &StandIn, cache: &Path, first: i64, last: i64) {
    succeed(keeping(github, cache, first, last));
}

fn keeping(github: &StandIn, cache: &Path, first: i64, last: i64) -> Command {
    let (since, until) = (day(github, first).to_string(), day(github, last).to_string());
    let file = cache.join("history.om");
    let range = ["--since", &since, "--until", &until, "--to", file.to_str().unwrap()];
    backfill(github, cache, &range)
}

/// A serving exporter with what is kept in a directory, once it has refreshed.
pub fn start(github: &StandIn, cache: &Path) -> Serving {
    let mut command = command(github, "octodemo");
    command.env("CACHE_DIR", cache);
    let serving = Serving::start(command);
    serving.wait_for(" refreshed ");
    serving
}

/// The charts of a page.
fn charts(html: &str) -> &str {
    let (_, charts) = html.split_once("<div class=\"charts\">").unwrap();
    charts.split_once("<summary>Documents of").unwrap().0
}

/// The ranges that a page links to, and the one that it shows.
fn ranges(html: &str) -> (Vec<&str>, Option<&str>) {
    let Some((_, links)) = html.split_once("<nav aria-label=\"Days of the line charts") else {
        return (vec![], None);
    };
    let links = links.split("</nav>").next().unwrap().split("<a ").skip(1);
    let links: Vec<(&str, bool)> = links
        .map(|link| {
            let text = link.split_once('>').unwrap().1.split("</a>").next().unwrap();
            (text, link.contains("aria-current=\"true\""))
        })
        .collect();
    let current = links.iter().find(|(_, is_current)| *is_current).map(|(text, _)| *text);
    (links.into_iter().map(|(text, _)| text).collect(), current)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_lines_continue_into_the_days_that_a_backfill_has_kept() {
    let (github, cache) = (stand_in().await, tempfile::tempdir().unwrap());
    keep(&github, cache.path(), 40, 38);
    keep(&github, cache.path(), 201, 200);
    let serving = start(&github, cache.path());
    let requests = github.requests().len();
    let month = page_with_charts(&serving, "/").await;
    let all = vec!["28 days", "90 days", "1 year"];
    assert_eq!(ranges(&month), (all.clone(), Some("28 days")));
    let (quarter, year) = (page_of(&serving, "90d").await, page_of(&serving, "1y").await);
    assert_eq!(ranges(&quarter), (all.clone(), Some("90 days")));
    assert_eq!(ranges(&year), (all, Some("1 year")));
    let users = |html: &str, age| cell(html, "Active users", &day(&github, age).to_string(), 1);
    for age in [0, 27] {
        assert_eq!(users(&quarter, age), users(&month, age));
        assert_eq!(users(&year, age), users(&month, age));
    }
    let reported = |age| {
        let target = Target::new(Scope::Organization, "octodemo").unwrap();
        let files = github.report(&target, "organization-1-day", day(&github, age));
        let report: Value = serde_json::from_slice(&files.unwrap()[0]).unwrap();
        report["daily_active_users"].to_string()
    };
    for age in [38, 40] {
        assert_eq!(users(&quarter, age), reported(age));
        assert_eq!(users(&year, age), reported(age));
    }
    assert_eq!([users(&year, 200), users(&year, 201)], [reported(200), reported(201)]);
    // Days that are not kept are gaps, and older ones are not shown.
    assert_eq!([users(&quarter, 28), users(&quarter, 89)], ["no data", "no data"]);
    assert!(!quarter.contains(&day(&github, 90).to_string()), "{quarter}");
    assert_eq!([users(&year, 199), users(&year, 364)], ["no data", "no data"]);
    // Bars are about the newest documents.
    for html in [&quarter, &year] {
        for column in 1..=3 {
            let of = |html: &str| cell(html, "By language", "rust", column);
            assert_eq!(of(html), of(&month));
        }
    }
    assert_eq!(github.requests().len(), requests);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_kept_days_no_range_is_offered_and_28_days_are_the_same_with_them() {
    let github = stand_in().await;
    let (empty, filled) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    keep(&github, filled.path(), 40, 38);
    let serving = start(&github, empty.path());
    let without = page_with_charts(&serving, "/").await;
    assert_eq!(ranges(&without), (vec![], None));
    // A range that is not available is that of 28 days, whatever a link says.
    for range in ["1y", "90d", "28d", "%3Cscript%3E", ""] {
        let html = page_with_charts(&serving, &format!("/?range={range}")).await;
        assert_eq!(html.matches("http-equiv").count(), 0);
        assert_eq!(charts(&html), charts(&without), "{range}");
    }
    let serving = start(&github, filled.path());
    let with = page_with_charts(&serving, "/").await;
    assert_eq!(ranges(&with), (vec!["28 days", "90 days"], Some("28 days")));
    assert_eq!(charts(&with), charts(&without));
    let html = page_with_charts(&serving, "/?range=1y").await;
    assert_eq!(charts(&html), charts(&without));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kept_day_that_is_malformed_is_a_gap_and_the_other_days_are_shown() {
    let (github, cache) = (stand_in().await, tempfile::tempdir().unwrap());
    // The newest day is requested first.
    let malformed = Fault::Body(Bytes::from_static(b"{"));
    github.fail_times(1, "/octodemo/organization-1-day/0.json", malformed);
    fail(keeping(&github, cache.path(), 40, 38));
    let serving = start(&github, cache.path());
    let html = page_of(&serving, "90d").await;
    let users = |age| cell(&html, "Active users", &day(&github, age).to_string(), 1);
    assert_eq!(users(38), "no data");
    assert!([users(39), users(40)].iter().all(|users| users != "no data"), "{html}");
    assert!(!html.contains("Charts that could not be drawn"), "{html}");
}
