//! Runs a mapping over a case.

use std::fs;
use std::io;
use std::time::Instant;

use super::case_result::{CaseResult, Problem};
use super::diff::unified_diff;
use crate::mappings::check_option;
use crate::model::{Samples, Span};
use crate::offline::case::Case;
use crate::offline::chunks::Split;
use crate::offline::files::{self, OfflineError, take_unknown};
use crate::output::write_exposition;
use crate::runner::{RunResult, execute};
use crate::wasm::Mapping;

/// Runs the spans of a case, each of them with every way to split the documents into chunks. With
/// `update`, the expected samples are written instead of compared.
pub(super) fn run_case(
    mapping: &Mapping,
    mut case: Case,
    seed: u64,
    update: bool,
) -> Result<CaseResult, OfflineError> {
    let mut result = CaseResult { name: case.name(), ..CaseResult::default() };
    let scope = case.target.scope();
    let unknown = take_unknown(&mut case.documents, mapping, scope);
    if !unknown.is_empty() {
        let names = unknown.join(", ");
        result.notes.push(format!("not used, as the mapping does not have them: {names}"));
    }
    for option in &case.options {
        let known = check_option(&option.name, std::iter::once(mapping.manifest()));
        if let Err(reason) = known {
            result.problems.push(Problem::new(format!("case.yaml: options: {reason}")));
        }
    }
    if case.documents.is_empty() {
        let wanted: Vec<_> = mapping.manifest().documents_of(scope).map(|of| &*of.name).collect();
        result.problems.push(Problem::new(format!(
            "none of its documents is one that the mapping wants of an {scope}: {}",
            wanted.join(", ")
        )));
    }
    if !result.passed() {
        return Ok(result);
    }
    let started = Instant::now();
    for span in case.spans.clone() {
        run_span(mapping, &case, span, seed, update, &mut result)?;
    }
    result.seconds = started.elapsed().as_secs_f64();
    Ok(result)
}

fn run_span(
    mapping: &Mapping,
    case: &Case,
    span: Span,
    seed: u64,
    update: bool,
    result: &mut CaseResult,
) -> Result<(), OfflineError> {
    let name = match span {
        Span::Latest => "latest",
        Span::History => "history",
    };
    let whole = match run(mapping, case, span, Split::Whole)? {
        Ok(whole) => whole,
        Err(reason) => {
            result.problems.push(Problem::new(format!("{name}: {reason}")));
            return Ok(());
        }
    };
    let fields = whole.unmapped.len();
    result.notes.push(format!("{name}: {} series, {fields} unmapped fields", whole.samples.len()));
    result.notes.extend(whole.stderr.iter().map(|line| format!("the mapping wrote: {line}")));
    let text = exposition(&whole.samples)?;
    compare(case, span, &text, update, result)?;
    for split in [Split::Bytewise, Split::Random(seed)] {
        let how = match split {
            Split::Random(seed) => format!("in random chunks (--seed {seed})"),
            _ => "byte by byte".to_owned(),
        };
        let problem = match run(mapping, case, span, split)? {
            Ok(other) if is_same(&other, &whole) => continue,
            Ok(other) => {
                let found = exposition(&other.samples)?;
                Problem {
                    summary: format!("{name}: other samples if the documents arrive {how}"),
                    details: unified_diff(("at once", &text), (&how, &found)),
                }
            }
            Err(reason) => {
                Problem::new(format!("{name}: it fails if the documents arrive {how}: {reason}"))
            }
        };
        result.problems.push(problem);
    }
    Ok(())
}

/// Whether two runs returned the same. They may take different amounts of memory.
fn is_same(one: &RunResult, other: &RunResult) -> bool {
    one.samples == other.samples && one.unmapped == other.unmapped
}

/// Runs the mapping once. The inner error is the mapping's or the document's.
fn run(
    mapping: &Mapping,
    case: &Case,
    span: Span,
    split: Split,
) -> Result<Result<RunResult, String>, OfflineError> {
    let files = files::open(&case.documents, Some(case.fetched_at), mapping, case.target.scope())?;
    let bodies = files.into_iter().map(|(header, body)| (header, split.reader(body)));
    let result = execute(mapping, &case.target, span, &case.options, bodies, None);
    Ok(result.map_err(|error| error.to_string()))
}

fn exposition(samples: &Samples) -> Result<String, OfflineError> {
    Ok(write_exposition([samples], 0)?)
}

/// Compares samples with the expected ones, or makes them the expected ones.
fn compare(
    case: &Case,
    span: Span,
    text: &str,
    update: bool,
    result: &mut CaseResult,
) -> Result<(), OfflineError> {
    let path = case.expected(span);
    let expected = match fs::read_to_string(&path) {
        Ok(expected) => Some(expected),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(OfflineError::Open { path, error }),
    };
    if expected.as_deref() == Some(text) {
        return Ok(());
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    if update {
        fs::write(&path, text).map_err(|error| OfflineError::Write { path, error })?;
        result.notes.push(format!("{name} was updated"));
        return Ok(());
    }
    result.problems.push(match expected {
        None => Problem::new(format!("{name} does not exist: write it with --update")),
        Some(expected) => Problem {
            summary: format!("{name} differs; if that is right, write it with --update"),
            details: unified_diff((&format!("{name} (expected)"), &expected), ("found", text)),
        },
    });
    Ok(())
}
