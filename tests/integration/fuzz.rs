use std::env;
use std::time::{Duration, Instant};

use copilot_metrics_exporter::model::{
    Malformed, MappingOption, PartHeader, Scope, Span, Target, UnmappedField,
};
use copilot_metrics_exporter::output::write_exposition;
use copilot_metrics_exporter::runner::{MapError, execute};
use copilot_metrics_exporter::wasm::{DEFAULT_MAPPING, Engine, Limits, Mapping, RunError};
use copilot_metrics_tests::exposition::Exposition;
use copilot_metrics_tests::fixtures::{
    FETCHED_AT_SECONDS, OCTO_ENTERPRISE, OCTO_LEGACY, OCTODEMO, Recorded, SMALL, SMALL_ENTERPRISE,
    SMALL_LEGACY, SMALL_REPOSITORIES,
};
use copilot_metrics_tests::mapping::{Bodies, bodies};
use copilot_metrics_tests::mutation::{Random, mutate};

/// The cases without `FUZZ_SECONDS`.
const CASES: u64 = 1000;

/// The small documents have every field, and take a fraction of the time.
const SMALL_ONES: [&Recorded; 4] = [&SMALL, &SMALL_ENTERPRISE, &SMALL_LEGACY, &SMALL_REPOSITORIES];
const LARGE_ONES: [&Recorded; 3] = [&OCTODEMO, &OCTO_ENTERPRISE, &OCTO_LEGACY];

/// A number from the environment.
fn number(variable: &str) -> Option<u64> {
    let text = env::var(variable).ok().filter(|text| !text.is_empty())?;
    Some(text.parse().unwrap_or_else(|error| panic!("{variable}={text}: {error}")))
}

/// A set of documents with random changes, and how they are fed.
struct Case {
    seed: u64,
    recorded: &'static Recorded,
    bodies: Bodies,
    /// The changed documents.
    changed: Vec<String>,
    span: Span,
    options: Vec<MappingOption>,
}

impl Case {
    /// The case of a seed.
    fn new(seed: u64, small: &[Bodies], large: &[Bodies]) -> Self {
        let mut random = Random::new(seed);
        let (recorded, bodies) = match random.below(10) {
            0 => (LARGE_ONES.as_slice(), large),
            _ => (SMALL_ONES.as_slice(), small),
        };
        let number = random.below(recorded.len());
        let (recorded, mut bodies) = (recorded[number], bodies[number].clone());
        let mut changed = Vec::new();
        for _ in 0..=random.below(2) {
            let number = random.below(bodies.len());
            let (name, _, body) = &mut bodies[number];
            for _ in 0..=random.below(3) {
                mutate(body, &mut random);
            }
            changed.push(name.clone());
        }
        let options = ["users", "user-breakdowns", "repositories"].map(|name| MappingOption {
            name: name.to_owned(),
            value: random.pick(&["true", "true", "false"]).to_string(),
        });
        let span = *random.pick(&[Span::Latest, Span::History]);
        Self { seed, recorded, bodies, changed, span, options: options.into() }
    }

    fn target(&self) -> Target {
        let scope = match self.recorded.scope {
            "enterprise" => Scope::Enterprise,
            _ => Scope::Organization,
        };
        Target::new(scope, self.recorded.name).unwrap()
    }

    /// Maps it. Its exposition is valid, or its error leads to the place of the problem.
    fn check(&self, mapping: &Mapping) {
        let target = self.target();
        let fed = self.bodies.iter().map(|(name, part, body)| {
            (PartHeader::new(name, *part, FETCHED_AT_SECONDS), body.as_slice())
        });
        match execute(mapping, &target, self.span, &self.options, fed, None) {
            Ok(result) => {
                check_exposition(&write_exposition([&result.samples], 0).unwrap(), &target);
                result.unmapped.iter().for_each(check_unmapped);
            }
            Err(MapError::Run(RunError::Malformed(malformed))) => self.check_error(malformed),
            Err(error) => panic!("{error}"),
        }
    }

    /// The error is about a document that was changed, and a position in one of its bodies.
    fn check_error(&self, malformed: Malformed) {
        assert!(self.changed.contains(&malformed.document), "{malformed:?}");
        let is_part = |(name, part, _): &&(String, u32, Vec<u8>)| {
            *name == malformed.document && *part == malformed.part
        };
        let body = self.bodies.iter().find(is_part);
        let (_, _, body) = body.unwrap_or_else(|| panic!("no such part: {malformed:?}"));
        assert!(malformed.offset <= body.len() as u64, "{malformed:?}");
        let place = format!(
            "document {}, part {}, byte {}: ",
            malformed.document, malformed.part, malformed.offset
        );
        let text = RunError::Malformed(malformed).to_string();
        let reason = text.strip_prefix(&place).unwrap_or_else(|| panic!("{text:?}"));
        assert!(!reason.is_empty() && reason.len() < 400, "{text:?}");
        assert!(!text.chars().any(char::is_control), "{text:?}");
    }
}

impl Drop for Case {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let Self { seed, recorded, changed, span, .. } = self;
            eprintln!(
                "failed: seed {seed} ({}, changed: {changed:?}, {span:?}); repeat it with\n  \
                 FUZZ_SEED={seed} cargo test --package copilot-metrics-tests --test integration fuzz::",
                recorded.directory
            );
        }
    }
}

/// Prometheus accepts the exposition, every sample is about the target, and nothing was counted below zero.
fn check_exposition(text: &str, target: &Target) {
    let exposition = Exposition::parse(text);
    let [org, scope] = target.labels();
    for family in &exposition.families {
        for (series, value) in exposition.series(family) {
            // A discount is what GitHub says, which may be negative.
            let is_possible = value >= 0.0 || family.contains("_discount_");
            assert!(value.is_finite() && is_possible, "{series} {value}");
            assert!(series.contains(&format!("org=\"{org}\"")), "{series}");
            // The names of the original exporter have no scope.
            let is_own = !family.starts_with("github_copilot_");
            assert!(is_own || series.contains(&format!("scope=\"{scope}\"")), "{series}");
            assert!(!series.contains(|c: char| c.is_control()), "{series:?}");
        }
    }
}

fn check_unmapped(field: &UnmappedField) {
    assert!(field.count > 0 && !field.path.is_empty(), "{field:?}");
}

#[test]
fn changed_recordings_give_a_valid_exposition_or_an_error_with_document_part_and_byte() {
    let engine = Engine::new(Limits::default()).unwrap();
    let mapping = Mapping::load_blocking(&engine, DEFAULT_MAPPING).unwrap();
    let [small, large] = [SMALL_ONES.as_slice(), &LARGE_ONES]
        .map(|sets| sets.iter().map(|set| bodies(set)).collect::<Vec<_>>());
    let first = number("FUZZ_SEED").unwrap_or(1);
    let time = number("FUZZ_SECONDS").map(Duration::from_secs);
    let started = Instant::now();
    let mut seeds = first..;
    for seed in seeds.by_ref() {
        Case::new(seed, &small, &large).check(&mapping);
        let is_done = match time {
            Some(time) => started.elapsed() > time,
            None => seed + 1 - first == CASES,
        };
        if is_done {
            break;
        }
    }
    eprintln!("seeds {first} to {}: {:.1} s", seeds.start - 1, started.elapsed().as_secs_f64());
}
