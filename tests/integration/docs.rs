use std::collections::BTreeMap;
use std::fs;

use copilot_metrics_exporter::telemetry::Telemetry;
use copilot_metrics_tests::command::{Serving, printed};
use copilot_metrics_tests::fixtures::root;
use copilot_metrics_tests::mapping::Component;

fn read(file: &str) -> String {
    fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// The rows of a Markdown file's tables whose first cell is `code`: the code and the other cells.
fn table(file: &str) -> BTreeMap<String, Vec<String>> {
    let mut rows = BTreeMap::new();
    for line in read(file).lines() {
        let mut cells = line.trim().trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned());
        let first = cells.next().unwrap_or_default();
        if let Some(code) = first.strip_prefix('`').and_then(|rest| rest.strip_suffix('`')) {
            let twice = rows.insert(code.to_owned(), cells.collect());
            assert!(twice.is_none(), "{file} has {code} twice");
        }
    }
    rows
}

#[test]
fn docs_metrics_lists_every_family_of_the_mapping_with_its_labels_and_help() {
    let listed = table("docs/metrics.md");
    let component = Component::load();
    for family in &component.manifest().families {
        let row = listed.get(&family.name).unwrap_or_else(|| panic!("{} is not listed", family.name));
        let labels = family.label_names.iter().map(|label| format!("`{label}`"));
        assert_eq!(row, &[labels.collect::<Vec<_>>().join(" "), family.help.clone()], "{}", family.name);
    }
    let known = |name: &str| {
        name.starts_with("copilot_exporter_")
            || name.starts_with("process_")
            || component.manifest().families.iter().any(|family| family.name == name)
    };
    let stale: Vec<_> = listed.keys().filter(|name| !known(name)).collect();
    assert!(stale.is_empty(), "not families: {stale:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn docs_metrics_lists_every_metric_of_the_exporter_itself() {
    let listed = table("docs/metrics.md");
    let serving = Serving::demo();
    let (_, text) = serving.get("/metrics").await;
    let names = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    for name in names.filter_map(|line| line.split(' ').next()) {
        assert!(listed.contains_key(name), "{name} is not listed");
    }
    for (name, help) in Telemetry::new().unwrap().families() {
        assert_eq!(listed[&name].last(), Some(&help), "{name}");
    }
}

#[test]
fn the_readme_has_every_setting_with_its_default() {
    let readme = table("README.md");
    let help = printed(["--help"]);
    let flags = help.lines().filter_map(|line| line.trim().strip_prefix("--"));
    for flag in flags.map(|rest| rest.split([' ', '<']).next().unwrap()) {
        let row = readme.iter().find(|(name, cells)| {
            name.trim_start_matches("--") == flag || cells[0].contains(&format!("--{flag}`"))
        });
        assert!(row.is_some(), "the README has no --{flag}");
    }
    for (variable, default) in [
        ("CACHE_TTL_SECONDS", "3600"),
        ("GITHUB_API_URL", "https://api.github.com"),
        ("LISTEN_ADDRESS", "0.0.0.0:8000"),
    ] {
        assert!(readme[variable].iter().any(|cell| cell.contains(default)), "{variable}");
        assert!(help.contains(&format!("[default: {default}]")), "{variable}");
    }
}

#[test]
fn the_plugin_of_the_documentation_is_the_one_that_is_tested() {
    let text = read("docs/mapping-plugins.md");
    for file in ["Cargo.toml", "src/lib.rs"] {
        let source = read(&format!("guest/examples/smallest/{file}"));
        assert!(text.contains(source.trim()), "docs/mapping-plugins.md does not have {file} as it is");
    }
}
