use copilot_metrics_exporter::model as host;
use copilot_metrics_guest::contract as guest;
use copilot_metrics_tests::command::run;
use copilot_metrics_tests::fixtures::{
    OCTO_ENTERPRISE, OCTO_LEGACY, OCTODEMO, Recorded, SMALL, SMALL_ENTERPRISE, SMALL_LEGACY, root,
};
use copilot_metrics_tests::mapping::{Component, bodies, map_natively};

const ALL: [&Recorded; 6] =
    [&SMALL, &SMALL_ENTERPRISE, &SMALL_LEGACY, &OCTODEMO, &OCTO_ENTERPRISE, &OCTO_LEGACY];

/// `UPDATE_GOLDEN=1` writes the expected samples.
#[test]
fn the_default_mapping_returns_the_expected_samples_of_every_case() {
    let cases = root().join("tests/golden");
    let mut arguments = vec!["mapping", "test", cases.to_str().unwrap()];
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        arguments.push("--update");
    }
    let output = run(arguments);
    let report = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{report}");
    assert!(report.contains("8 passed, 0 failed"), "{report}");
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
