//! What the documentation refers to exists: files, sections and metrics.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use copilot_metrics_tests::fixtures::root;

/// The Markdown files that users read, as paths from the root.
fn pages() -> Vec<PathBuf> {
    let mut pages = Vec::new();
    for directory in ["", "docs", "docs/migration", "deploy/helm/copilot-metrics-exporter"] {
        for entry in fs::read_dir(root().join(directory)).unwrap() {
            let name = PathBuf::from(entry.unwrap().file_name());
            if name.extension().is_some_and(|extension| extension == "md") {
                pages.push(Path::new(directory).join(name));
            }
        }
    }
    assert!(pages.contains(&PathBuf::from("README.md")) && pages.len() > 10, "{pages:?}");
    pages
}

fn text(page: &Path) -> String {
    fs::read_to_string(root().join(page)).unwrap_or_else(|_| panic!("{}", page.display()))
}

/// The anchors of a page, as GitHub makes them of its headings.
fn anchors(page: &Path) -> BTreeSet<String> {
    let text = text(page);
    let headings = text.lines().filter_map(|line| line.strip_prefix('#'));
    headings.map(|heading| slug(heading.trim_start_matches('#').trim())).collect()
}

fn slug(heading: &str) -> String {
    let kept = heading.chars().filter(|char| char.is_alphanumeric() || " -_".contains(*char));
    kept.collect::<String>().to_lowercase().replace(' ', "-")
}

/// The targets of the links of a page.
fn links(text: &str) -> impl Iterator<Item = &str> {
    text.split("](").skip(1).filter_map(|rest| rest.split([')', ' ']).next())
}

#[test]
fn every_link_between_pages_leads_to_a_file_and_a_section_that_exist() {
    let mut checked = 0;
    for page in pages() {
        for link in links(&text(&page)).filter(|link| !link.contains("://")) {
            let (path, anchor) = link.split_once('#').map_or((link, None), |(a, b)| (a, Some(b)));
            let target = if path.is_empty() { page.clone() } else { page.with_file_name(path) };
            assert!(root().join(&target).exists(), "{}: {link}", page.display());
            if let Some(anchor) = anchor {
                assert!(anchors(&target).contains(anchor), "{}: {link}", page.display());
            }
            checked += 1;
        }
    }
    assert!(checked > 50, "{checked}");
}

/// The names of metrics in a text. One that is followed by an ellipsis stands for several.
fn metrics(text: &str) -> BTreeSet<&str> {
    let is_name = |char: char| char.is_ascii_lowercase() || char.is_ascii_digit() || char == '_';
    let mut names = BTreeSet::new();
    for prefix in ["github_copilot_", "copilot_exporter_"] {
        for (start, _) in text.match_indices(prefix) {
            // Part of a longer name, such as that of a daily sample, or of a path.
            let is_start =
                !text[..start].ends_with(|char: char| is_name(char) || "/-:".contains(char));
            let name = text[start..].split(|char| !is_name(char)).next().unwrap();
            let rest = &text[start + name.len()..];
            if is_start && !name.ends_with('_') && !rest.starts_with(['…', '*', ':', '-']) {
                names.insert(name);
            }
        }
    }
    names
}

#[test]
fn every_metric_in_the_documentation_is_exported() {
    let described = text(Path::new("docs/metrics.md"));
    let described = metrics(&described);
    assert!(described.len() > 200, "{}", described.len());
    for page in pages() {
        let text = text(&page);
        // The first column of this page has the names of another exporter.
        let is_other = page.ends_with("from-asmilds-exporter.md");
        let used: String = match is_other {
            true => text.lines().filter_map(|line| line.split(" | ").nth(1)).collect(),
            false => text,
        };
        for name in metrics(&used) {
            let family =
                ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end));
            let is_described = |name| described.contains(name);
            assert!(
                is_described(name) || family.is_some_and(is_described),
                "{}: {name}",
                page.display()
            );
        }
    }
}
