use std::fs;
use std::process::Command;

use copilot_metrics_tests::fixtures::root;

use crate::deploy::{assert_passes, check, read};

#[test]
fn the_workflows_match_the_schema_of_github() {
    for workflow in ["ci", "release"] {
        let file = format!(".github/workflows/{workflow}.yml");
        let schema = ["--builtin-schema", "vendor.github-workflows", &file];
        assert_passes(&check("check-jsonschema", &schema));
    }
}

#[test]
fn the_configuration_of_dependency_updates_matches_the_schema_of_renovate() {
    let schema = ["--builtin-schema", "vendor.renovate", ".github/renovate.json"];
    assert_passes(&check("check-jsonschema", &schema));
}

#[test]
fn every_step_of_a_release_that_is_a_script_exists() {
    let workflow = read(".github/workflows/release.yml");
    let scripts: Vec<&str> =
        workflow.split_whitespace().filter(|word| word.starts_with(".ci/release/")).collect();
    assert!(scripts.len() >= 4, "{scripts:?}");
    for script in scripts {
        assert!(root().join(script).is_file(), "{script}");
    }
}

/// Runs the script that checks a tag and prints the notes of its release, with a changelog.
fn notes(tag: &str, changelog: &str) -> Result<String, String> {
    let directory = tempfile::tempdir().unwrap();
    let script = directory.path().join(".ci/release/notes");
    fs::create_dir_all(script.parent().unwrap()).unwrap();
    fs::copy(root().join(".ci/release/notes"), &script).unwrap();
    let manifest = "[workspace.package]\nversion = \"1.2.0\"\n\n[profile.x]\nversion = \"9\"\n";
    fs::write(directory.path().join("Cargo.toml"), manifest).unwrap();
    fs::write(directory.path().join("CHANGELOG.md"), changelog).unwrap();
    let output = Command::new("bash").arg(&script).arg(tag).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    if output.status.success() { Ok(text(output.stdout)) } else { Err(text(output.stderr)) }
}

#[test]
fn the_notes_of_a_release_are_its_section_of_the_changelog() {
    let changelog = "# Changelog\n\n## [Unreleased]\n\n- c\n\n## [1.2.0] - 2026-12-01\n\n### Added\n\n- b\n\n## [1.1.0] - 2026-11-01\n\n- a\n\n[1.2.0]: https://example.com\n";
    assert_eq!(notes("v1.2.0", changelog).unwrap().trim(), "### Added\n\n- b");
    let last = "## [1.2.0] - 2026-12-01\n\n- b\n\n[1.2.0]: https://example.com\n";
    assert_eq!(notes("v1.2.0", last).unwrap().trim(), "- b");
}

#[test]
fn a_tag_is_not_released_without_its_version_in_the_manifest_and_a_dated_section() {
    let dated = "## [1.2.0] - 2026-12-01\n\n- b\n";
    let error = notes("v1.3.0", dated).unwrap_err();
    assert!(error.contains("the tag is v1.3.0, but the version in Cargo.toml is 1.2.0"), "{error}");
    for changelog in [
        "## [1.2.0] - unreleased\n\n- b\n",
        "## [Unreleased]\n",
        "## [1.2.0] - 2026-12-01\n\n## [1.1.0]\n\n- a\n",
    ] {
        let error = notes("v1.2.0", changelog).unwrap_err();
        assert!(error.contains("has no section \"## [1.2.0] - DATE\""), "{error}");
    }
}
