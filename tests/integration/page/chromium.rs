use std::fs;
use std::process::Command;

use copilot_metrics_tests::command::Serving;
use copilot_metrics_tests::config::Config;
use copilot_metrics_tests::fixtures::root;
use copilot_metrics_tests::github::{Fault, stand_in};
use copilot_metrics_tests::npm;
use serde_json::Value;

use super::overview::{rows, serving_many};
use super::ranges::{keep, page_of, start};
use super::{POLICY, page_with_charts};
use crate::serving::command;

/// The path of the page.
const PAGE: &str = "/";

/// The findings of Chromium about a page, in each of four views.
fn views_in_chromium(serving: &Serving, path: &str, screenshots: &str) -> Vec<Value> {
    let directory = npm::install(&root().join("tests/browser"), "browser", &["page.js"]);
    let screenshots = root().join("target/screenshots").join(screenshots);
    fs::create_dir_all(&screenshots).unwrap();
    let chromium = ["chromium", "chromium-browser", "google-chrome"].iter().find_map(|name| {
        let paths = std::env::var_os("PATH")?;
        std::env::split_paths(&paths)
            .map(|directory| directory.join(name))
            .find(|path| path.exists())
    });
    let output = Command::new("node")
        .arg("page.js")
        .arg(chromium.expect("Chromium is needed: `make test` installs it"))
        .args([&serving.url(path), screenshots.to_str().unwrap()])
        .current_dir(directory)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn assert_no_findings(views: &[Value], serving: &Serving, path: &str, charts: usize) {
    let names: Vec<_> = views.iter().map(|view| view["view"].as_str().unwrap()).collect();
    assert_eq!(names, ["desktop light", "desktop dark", "phone light", "phone dark"]);
    for view in views {
        for list in ["said", "faults", "violations"] {
            assert_eq!(view[list], Value::Array(vec![]), "{} {list}", view["view"]);
        }
        assert_eq!(view["pictures"], charts, "{view}");
        assert_eq!(view["fetched"], Value::from(vec![serving.url(path)]));
        // The checks ran.
        assert!(view["checks"].as_u64() > Some(15), "{view}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn chromium_finds_no_fault_in_the_page_on_desktop_and_phone_in_light_and_dark_mode() {
    let serving = Serving::demo();
    // An organization has no cost centers, and the closed API has less than the reports, and no bill.
    for (path, screenshots, charts) in [
        (PAGE, "demo", 18),
        ("/?org=octo-legacy", "demo-legacy", 7),
        ("/?org=octo-enterprise", "demo-enterprise", 19),
    ] {
        page_with_charts(&serving, path).await;
        let views = views_in_chromium(&serving, path, screenshots);
        assert_no_findings(&views, &serving, path, charts);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn chromium_finds_no_fault_in_a_page_with_failures_and_long_names() {
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
    // One is refreshed and the other one fails, in any order.
    serving.wait_for(" refresh");
    serving.wait_for(" refresh");
    page_with_charts(&serving, "/").await;
    // The first target has charts of its seats and of its bill only.
    assert_no_findings(&views_in_chromium(&serving, PAGE, "failing"), &serving, PAGE, 5);
    let (_, html) = serving.get("/").await;
    assert!(!html.contains("<script"), "{html}");
    assert!(html.contains("&#60;script&#62;alert(1)&#60;/script&#62;"), "{html}");
}

#[tokio::test(flavor = "multi_thread")]
async fn chromium_finds_no_fault_in_charts_of_a_quarter_and_of_a_year() {
    let (github, cache) = (stand_in().await, tempfile::tempdir().unwrap());
    keep(&github, cache.path(), 364, 350);
    keep(&github, cache.path(), 80, 28);
    let serving = start(&github, cache.path());
    for (range, screenshots) in [("90d", "quarter"), ("1y", "year")] {
        let path = format!("/?org=octodemo&scope=organization&range={range}");
        page_of(&serving, range).await;
        let views = views_in_chromium(&serving, &path, screenshots);
        assert_no_findings(&views, &serving, &path, 18);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn chromium_finds_no_fault_in_an_overview_of_1_and_of_50_targets() {
    for targets in [1, 50] {
        let (serving, _github, _config) = serving_many(targets).await;
        let html = page_with_charts(&serving, PAGE).await;
        assert_eq!(rows(&html).len(), targets);
        let views = views_in_chromium(&serving, PAGE, &format!("targets-{targets}"));
        assert_no_findings(&views, &serving, PAGE, 13);
    }
}
