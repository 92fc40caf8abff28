//! Recordings with random changes, the same ones in every run.

// Tests may fail loudly, and so may their helpers.
#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]

/// Random changes, shared with the fuzz test of the component.
#[path = "../../tests/src/mutation.rs"]
mod mutation;

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use copilot_metrics_guest::contract::{
    Document, Error, OptionValue, SampleSet, Scope, Span, Target,
};
use copilot_metrics_guest::manifest::manifest;
use copilot_metrics_guest::run::Run;

use self::mutation::{Random, mutate};

/// 2026-11-22T06:00:00Z.
const FETCHED_AT: i64 = 1_795_327_200;

fn read(file: &str) -> String {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/small");
    fs::read_to_string(fixtures.join(file)).unwrap()
}

fn map(
    span: Span,
    bodies: &[(&str, Vec<u8>)],
    mut chunk: impl FnMut() -> usize,
) -> Result<SampleSet, Error> {
    let options = ["users", "user-breakdowns", "repositories"]
        .map(|name| OptionValue { name: name.to_owned(), value: "true".to_owned() });
    let target = Target { scope: Scope::Organization, name: "acme".to_owned() };
    let mut run = Run::new(&target, span, &options);
    for (name, body) in bodies {
        let document = Document {
            name: (*name).to_owned(),
            part: 0,
            fetched_at: FETCHED_AT,
            report_day: None,
        };
        for bytes in body.chunks(chunk()) {
            run.feed(&document, bytes)?;
        }
    }
    run.finish()
}

/// The rows of `{"key":[…]}` or of an array.
fn elements(file: &str, key: Option<&str>) -> Vec<String> {
    let body: serde_json::Value = serde_json::from_str(&read(file)).unwrap();
    let rows = key.map_or(&body, |key| &body[key]);
    rows.as_array().unwrap().iter().map(ToString::to_string).collect()
}

fn lines(file: &str) -> Vec<String> {
    read(file).lines().map(str::to_owned).collect()
}

#[test]
fn the_order_of_rows_does_not_matter() {
    let recorded = [
        ("organization-1-day", elements("organization-28-day.json", Some("day_totals"))),
        ("user-teams-1-day", lines("user-teams-1-day.ndjson")),
        ("users-1-day", [lines("users-1-day.2.ndjson"), lines("users-28-day.ndjson")].concat()),
        ("repos-1-day", lines("repos-1-day.ndjson")),
        ("legacy", elements("legacy.json", None)),
        ("seats", elements("seats.1.json", Some("seats"))),
    ];
    let mut random = Random::new(1);
    let mut compared = 0;
    for _ in 0..200 {
        let mut documents = recorded.clone();
        for (_, rows) in &mut documents {
            // Rows that contradict others in a digit.
            for _ in 0..random.below(4) {
                let mut row = random.pick(rows).clone().into_bytes();
                let digits: Vec<_> =
                    (0..row.len()).filter(|at| row[*at].is_ascii_digit()).collect();
                row[*random.pick(&digits)] = b'1' + random.below(9) as u8;
                rows.push(String::from_utf8(row).unwrap());
            }
        }
        let span = *random.pick(&[Span::Latest, Span::History]);
        let [first, second] = [(); 2].map(|()| {
            for (_, rows) in &mut documents {
                for at in (1..rows.len()).rev() {
                    rows.swap(at, random.below(at + 1));
                }
            }
            let bodies = documents.each_ref().map(|(name, rows)| {
                let body = match *name {
                    "seats" => format!("{{\"total_seats\":1,\"seats\":[{}]}}", rows.join(",")),
                    _ => format!("[{}]", rows.join(",")),
                };
                (*name, body.into_bytes())
            });
            map(span, &bodies, || 1 << 20)
        });
        assert_eq!(first.is_ok(), second.is_ok());
        if let (Ok(first), Ok(second)) = (first, second) {
            compared += 1;
            assert_eq!((first.strings, first.families), (second.strings, second.families));
        }
    }
    assert!(compared > 100, "{compared}");
}

/// Checks what the host would otherwise blame the mapping for.
fn check(set: &SampleSet) {
    for text in &set.strings {
        assert!(text.len() <= 1024 && !text.chars().any(char::is_control), "{text:?}");
    }
    let families = manifest().families;
    for columns in &set.families {
        let family = families.iter().find(|family| family.name == columns.name).unwrap();
        let mut seen = HashSet::new();
        for (index, value) in columns.values.iter().enumerate() {
            assert!(value.is_finite() && *value >= 0.0, "{} {value}", family.name);
            let count = family.label_names.len();
            let labels = &columns.label_values[index * count..][..count];
            let time = columns.timestamps.as_ref().map(|times| times[index]);
            assert!(seen.insert((labels, time)), "{} twice", family.name);
        }
    }
}

#[test]
fn a_damaged_document_gives_valid_samples_or_an_error_with_its_name() {
    let recorded = [
        ("legacy", "legacy.json"),
        ("organization-28-day", "organization-28-day.json"),
        ("organization-1-day", "organization-1-day.ndjson"),
        ("user-teams-1-day", "user-teams-1-day.ndjson"),
        ("users-1-day", "users-1-day.1.ndjson"),
        ("users-28-day", "users-28-day.ndjson"),
        ("repos-1-day", "repos-1-day.ndjson"),
        ("billing", "billing.json"),
        ("seats", "enterprise-seats.json"),
    ]
    .map(|(name, file)| (name, read(file).into_bytes()));
    let mut random = Random::new(2);
    for _ in 0..300 {
        let mut bodies = recorded.clone();
        let damaged = random.below(bodies.len());
        for _ in 0..=random.below(3) {
            mutate(&mut bodies[damaged].1, &mut random);
        }
        let span = *random.pick(&[Span::Latest, Span::History]);
        match map(span, &bodies, || 1 + random.below(5000)) {
            Ok(set) => check(&set),
            Err(Error::Malformed(malformed)) => {
                assert_eq!(malformed.document, bodies[damaged].0, "{malformed:?}");
                assert!(!malformed.reason.is_empty() && malformed.reason.len() < 400);
                assert!(!malformed.reason.chars().any(char::is_control), "{malformed:?}");
            }
            Err(error) => panic!("{error:?}"),
        }
    }
}
