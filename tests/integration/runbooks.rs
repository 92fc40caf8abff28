//! The runbooks say for every alert what it means and what to do.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use copilot_metrics_tests::deployed::deployed;
use copilot_metrics_tests::fixtures::root;

const REPOSITORY: &str = "https://github.com/copilot-metrics-exporter/copilot-metrics-exporter";

/// The parts of a section, in this order.
const PARTS: [&str; 4] = ["**Meaning.** ", "**Impact.** ", "**Check.** ", "**Mitigation.** "];

fn read(file: &str) -> String {
    fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// The URL of each alert's runbook.
fn urls() -> BTreeMap<String, String> {
    let alerts = deployed("alerts.yml");
    let mut urls = BTreeMap::new();
    for alert in alerts.split("- alert: ").skip(1) {
        let name = alert.lines().next().unwrap().to_owned();
        let lines = alert.lines().map(str::trim);
        let found: Vec<_> = lines.filter_map(|line| line.strip_prefix("runbook_url: ")).collect();
        let [url] = found.as_slice() else { panic!("{name}: {found:?}") };
        urls.insert(name, (*url).to_owned());
    }
    urls
}

/// The sections of the runbooks, by alert.
fn sections() -> BTreeMap<String, String> {
    let text = read("docs/runbooks.md");
    let sections = text.split("\n### ").skip(1).map(|section| {
        let (name, text) = section.split_once('\n').unwrap();
        let text = text.split("\n## ").next().unwrap();
        (name.to_owned(), text.to_owned())
    });
    sections.collect()
}

#[test]
fn every_alert_has_a_runbook_and_every_runbook_an_alert() {
    let (urls, sections) = (urls(), sections());
    // Where the workspace says that it is.
    let manifest = read("Cargo.toml");
    let repository =
        manifest.split("repository = \"").nth(1).and_then(|rest| rest.split('"').next());
    assert_eq!(repository.unwrap_or(REPOSITORY), REPOSITORY);
    assert!(urls.len() > 15);
    assert_eq!(urls.keys().collect::<Vec<_>>(), sections.keys().collect::<Vec<_>>());
    for (alert, url) in urls {
        // GitHub's anchor of a heading is its text in lower case.
        let anchor = alert.to_lowercase();
        assert_eq!(url, format!("{REPOSITORY}/blob/main/docs/runbooks.md#{anchor}"));
    }
}

#[test]
fn every_runbook_says_what_the_alert_means_what_it_affects_how_to_check_and_what_to_do() {
    let documented = read("docs/metrics.md");
    let rules = deployed("rules.yml");
    for (alert, section) in sections() {
        let mut rest = section.as_str();
        for part in PARTS {
            let (_, after) = rest.split_once(part).unwrap_or_else(|| panic!("{alert}: {part}"));
            assert!(after.len() > 20, "{alert}: {part}");
            rest = after;
        }
        // What it names exists.
        let words = section.split(|c: char| !(c.is_ascii_alphanumeric() || "_:".contains(c)));
        let names = words.map(|word| word.trim_matches(':')).filter(|word| {
            word.starts_with("github_copilot_")
                || word.contains("copilot_exporter_")
                || word.contains(":github_copilot_")
        });
        for name in names {
            let name = name.strip_prefix("daily_").unwrap_or(name);
            let is_metric = documented.contains(&format!("| `{name}` |"));
            let is_rule = rules.contains(&format!("- record: {name}\n"));
            assert!(is_metric || is_rule, "{alert}: {name}");
        }
    }
}

#[test]
fn the_runbooks_list_the_alerts_in_the_order_of_the_file() {
    let text = read("docs/runbooks.md");
    let headings = text.lines().filter_map(|line| line.strip_prefix("### "));
    let alerts = deployed("alerts.yml");
    let names = alerts.lines().filter_map(|line| line.trim().strip_prefix("- alert: "));
    assert_eq!(headings.collect::<Vec<_>>(), names.collect::<Vec<_>>());
    let unique: BTreeSet<&str> = text.lines().filter(|line| line.starts_with("### ")).collect();
    assert_eq!(unique.len(), urls().len());
}
