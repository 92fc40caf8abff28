use std::fs;

use copilot_metrics_exporter::model as host;
use copilot_metrics_guest::contract as guest;
use copilot_metrics_tests::command::printed;
use copilot_metrics_tests::fixtures::{
    OCTO_ENTERPRISE, OCTO_LEGACY, OCTODEMO, Recorded, SMALL, SMALL_ENTERPRISE, SMALL_LEGACY,
    SMALL_REPOSITORIES, root,
};
use copilot_metrics_tests::mapping::{Component, bodies, map_natively};

const ALL: [&Recorded; 6] =
    [&SMALL, &SMALL_ENTERPRISE, &SMALL_LEGACY, &OCTODEMO, &OCTO_ENTERPRISE, &OCTO_LEGACY];

/// Compares what `map` prints with `tests/golden`. `UPDATE_GOLDEN=1` rewrites the files.
fn check(recorded: &Recorded, golden: &str, more: &[&str]) {
    let mut arguments = recorded.map_arguments();
    arguments.extend(more.iter().map(|argument| (*argument).to_owned()));
    let found = printed(arguments);
    let path = root().join("tests/golden").join(golden);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, &found).unwrap();
    }
    let wanted = fs::read_to_string(&path).unwrap_or_default();
    let difference = found.lines().zip(wanted.lines()).find(|(found, wanted)| found != wanted);
    assert!(found == wanted, "{golden}: the first difference (found, wanted): {difference:?}");
}

#[test]
fn a_small_organization_gives_its_exposition() {
    check(&SMALL, "small-organization.prom", &[]);
}

#[test]
fn a_small_organization_gives_its_exposition_with_users() {
    let options = ["--option", "users=true", "--option", "user-breakdowns=true"];
    check(&SMALL, "small-organization-users.prom", &options);
}

#[test]
fn a_small_organization_gives_its_exposition_with_repositories() {
    let options = ["--option", "repositories=true"];
    check(&SMALL_REPOSITORIES, "small-repositories.prom", &options);
}

#[test]
fn a_small_organization_gives_every_day_of_its_history() {
    check(&SMALL, "small-organization-history.prom", &["--span", "history"]);
}

#[test]
fn a_small_enterprise_gives_its_exposition() {
    check(&SMALL_ENTERPRISE, "small-enterprise.prom", &[]);
}

#[test]
fn the_closed_api_gives_its_exposition() {
    check(&SMALL_LEGACY, "small-legacy.prom", &[]);
}

#[test]
fn the_closed_api_gives_every_day_of_its_history() {
    check(&SMALL_LEGACY, "small-legacy-history.prom", &["--span", "history"]);
}

#[test]
fn the_demo_organization_gives_its_exposition() {
    check(&OCTODEMO, "octodemo.prom", &[]);
}

#[test]
fn the_demo_enterprise_gives_its_exposition() {
    check(&OCTO_ENTERPRISE, "octo-enterprise.prom", &[]);
}

#[test]
fn the_demo_legacy_organization_gives_its_exposition() {
    check(&OCTO_LEGACY, "octo-legacy.prom", &[]);
}

/// A generator of chunk sizes, with the same sequence in every run.
fn random_sizes(seed: u64, most: u64) -> impl FnMut() -> usize {
    let mut state = seed;
    move || {
        // Knuth's linear congruential generator. Its high bits are the random ones.
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        ((state >> 33) % most + 1) as usize
    }
}

#[test]
fn a_mapping_gives_the_same_samples_however_the_bytes_are_split() {
    let component = Component::load();
    for recorded in ALL {
        let bodies = bodies(recorded);
        for span in [host::Span::Latest, host::Span::History] {
            let whole = component.map(recorded, &bodies, span, || usize::MAX).unwrap();
            for seed in 0..3 {
                let cut = component.map(recorded, &bodies, span, random_sizes(seed, 10_000));
                assert!(cut.unwrap() == whole, "{} with seed {seed}", recorded.directory);
            }
        }
        let whole = component.map(recorded, &bodies, host::Span::Latest, || usize::MAX).unwrap();
        let bytes = component.map(recorded, &bodies, host::Span::Latest, || 1).unwrap();
        assert!(bytes == whole, "{} byte by byte", recorded.directory);
    }
}

/// The component's samples in the types of the native mapping.
fn as_native(set: host::SampleSet) -> guest::SampleSet {
    guest::SampleSet {
        strings: set.strings,
        families: set
            .families
            .into_iter()
            .map(|family| guest::FamilySamples {
                name: family.name,
                label_values: family.label_values,
                values: family.values,
                timestamps: family.timestamps,
            })
            .collect(),
        unmapped: set
            .unmapped
            .into_iter()
            .map(|field| guest::UnmappedField {
                document: field.document,
                path: field.path,
                count: field.count,
            })
            .collect(),
    }
}

#[test]
fn the_component_and_the_native_mapping_agree() {
    let component = Component::load();
    for recorded in ALL {
        let bodies = bodies(recorded);
        for span in [host::Span::Latest, host::Span::History] {
            let mapped = component.map(recorded, &bodies, span, || 65_536).unwrap();
            let history = span == host::Span::History;
            let native = map_natively(recorded, &bodies, history, || 65_536).unwrap();
            assert!(as_native(mapped) == native, "{}", recorded.directory);
        }
    }
}

#[test]
fn unknown_fields_are_counted_and_named() {
    let set =
        Component::load().map(&SMALL, &bodies(&SMALL), host::Span::Latest, || usize::MAX).unwrap();
    let fields: Vec<_> = set
        .unmapped
        .iter()
        .map(|field| (field.document.as_str(), field.path.as_str(), field.count))
        .collect();
    assert_eq!(
        fields,
        [
            ("organization-28-day", "a_field_of_next_month", 2),
            ("organization-28-day", "totals_by_ide_new", 1),
            ("organization-28-day", "totals_by_model_feature.model (altered)", 2),
            ("organization-1-day", "a_field_of_next_month", 1),
            ("organization-1-day", "totals_by_model_feature.model (altered)", 1),
        ]
    );
}
