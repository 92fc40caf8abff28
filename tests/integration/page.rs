use std::fs;
use std::process::Command;

use copilot_metrics_tests::command::{Serving, client, exporter};
use copilot_metrics_tests::config::Config;
use copilot_metrics_tests::fixtures::{read, root};
use copilot_metrics_tests::github::{Fault, stand_in};
use copilot_metrics_tests::guests::{Mappings, scripted};
use copilot_metrics_tests::npm;
use serde_json::Value;

use crate::serving::{command, metrics, serving, serving_every};

/// What the report links of a stand-in have in common, and GitHub's words for a policy that is off.
const REPORTS: &str = "/copilot/metrics/reports/";
const POLICY: &str = "The 'Copilot usage metrics' policy must be enabled to use this API";

/// What Chromium has to say of a page, in each of four views.
fn look_at(serving: &Serving, screenshots: &str) -> Vec<Value> {
    let folder = npm::install(&root().join("tests/browser"), "browser", &["page.js"]);
    let pictures = root().join("target/screenshots").join(screenshots);
    fs::create_dir_all(&pictures).unwrap();
    let found = ["chromium", "chromium-browser", "google-chrome"].iter().find_map(|name| {
        let paths = std::env::var_os("PATH")?;
        std::env::split_paths(&paths).map(|folder| folder.join(name)).find(|path| path.exists())
    });
    let looked = Command::new("node")
        .arg("page.js")
        .arg(found.expect("Chromium is needed: `make test` installs it"))
        .args([&serving.url("/"), pictures.to_str().unwrap()])
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(looked.status.success(), "{}", String::from_utf8_lossy(&looked.stderr));
    serde_json::from_slice(&looked.stdout).unwrap()
}

/// The page, once its pictures are drawn: on a busy machine it may come without them first.
async fn drawn(serving: &Serving, path: &str) -> String {
    loop {
        let (status, html) = serving.get(path).await;
        assert_eq!(status, 200);
        if !html.contains("being drawn") {
            return html;
        }
    }
}

fn assert_flawless(views: &[Value], serving: &Serving, pictures: usize) {
    let names: Vec<_> = views.iter().map(|view| view["view"].as_str().unwrap()).collect();
    assert_eq!(names, ["desktop light", "desktop dark", "phone light", "phone dark"]);
    for view in views {
        for list in ["said", "faults", "violations"] {
            assert_eq!(view[list], Value::Array(vec![]), "{} {list}", view["view"]);
        }
        assert_eq!(view["pictures"], pictures, "{view}");
        assert_eq!(view["fetched"], Value::from(vec![serving.url("/")]));
        // It did look.
        assert!(view["checks"].as_u64() > Some(15), "{view}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn chromium_finds_no_flaw_in_the_page_on_a_desk_or_a_phone_in_the_light_or_in_the_dark() {
    let serving = Serving::demo();
    drawn(&serving, "/").await;
    // Eight of each target, but for two that the closed API has nothing about.
    assert_flawless(&look_at(&serving, "demo"), &serving, 8 + 6 + 8);
}

#[tokio::test(flavor = "multi_thread")]
async fn chromium_finds_no_flaw_in_a_page_of_failures_and_long_names() {
    let github = stand_in().await;
    github.fail("/orgs/octodemo/copilot/metrics", Fault::Status(403, POLICY, vec![]));
    let long = "x".repeat(40);
    let name = format!("<script>alert(1)</script> & \"a long name: {long}\"");
    let yaml = format!(
        "targets:\n- organization: octodemo\n  name: '{name}'\n- organization: octo-legacy\n"
    );
    let config = Config::new(&yaml);
    let mut command = command(&github, "");
    command.env_remove("ORG").arg("--config").arg(config.path());
    let serving = Serving::start(command);
    // One is refreshed, and the refresh of the other has failed; whichever comes first.
    serving.wait_for(" refresh");
    serving.wait_for(" refresh");
    drawn(&serving, "/").await;
    // Of the first the seats only.
    assert_flawless(&look_at(&serving, "failing"), &serving, 1 + 6);
    let (_, html) = serving.get("/").await;
    assert!(!html.contains("<script"), "{html}");
    assert!(html.contains("&#60;script&#62;alert(1)&#60;/script&#62;"), "{html}");
}

/// The number in the table of a picture: of a row, the column with this number.
fn cell(html: &str, picture: &str, row: &str, column: usize) -> String {
    let table = html.split(&format!("<summary>{picture} in numbers</summary>")).nth(1).unwrap();
    let table = table.split("</table>").next().unwrap();
    let cells = table.split(&format!("<th scope=\"row\">{row}</th>")).nth(1);
    let row = cells.unwrap_or_else(|| panic!("no {row} in {picture}: {table}"));
    row.split("<td>").nth(column).unwrap().split("</td>").next().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pictures_show_what_was_recorded_without_another_request() {
    let github = stand_in().await;
    let serving = serving(&github, "octodemo");
    serving.wait_for("refreshed");
    let requests = github.requests().len();
    let html = drawn(&serving, "/").await;
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
        let acceptance = 100.0 * number(&day["code_acceptance_activity_count"])
            / number(&day["code_generation_activity_count"]);
        assert_eq!(cell(&html, "Acceptance", &date, 1), format!("{acceptance:.1}%"), "{date}");
        let deleted = cell(&html, "Lines of code", &date, 3).replace(',', "");
        assert_eq!(deleted, day["loc_deleted_sum"].to_string(), "{date}");
    }
    for (picture, rows, field, name) in [
        ("By language", "totals_by_language_feature", "language", "rust"),
        ("By editor", "totals_by_ide", "ide", "vscode"),
        ("By feature", "totals_by_feature", "feature", "agent_edit"),
        ("By model", "totals_by_model_feature", "model", "gpt-4.1"),
    ] {
        let of = |count: &str| -> f64 {
            let rows = days.iter().flat_map(|day| day[rows].as_array().unwrap());
            rows.filter(|row| row[field] == name).map(|row| number(&row[count])).sum()
        };
        let generated = of("code_generation_activity_count");
        assert!(generated > 0.0);
        let shown = |column| cell(&html, picture, name, column).replace(',', "");
        assert_eq!(shown(1), generated.to_string(), "{picture}");
        assert_eq!(shown(2), of("code_acceptance_activity_count").to_string(), "{picture}");
    }
    let exposition = metrics(&serving).await;
    let seats = |age: &str| {
        exposition.value(&format!(
            "github_copilot_seats_by_activity_age{{org=\"octodemo\",scope=\"organization\",activity_age=\"{age}\"}}"
        ))
    };
    let within_7_days = (seats("1d") + seats("7d")).to_string();
    assert_eq!(cell(&html, "Seats", "used within 7 days", 1), within_7_days);
    assert_eq!(cell(&html, "Seats", "idle for 31 to 90 days", 1), seats("90d").to_string());
    assert_eq!(cell(&html, "Seats", "no use on record", 1), seats("never").to_string());
    assert_eq!(github.requests().len(), requests);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_says_how_each_target_is_and_which_mapping_it_has() {
    let serving = Serving::demo();
    let response = client().get(serving.url("/")).send().await.unwrap();
    let headers = response.headers().clone();
    let html = response.text().await.unwrap();
    assert!(
        headers["content-security-policy"].to_str().unwrap().starts_with("default-src 'none';")
    );
    assert_eq!(headers["cache-control"], "no-store");
    assert_eq!(html.matches("<dd class=\"state fresh\">up to date</dd>").count(), 3);
    assert_eq!(html.matches("<dt>Last success</dt><dd>20").count(), 3);
    assert_eq!(html.matches("<dt>Report day</dt><dd>20").count(), 3);
    let (_, sha256) = serving.get("/metrics").await;
    let sha256 = sha256.split("sha256=\"").nth(1).unwrap().get(..12).unwrap().to_owned();
    assert_eq!(html.matches(&format!("(sha256 {sha256}…)")).count(), 3);
    // One of them by its labels.
    let (_, one) = serving.get("/?org=octo-legacy&scope=organization").await;
    assert!(one.contains("octo-legacy") && !one.contains("octo-enterprise"), "{one}");
    let (_, none) = serving.get("/?org=nobody").await;
    assert!(none.contains("None of the 3 targets has these labels"), "{none}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_says_what_failed_and_what_to_do_and_keeps_the_last_good_pictures() {
    let github = stand_in().await;
    let serving = serving_every(&github, "octodemo", "1");
    serving.wait_for("refreshed");
    let good = drawn(&serving, "/").await;
    assert!(good.contains(">up to date<") && good.contains("Active users in numbers"));
    github.fail(REPORTS, Fault::Status(403, POLICY, vec![]));
    serving.wait_for("refresh failed");
    let failing = drawn(&serving, "/").await;
    assert!(failing.contains("failing; the last good data is served"), "{failing}");
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
    github.fail("/orgs/", Fault::Status(401, "Bad credentials", vec![]));
    let serving = self::serving(&github, "octodemo");
    serving.wait_for("refresh failed");
    let (_, html) = serving.get("/").await;
    assert!(html.contains("failing; there is no data yet"), "{html}");
    assert!(html.contains("There is nothing to draw"), "{html}");
    assert!(html.contains("401"), "{html}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mapping_that_fails_at_pictures_is_named_and_not_run_again_at_every_look() {
    let (github, mappings) = (stand_in().await, Mappings::default());
    mappings.put("bad.wasm", &scripted("github-copilot", "9", "trap-in-history"));
    let mut command = command(&github, "octodemo");
    command.env("MAPPING_DIR", mappings.path());
    let serving = Serving::start(command);
    serving.wait_for("refreshed");
    for _ in 0..3 {
        let html = drawn(&serving, "/").await;
        // What is served is as it should be.
        assert!(html.contains(">up to date<"), "{html}");
        assert!(html.contains("What could not be drawn"), "{html}");
        assert!(html.contains("mapping github-copilot: the mapping failed"), "{html}");
        assert!(html.contains("it traps in history"), "{html}");
        let without = "No mapping that is in use makes github_copilot_seats_by_activity_age";
        assert!(html.contains(without), "{html}");
    }
    let failures = "copilot_exporter_mapping_failures_total";
    assert_eq!(metrics(&serving).await.sum(failures, "cause=\"pictures\""), 1.0);
    // Another mapping, other pictures.
    mappings.remove("bad.wasm");
    serving.wait_for("mapping no longer in use");
    serving.wait_for("refreshed");
    let html = drawn(&serving, "/").await;
    assert!(html.contains("Active users in numbers"), "{html}");
    assert!(!html.contains("What could not be drawn"), "{html}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_many_targets_has_pictures_of_the_first_eight_and_links_to_the_others() {
    let github = stand_in().await;
    let nobody: Vec<String> = (1..=8).map(|number| format!("nobody-{number}")).collect();
    let serving = serving(&github, &format!("{},octodemo", nobody.join(",")));
    for _ in 0..9 {
        serving.wait_for(" refresh");
    }
    let html = drawn(&serving, "/").await;
    assert_eq!(html.matches("There is nothing to draw").count(), 8);
    assert!(html.contains(">Pictures of octodemo</a>"), "{html}");
    assert!(!html.contains("in numbers"), "{html}");
    let html = drawn(&serving, "/?org=octodemo").await;
    assert!(html.contains("Active users in numbers"), "{html}");
    assert!(html.contains(">all targets</a>") && !html.contains("nobody-1"), "{html}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_limit_of_series_is_that_of_one_day_and_the_page_shows_all_of_them() {
    let github = stand_in().await;
    // The newest day of octodemo has some 1,500, and 28 days many times that.
    let config = Config::new("targets: [{organization: octodemo}]\nmapping: {series: 2000}\n");
    let mut command = command(&github, "");
    command.env_remove("ORG").arg("--config").arg(config.path());
    let serving = Serving::start(command);
    serving.wait_for("refreshed");
    let html = drawn(&serving, "/").await;
    assert!(html.contains("Active users in numbers"), "{html}");
    assert!(!html.contains("What could not be drawn"), "{html}");
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_restart_while_github_is_down_the_page_has_state_and_pictures_from_the_cache() {
    let (github, cache) = (stand_in().await, tempfile::tempdir().unwrap());
    let start = || {
        let mut command = command(&github, "octodemo");
        command.env("CACHE_DIR", cache.path());
        Serving::start(command)
    };
    let serving = start();
    serving.wait_for("refreshed");
    let before = drawn(&serving, "/").await;
    serving.kill();
    github.fail("/", Fault::Status(503, "down", vec![]));
    let serving = start();
    serving.wait_for("cached data is served");
    let after = drawn(&serving, "/").await;
    assert!(after.contains("<dt>Last success</dt><dd>20"), "{after}");
    assert!(after.contains("<dt>Next refresh</dt><dd>20"), "{after}");
    let pictures = |html: &str| {
        let (_, rest) = html.split_once("<div class=\"pictures\">").unwrap();
        rest.split("<details>\n<summary>Documents of").next().unwrap().to_owned()
    };
    assert_eq!(pictures(&after), pictures(&before));
}
