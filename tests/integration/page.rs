/// The values of the charts as CSV and JSON.
mod chart_data;
/// What a real browser finds.
mod chromium;
/// Texts from outside can't change how others are shown.
mod control_characters;
/// What Copilot costs.
mod cost;
/// What the page says about the exporter as a whole, and where its links lead.
mod notices;
/// The table of all targets.
mod overview;
/// More days than the newest documents are about.
mod ranges;

use std::time::{Duration, Instant};

use copilot_metrics_tests::command::{Serving, client, exporter};
use copilot_metrics_tests::config::Config;
use copilot_metrics_tests::fixtures::read;
use copilot_metrics_tests::github::{Fault, stand_in};
use copilot_metrics_tests::guests::{Mappings, scripted};
use serde_json::Value;

use crate::serving::{command, metrics, serving, serving_every};

/// The common part of the paths of reports, and GitHub's message if the policy is disabled.
const REPORTS: &str = "/copilot/metrics/reports/";
const POLICY: &str = "The 'Copilot usage metrics' policy must be enabled to use this API";

/// The page once its charts are drawn and its changes are computed: on a busy machine, the first response may
/// lack them.
async fn page_with_charts(serving: &Serving, path: &str) -> String {
    loop {
        let (status, html) = serving.get(path).await;
        assert_eq!(status, 200);
        if !html.contains("being drawn") && !html.contains("still being computed") {
            return html;
        }
    }
}

/// The page as soon as it contains a text, with its charts.
async fn page_that_contains(serving: &Serving, text: &str) -> String {
    page_at_that_contains(serving, "/", text).await
}

/// The same with the path of a target.
async fn page_at_that_contains(serving: &Serving, path: &str, text: &str) -> String {
    let started = Instant::now();
    loop {
        let html = page_with_charts(serving, path).await;
        if html.contains(text) {
            return html;
        }
        assert!(started.elapsed() < Duration::from_secs(180), "no {text:?} on the page: {html}");
    }
}

/// The value in the table of a chart, in a row and column.
fn cell(html: &str, chart: &str, row: &str, column: usize) -> String {
    let table = html.split(&format!("<summary>{chart} in numbers</summary>")).nth(1).unwrap();
    let table = table.split("</table>").next().unwrap();
    let cells = table.split(&format!("<th scope=\"row\">{row}</th>")).nth(1);
    let row = cells.unwrap_or_else(|| panic!("no {row} in {chart}: {table}"));
    row.split("<td>").nth(column).unwrap().split("</td>").next().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_charts_show_the_recorded_values_without_another_request() {
    let github = stand_in().await;
    let serving = serving(&github, "octodemo");
    serving.wait_for("refreshed");
    let requests = github.requests().len();
    let html = page_with_charts(&serving, "/").await;
    let report: Value =
        serde_json::from_slice(&read("demo/octodemo/organization-28-day.json")).unwrap();
    let days = report["day_totals"].as_array().unwrap();
    assert_eq!(days.len(), 28);
    let newest = github.newest_day();
    let number = |value: &Value| value.as_f64().unwrap();
    for (back, day) in (0..).zip(days.iter().rev()) {
        let date = newest.saturating_sub(jiff::ToSpan::days(i64::from(back))).to_string();
        let value = cell(&html, "Active users", &date, 1);
        assert_eq!(value, day["daily_active_users"].to_string(), "{date}");
        let of_feature = |count: &str, is_wanted: &dyn Fn(&Value) -> bool| -> f64 {
            let rows = day["totals_by_feature"].as_array().unwrap().iter();
            rows.filter(|row| is_wanted(&row["feature"])).map(|row| number(&row[count])).sum()
        };
        let completions = |count| of_feature(count, &|feature| feature == "code_completion");
        let acceptance = 100.0 * completions("code_acceptance_activity_count")
            / completions("code_generation_activity_count");
        assert_eq!(cell(&html, "Acceptance", &date, 1), format!("{acceptance:.1}%"), "{date}");
        let is_agent = |feature: &Value| {
            ["agent_edit", "chat_panel_agent_mode", "copilot_cli", "copilot_app"]
                .contains(&feature.as_str().unwrap())
        };
        let agents =
            100.0 * of_feature("loc_added_sum", &is_agent) / of_feature("loc_added_sum", &|_| true);
        assert_eq!(cell(&html, "Share of agents", &date, 1), format!("{agents:.1}%"), "{date}");
        let deleted = cell(&html, "Lines of code", &date, 3).replace(',', "");
        assert_eq!(deleted, day["loc_deleted_sum"].to_string(), "{date}");
    }
    // Acceptance is of code completions, where GitHub says which code those are.
    for (chart, rows, field, name) in [
        ("By language", "totals_by_language_feature", "language", "rust"),
        ("By feature", "totals_by_feature", "feature", "code_completion"),
        ("By model", "totals_by_model_feature", "model", "gpt-4.1"),
    ] {
        let sum = |count: &str| -> f64 {
            let rows = days.iter().flat_map(|day| day[rows].as_array().unwrap());
            let of_name = rows.filter(|row| row[field] == name);
            let completions = of_name.filter(|row| row["feature"] == "code_completion");
            completions.map(|row| number(&row[count])).sum()
        };
        let generated = sum("code_generation_activity_count");
        assert!(generated > 0.0);
        let value = |column| cell(&html, chart, name, column).replace(',', "");
        assert_eq!(value(1), generated.to_string(), "{chart}");
        assert_eq!(value(2), sum("code_acceptance_activity_count").to_string(), "{chart}");
    }
    assert_eq!(cell(&html, "By feature", "agent_edit", 2), "–");
    assert_eq!(cell(&html, "By feature", "agent_edit", 3), "–");
    let exposition = metrics(&serving).await;
    let seats = |age: &str| {
        exposition.value(&format!(
            "github_copilot_seats_by_activity_age{{org=\"octodemo\",scope=\"organization\",activity_age=\"{age}\"}}"
        ))
    };
    let within_7_days = (seats("1d") + seats("7d")).to_string();
    assert_eq!(cell(&html, "Seats", "used within 7 days", 1), within_7_days);
    assert_eq!(cell(&html, "Seats", "idle for 31 to 90 days", 1), seats("90d").to_string());
    assert_eq!(cell(&html, "Seats", "no activity on record", 1), seats("never").to_string());
    assert_eq!(github.requests().len(), requests);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_shows_the_state_and_the_mapping_of_each_target() {
    let serving = Serving::demo();
    let response = client().get(serving.url("/")).send().await.unwrap();
    let headers = response.headers().clone();
    assert!(
        headers["content-security-policy"].to_str().unwrap().starts_with("default-src 'none';")
    );
    assert_eq!(headers["cache-control"], "no-store");
    let (_, sha256) = serving.get("/metrics").await;
    let sha256 = sha256.split("sha256=\"").nth(1).unwrap().get(..12).unwrap().to_owned();
    for (org, scope) in [
        ("octodemo", "organization"),
        ("octo-legacy", "organization"),
        ("octo-enterprise", "enterprise"),
    ] {
        // It is selected by its labels.
        let html = page_with_charts(&serving, &format!("/?org={org}&scope={scope}")).await;
        assert!(html.contains(&format!("<h2 id=\"target-name\">{org} <small>{scope}</small>")));
        assert!(html.contains("<dd class=\"state fresh\">up to date</dd>"), "{html}");
        assert!(html.contains("<dt>Last success</dt><dd>20"), "{html}");
        assert!(html.contains("<dt>Report day</dt><dd>20"), "{html}");
        assert!(html.contains(&format!("(sha256 {sha256}…)")), "{html}");
    }
    for path in ["/?org=unknown", "/?org=octodemo&scope=enterprise"] {
        let (_, none) = serving.get(path).await;
        assert!(none.contains("None of the targets has these labels"), "{none}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_reports_failures_and_remedies_and_keeps_the_last_good_charts() {
    let github = stand_in().await;
    let serving = serving_every(&github, "octodemo", "1");
    serving.wait_for("refreshed");
    let good = page_with_charts(&serving, "/").await;
    assert!(good.contains(">up to date<") && good.contains("Active users in numbers"));
    github.fail(REPORTS, Fault::Status(403, POLICY, vec![]));
    serving.wait_for("refresh failed");
    let failing = page_with_charts(&serving, "/").await;
    assert!(failing.contains("failing; serving the last good data"), "{failing}");
    assert!(failing.contains("enable the policy"), "{failing}");
    let newest = github.newest_day().to_string();
    assert_eq!(cell(&failing, "Active users", &newest, 1), cell(&good, "Active users", &newest, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_data_the_page_says_what_is_missing() {
    let serving = Serving::start(exporter());
    let (status, html) = serving.get("/").await;
    assert_eq!(status, 200);
    assert!(html.contains("Nothing to export") && html.contains("GHC_TOKEN"), "{html}");
    let github = stand_in().await;
    github.fail("/org", Fault::Status(401, "Bad credentials", vec![]));
    let serving = self::serving(&github, "octodemo");
    serving.wait_for("refresh failed");
    let (_, html) = serving.get("/").await;
    assert!(html.contains("failing; no data yet"), "{html}");
    assert!(html.contains("No data from GitHub yet"), "{html}");
    assert!(html.contains("401"), "{html}");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_mapping_adds_its_own_charts_to_the_page() {
    let (github, mappings) = (stand_in().await, Mappings::default());
    mappings.put("scripted.wasm", &scripted("scripted", "1", "chart"));
    let mut command = command(&github, "octodemo");
    command.env("MAPPING_DIR", mappings.path());
    let serving = Serving::start(command);
    let html = page_that_contains(&serving, "Scripted seats in numbers").await;
    let seats = metrics(&serving).await.sum("scripted_seats", "").to_string();
    assert!(html.contains(&format!("all <b>{seats}</b>")), "{html}");
    // In addition to those of the default mapping.
    assert!(html.contains("Active users in numbers"), "{html}");
    assert!(!html.contains("Charts that could not be drawn"), "{html}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mapping_whose_charts_fail_is_named_and_does_not_run_again_for_each_request() {
    let (github, mappings) = (stand_in().await, Mappings::default());
    mappings.put("bad.wasm", &scripted("github-copilot", "9", "trap-in-history"));
    let mut command = command(&github, "octodemo");
    command.env("MAPPING_DIR", mappings.path());
    let serving = Serving::start(command);
    for _ in 0..3 {
        // At first, the charts may still be those of the mapping that it has replaced.
        let html = page_that_contains(&serving, "Charts that could not be drawn").await;
        assert!(html.contains("github-copilot 9 (sha256"), "{html}");
        // The metrics are not affected.
        assert!(html.contains(">up to date<"), "{html}");
        assert!(html.contains("mapping github-copilot: the mapping failed"), "{html}");
        assert!(html.contains("it traps in history"), "{html}");
        assert!(html.contains("Could not be drawn, for the reason above: "), "{html}");
    }
    let failures = "copilot_exporter_mapping_failures_total";
    assert_eq!(metrics(&serving).await.sum(failures, "cause=\"pictures\""), 1.0);
    // The charts are those of the mappings in use.
    mappings.remove("bad.wasm");
    serving.wait_for("mapping no longer in use");
    let html = page_that_contains(&serving, "Active users in numbers").await;
    assert!(!html.contains("Charts that could not be drawn"), "{html}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_limit_of_series_applies_to_a_day_and_the_page_shows_28() {
    let github = stand_in().await;
    // The newest day of octodemo has about 1,500 series, and 28 days have many times that.
    let config = Config::new("targets: [{organization: octodemo}]\nmapping: {series: 2000}\n");
    let mut command = command(&github, "");
    command.env_remove("ORG").arg("--config").arg(config.path());
    let serving = Serving::start(command);
    serving.wait_for("refreshed");
    let html = page_with_charts(&serving, "/").await;
    assert!(html.contains("Active users in numbers"), "{html}");
    assert!(!html.contains("Charts that could not be drawn"), "{html}");
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_restart_while_github_is_down_the_page_has_state_and_charts_from_the_cache() {
    let (github, cache) = (stand_in().await, tempfile::tempdir().unwrap());
    let start = || {
        let mut command = command(&github, "octodemo");
        command.env("CACHE_DIR", cache.path());
        Serving::start(command)
    };
    let serving = start();
    serving.wait_for("refreshed");
    let before = page_with_charts(&serving, "/").await;
    serving.kill();
    github.fail("/", Fault::Status(503, "down", vec![]));
    let serving = start();
    let after = page_that_contains(&serving, "<dt>Next refresh</dt><dd>20").await;
    assert!(after.contains("<dt>Last success</dt><dd>20"), "{after}");
    let charts = |html: &str| {
        let (_, rest) = html.split_once("<div class=\"charts\">").unwrap();
        rest.split("<details>\n<summary>Documents of").next().unwrap().to_owned()
    };
    assert_eq!(charts(&after), charts(&before));
}
