use std::collections::BTreeMap;
use std::fs;
use std::sync::{Arc, Mutex};

use copilot_metrics_exporter::telemetry::Telemetry;
use copilot_metrics_tests::command::printed;
use copilot_metrics_tests::fixtures::root;
use copilot_metrics_tests::mapping::Component;

use crate::component::ALLOWED;

fn read(file: &str) -> String {
    fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// The rows of a Markdown file's tables whose first cell is `code`: the code and the other cells.
fn table(file: &str) -> BTreeMap<String, Vec<String>> {
    let mut rows = BTreeMap::new();
    for line in read(file).lines().filter(|line| line.starts_with("| `")) {
        let mut cells =
            line.trim().trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned());
        let first = cells.next().unwrap_or_default();
        if let Some(code) = first.strip_prefix('`').and_then(|rest| rest.strip_suffix('`')) {
            let twice = rows.insert(code.to_owned(), cells.collect());
            assert!(twice.is_none(), "{file} has {code} twice");
        }
    }
    rows
}

/// A table of metrics.
fn metrics_table(rows: impl IntoIterator<Item = (String, Vec<String>, String)>) -> String {
    let mut table = "| metric | labels | meaning |\n|---|---|---|\n".to_owned();
    for (name, labels, help) in rows {
        let labels: Vec<_> = labels.iter().map(|label| format!("`{label}`")).collect();
        table.push_str(&format!("| `{name}` | {} | {help} |\n", labels.join(" ")));
    }
    table
}

/// Checks that `docs/metrics.md` has the table between its markers. `UPDATE_GOLDEN=1` puts it there.
fn check_table(marker: &str, table: &str) {
    // Tests run at once, and each owns a part of the file.
    static FILE: Mutex<()> = Mutex::new(());
    let _lock = FILE.lock().unwrap();
    let text = read("docs/metrics.md");
    let (begin, end) = (format!("<!-- {marker}: begin -->\n"), format!("<!-- {marker}: end -->\n"));
    let (before, rest) = text.split_once(&begin).expect("a marker");
    let (found, after) = rest.split_once(&end).expect("a marker");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        let text = format!("{before}{begin}{table}{end}{after}");
        fs::write(root().join("docs/metrics.md"), text).unwrap();
    } else {
        assert_eq!(found, table, "docs/metrics.md, {marker}: run with UPDATE_GOLDEN=1");
    }
}

#[test]
fn docs_metrics_lists_every_family_of_the_default_mapping() {
    let component = Component::load();
    let rows = |original: bool| {
        let families = component.manifest().families.iter();
        metrics_table(
            families
                .filter(|family| family.name.starts_with("github_copilot_") != original)
                .map(|f| (f.name.clone(), f.label_names.clone(), f.help.clone())),
        )
    };
    check_table("original", &rows(true));
    check_table("mapping", &rows(false));
}

#[test]
fn docs_metrics_lists_every_metric_of_the_exporter_itself() {
    let telemetry = Telemetry::new(Arc::default()).unwrap();
    let mut described = telemetry.described().to_vec();
    described.sort_by(|a, b| a.name.cmp(&b.name));
    check_table(
        "exporter",
        &metrics_table(described.into_iter().map(|d| (d.name, d.labels, d.help))),
    );
}

#[test]
fn the_mapping_plugin_guide_has_the_contract_as_it_is() {
    let text = read("docs/mapping-plugins.md");
    for import in ALLOWED {
        assert!(text.contains(&format!("`{import}`")), "docs/mapping-plugins.md has no {import}");
    }
    let version = read("wit/mapping.wit");
    let version = version.lines().find_map(|line| line.strip_prefix("package ")).unwrap();
    assert!(text.contains(version.trim_end_matches(';')));
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
        assert!(
            text.contains(source.trim()),
            "docs/mapping-plugins.md does not have {file} as it is"
        );
    }
}
