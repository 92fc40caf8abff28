//! The table of all targets, and the numbers of the one whose charts are shown.

use std::fmt::Write;
use std::process::Command;

use copilot_metrics_tests::command::{Serving, exporter};
use copilot_metrics_tests::config::Config;
use copilot_metrics_tests::fixtures::{OCTODEMO, read};
use copilot_metrics_tests::github::{Fault, Options, StandIn, stand_in, stand_in_with};
use serde_json::Value;

use super::{POLICY, page_with_charts};
use crate::serving::{command, metrics, serving};

/// The largest page of 500 targets, in bytes.
const MAX_BYTES: usize = 200_000;

/// A row of the overview.
#[derive(Debug, PartialEq)]
pub struct Row {
    pub org: String,
    /// State, report day, active users of the day, week and month, accepted completions, agents' share,
    /// seats used and idle, cost of the month.
    pub cells: Vec<String>,
    /// The changes of active users.
    pub changes: Vec<String>,
    is_chosen: bool,
}

/// The text of an element without its elements.
fn text(html: &str) -> String {
    let texts = html.split('<').enumerate().map(|(at, piece)| match at {
        0 => piece,
        _ => piece.split_once('>').map_or("", |(_, text)| text),
    });
    texts.collect::<String>().trim().to_owned()
}

/// The rows of the overview.
pub fn rows(html: &str) -> Vec<Row> {
    let (_, table) = html.split_once("<div class=\"overview\"").expect("no overview");
    let (_, body) = table.split_once("<tbody>").unwrap();
    let body = body.split("</table>").next().unwrap();
    let row = |html: &str| {
        let mut cells = html.split("<td");
        let head = cells.next().unwrap();
        let name = head.split("</a>").next().unwrap().rsplit('>').next().unwrap();
        let cells = cells.map(|cell| cell.split_once('>').unwrap().1);
        let (cells, changes): (Vec<_>, Vec<_>) = cells
            .map(|cell| match cell.split_once("<i>") {
                Some((value, change)) => (text(value), Some(text(change))),
                None => (text(cell), None),
            })
            .unzip();
        Row {
            org: name.to_owned(),
            cells,
            changes: changes.into_iter().flatten().collect(),
            is_chosen: head.contains("aria-current=\"true\""),
        }
    };
    body.split("<tr").skip(1).map(row).collect()
}

/// The names of the targets whose charts are shown.
fn chosen(rows: &[Row]) -> Vec<&str> {
    rows.iter().filter(|row| row.is_chosen).map(|row| row.org.as_str()).collect()
}

/// The tiles: names, and values with changes.
fn tiles(html: &str) -> Vec<(String, String)> {
    let Some((_, tiles)) = html.split_once("<dl class=\"tiles\">") else { return vec![] };
    let tiles = tiles.split("</dl>").next().unwrap().split("<dt>").skip(1);
    let tile = |tile: &str| {
        let (name, value) = tile.split_once("</dt>").unwrap();
        (name.to_owned(), text(&value.replace("</dd><dd", "</dd> <dd")))
    };
    tiles.map(tile).collect()
}

/// A stand-in with as many organizations as wanted.
async fn many() -> StandIn {
    stand_in_with(Options {
        copies_of: Some(OCTODEMO.name),
        is_unlimited: true,
        ..Options::default()
    })
    .await
}

/// An exporter of this many targets, named octo-001 and so on. Of each, it fetches what the overview shows:
/// the report of 28 days, the seats, and the bill.
fn exporter_of(github: &StandIn, targets: usize) -> (Command, Config) {
    let off = ["organization-1-day", "users-1-day", "user-teams-1-day", "billing", "budgets"];
    let off = off.map(|document| format!("{document}: false")).join(", ");
    let mut yaml = format!("defaults: {{documents: {{{off}}}}}\ntargets:\n");
    for number in 1..=targets {
        writeln!(yaml, "- organization: octo-{number:03}").unwrap();
    }
    let config = Config::new(&yaml);
    let mut command = exporter();
    command.arg("--config").arg(config.path());
    command.env("GHC_TOKEN", github.token()).env("GITHUB_API_URL", github.api().as_str());
    (command, config)
}

/// A serving exporter of many targets, once they are refreshed, with the stand-in and the config that it
/// needs.
pub async fn serving_many(targets: usize) -> (Serving, StandIn, Config) {
    let github = many().await;
    let (command, config) = exporter_of(&github, targets);
    let serving = Serving::start(command);
    for _ in 0..targets {
        serving.wait_for(" refreshed ");
    }
    (serving, github, config)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_overview_and_the_tiles_show_the_numbers_of_the_metrics() {
    let serving = Serving::demo();
    let html = page_with_charts(&serving, "/").await;
    let rows = rows(&html);
    let names: Vec<_> = rows.iter().map(|row| row.org.as_str()).collect();
    assert_eq!(names, ["octodemo", "octo-legacy", "octo-enterprise"]);
    assert_eq!(chosen(&rows), ["octodemo"]);
    let exposition = metrics(&serving).await;
    let number = |text: &str| text.replace([',', '$', '%'], "").parse::<f64>().unwrap();
    for row in [&rows[0], &rows[2]] {
        let scope = if row.org == "octodemo" { "organization" } else { "enterprise" };
        let target = format!("{{org=\"{}\",scope=\"{scope}\"", row.org);
        let of = |family: &str, labels: &str| {
            exposition.sum(&format!("github_copilot_{family}"), &format!("{target}{labels}"))
        };
        let sum = |family: &str, label: &str, values: &[&str]| -> f64 {
            values.iter().map(|value| of(family, &format!(",{label}=\"{value}\""))).sum()
        };
        assert_eq!(row.cells[0], "ok");
        for (cell, window) in row.cells[2..5].iter().zip(["day", "week", "month"]) {
            let users = of("active_users", &format!(",window=\"{window}\",surface=\"any\""));
            assert!(users > 0.0);
            assert_eq!(number(cell), users, "{window}");
        }
        let completions = |family| sum(family, "feature", &["code_completion"]);
        let acceptance =
            completions("feature_code_acceptances") / completions("feature_code_generations");
        assert_eq!(row.cells[5], format!("{:.1}%", 100.0 * acceptance));
        let agents = ["agent_edit", "chat_panel_agent_mode", "copilot_cli", "copilot_app"];
        let added = "feature_lines_added";
        let share = sum(added, "feature", &agents) / of(added, "");
        assert_eq!(row.cells[6], format!("{:.1}%", 100.0 * share));
        let seats = |ages: &[&str]| sum("seats_by_activity_age", "activity_age", ages);
        assert_eq!(number(&row.cells[7]), seats(&["1d", "7d", "30d"]));
        assert_eq!(number(&row.cells[8]), seats(&["90d", "over_90d", "never"]));
        let cost = of("ai_usage_month_net_dollars", "");
        assert!(cost > 1000.0);
        assert_eq!(number(&row.cells[9]), cost.round());
    }
    // The closed API has no weeks, agents or bill: that is not 0.
    let legacy = &rows[1];
    assert_eq!([3, 4, 6, 9].map(|at| legacy.cells[at].as_str()), ["–"; 4]);
    assert!(legacy.changes.iter().all(String::is_empty), "{legacy:?}");
    let tiles = tiles(&html);
    let names: Vec<_> = tiles.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        names,
        [
            "Active users, day",
            "Active users, week",
            "Active users, month",
            "Accepted completions",
            "Lines added by agents",
            "Seats used within 30 days",
            "Seats idle for longer",
            "AI usage this month",
        ]
    );
    for (at, (tile, cell)) in tiles.iter().zip(&rows[0].cells[2..]).enumerate() {
        let change = rows[0].changes.get(at).map(|change| format!(" {change} in a week"));
        assert_eq!(tile.1, format!("{cell}{}", change.unwrap_or_default()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_change_is_that_from_the_same_day_a_week_earlier_in_the_report() {
    let github = stand_in().await;
    let serving = serving(&github, "octodemo");
    serving.wait_for("refreshed");
    let html = page_with_charts(&serving, "/").await;
    let row = &rows(&html)[0];
    assert_eq!(row.cells[1], github.newest_day().to_string());
    let report: Value =
        serde_json::from_slice(&read("demo/octodemo/organization-28-day.json")).unwrap();
    let days = report["day_totals"].as_array().unwrap();
    assert_eq!(days.len(), 28);
    for (at, field) in
        ["daily_active_users", "weekly_active_users", "monthly_active_users"].iter().enumerate()
    {
        let of_day = |day: usize| days[day][field].as_f64().unwrap();
        let percent = (100.0 * (of_day(27) / of_day(20) - 1.0)).round();
        let sign = match percent {
            0.0 => "±",
            ..0.0 => "−",
            _ => "+",
        };
        assert_eq!(row.changes[at], format!("{sign}{}%", percent.abs()), "{field}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn failing_targets_come_first_and_the_first_one_is_shown_unless_another_one_is_chosen() {
    let github = many().await;
    github.fail("/orgs/octo-003/copilot/metrics", Fault::Status(403, POLICY, vec![]));
    let mut command = command(&github, "octo-001,octo-002,octo-003");
    command.env("CACHE_TTL_SECONDS", "3600");
    let serving = Serving::start(command);
    for _ in 0..3 {
        serving.wait_for(" refresh");
    }
    let html = page_with_charts(&serving, "/").await;
    let rows = rows(&html);
    let names: Vec<_> = rows.iter().map(|row| (row.org.as_str(), row.cells[0].as_str())).collect();
    assert_eq!(names, [("octo-003", "failing"), ("octo-001", "ok"), ("octo-002", "ok")]);
    assert_eq!(chosen(&rows), ["octo-003"]);
    assert!(html.contains("enable the policy"), "{html}");
    // What it has is shown: there is no report, but there are seats.
    assert_eq!([rows[0].cells[2].as_str(), rows[0].cells[5].as_str()], ["–", "–"]);
    assert_eq!(rows[0].cells[7..], rows[1].cells[7..]);
    let html = page_with_charts(&serving, "/?org=octo-002").await;
    assert_eq!(chosen(&self::rows(&html)), ["octo-002"]);
    assert!(!html.contains("enable the policy"), "{html}");
    assert!(html.contains("Active users in numbers"), "{html}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_many_targets_has_a_row_for_each_and_the_charts_of_one() {
    let targets = 50;
    let (serving, _github, _config) = serving_many(targets).await;
    let html = page_with_charts(&serving, "/").await;
    let rows = rows(&html);
    assert_eq!(rows.len(), targets);
    for (number, row) in (1..).zip(&rows) {
        assert_eq!(row.org, format!("octo-{number:03}"));
        // They have the same recordings.
        assert_eq!((&row.cells, &row.changes), (&rows[0].cells, &rows[0].changes));
    }
    assert!(rows[0].cells.iter().all(|cell| cell != "–"), "{:?}", rows[0]);
    assert_eq!(chosen(&rows), ["octo-001"]);
    assert_eq!(html.matches("<h3>Active users</h3>").count(), 1);
    // Each target adds its row and nothing else.
    let row = html.split("<tr><th scope=\"row\"><a").nth(1).unwrap().len();
    let of_500 = html.len() + (500 - targets) * row;
    assert!(of_500 < MAX_BYTES, "{of_500} bytes with rows of {row}");
}
