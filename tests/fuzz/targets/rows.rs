//! A body as a document of the default mapping: samples that can be served, or an error that names the
//! document and a place in it; the same, however the body arrives. The first line is the document's name.

#![no_main]

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use copilot_metrics_guest::contract::{
    Document, Error, OptionValue, SampleSet, Scope, Span, Target,
};
use copilot_metrics_guest::manifest::manifest;
use copilot_metrics_guest::run::Run;
use libfuzzer_sys::fuzz_target;

/// 2026-11-22T06:00:00Z.
const FETCHED_AT: i64 = 1_795_327_200;

/// The number of labels of each family.
static LABELS: LazyLock<HashMap<String, usize>> = LazyLock::new(|| {
    manifest().families.into_iter().map(|family| (family.name, family.label_names.len())).collect()
});

fn map(span: Span, name: &str, body: &[u8], chunk: usize) -> Result<SampleSet, Error> {
    let options = ["users", "user-breakdowns", "repositories"]
        .map(|name| OptionValue { name: name.to_owned(), value: "true".to_owned() });
    let target = Target { scope: Scope::Organization, name: "acme".to_owned() };
    let mut run = Run::new(&target, span, &options);
    let name = name.to_owned();
    let document = Document { name, part: 0, fetched_at: FETCHED_AT, report_day: None };
    body.chunks(chunk).try_for_each(|bytes| run.feed(&document, bytes))?;
    run.finish()
}

/// Checks what the host would otherwise blame the mapping for.
fn check(set: &SampleSet) {
    for text in &set.strings {
        assert!(text.len() <= 1024 && !text.chars().any(char::is_control), "{text:?}");
    }
    for columns in &set.families {
        let labels = LABELS[&columns.name];
        assert_eq!(columns.label_values.len(), labels * columns.values.len());
        let mut seen = HashSet::new();
        for (index, value) in columns.values.iter().enumerate() {
            assert!(value.is_finite() && *value >= 0.0, "{} {value}", columns.name);
            let ids = &columns.label_values[index * labels..][..labels];
            assert!(ids.iter().all(|id| (*id as usize) < set.strings.len()));
            let time = columns.timestamps.as_ref().map(|times| times[index]);
            assert!(seen.insert((ids, time)), "{} twice", columns.name);
        }
    }
}

fuzz_target!(|input: &[u8]| {
    let Some(line) = input.iter().position(|byte| *byte == b'\n') else { return };
    let (Ok(name), body) = (std::str::from_utf8(&input[..line]), &input[line + 1..]) else {
        return;
    };
    for span in [Span::Latest, Span::History] {
        let whole = map(span, name, body, body.len().max(1));
        assert_eq!(map(span, name, body, 7), whole);
        match whole {
            Ok(set) => check(&set),
            Err(Error::Malformed(malformed)) => {
                assert_eq!(malformed.document, name);
                assert!(malformed.offset <= body.len() as u64, "{malformed:?}");
                assert!(!malformed.reason.is_empty() && malformed.reason.len() < 400);
                assert!(!malformed.reason.chars().any(char::is_control), "{malformed:?}");
            }
            Err(Error::UnknownDocument(document)) => assert_eq!(document, name),
            Err(error) => panic!("{error:?}"),
        }
    }
});
