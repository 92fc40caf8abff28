//! Runs a mapping over the documents of a target: both spans, each in two ways to split the documents
//! into chunks.

use std::time::Instant;

use super::advice::advice;
use super::charts::note_samples;
use super::figures::against_limits;
use super::input::Input;
use super::report::{Report, Run};
use crate::model::Span;
use crate::offline::chunks::Split;
use crate::offline::files::OfflineError;
use crate::runner::{MapError, RunResult, execute};
use crate::wasm::Mapping;

/// The share of a limit above which there is a note.
const CLOSE: f64 = 0.8;
/// Always the same chunks: the result of a check should not change.
const SEED: u64 = 997;

/// Runs the mapping over an input and reports what is found.
pub(super) fn run(
    mapping: &Mapping,
    input: &Input,
    report: &mut Report<'_>,
) -> Result<(), OfflineError> {
    let target = &input.target;
    if input.is_empty() {
        let text = format!("{target}: none of its documents to run it over");
        report.note("run", &text, None)?;
        return Ok(());
    }
    for (check, span) in [("run", Span::Latest), ("history", Span::History)] {
        let started = Instant::now();
        let whole = map(mapping, input, span, Split::Whole)?;
        let seconds = started.elapsed().as_secs_f64();
        let whole = match whole {
            Ok(whole) => whole,
            Err(error) => {
                let cause = error.cause();
                if span == Span::History && cause == "invalid_samples" {
                    // The newest day is served all the same.
                    let text = format!("{target}: there will be no daily samples: {error}");
                    let advice = "give each sample the time of its day if the span is `history`";
                    report.note(check, &text, Some(advice))?;
                    return Ok(());
                }
                report.failed(check, &format!("{target}: {error} ({cause})"), advice(cause))?;
                return Ok(());
            }
        };
        report_run(mapping, input, (check, span), (&whole, seconds), report)?;
        let same = map(mapping, input, span, Split::Random(SEED))?;
        if same.is_ok_and(|other| other.samples == whole.samples) {
            report.ok("chunks", "the same samples, however the bytes are split")?;
        } else {
            let text = "different samples, or an error, if the bytes are split at other places: \
                        chunks may end anywhere, even within a character";
            let advice = "keep what is incomplete at the end of a chunk until the next one; \
                          `mapping test` shows the difference";
            report.failed("chunks", text, Some(advice))?;
        }
    }
    Ok(())
}

fn report_run(
    mapping: &Mapping,
    input: &Input,
    (check, span): (&'static str, Span),
    (whole, seconds): (&RunResult, f64),
    report: &mut Report<'_>,
) -> Result<(), OfflineError> {
    let (target, limits) = (&input.target, mapping.limits());
    let (families, series) = (whole.samples.families.len(), whole.samples.len());
    let figures = against_limits(seconds, whole.memory_bytes, &limits);
    let text = format!("{target}: families: {families}, series: {series}; {figures}");
    report.ok(check, &text)?;
    if series == 0 {
        report.note(check, "it returned no samples for these documents", None)?;
    }
    if let Some(left_out) = &whole.samples.left_out {
        report.note(check, left_out, None)?;
    }
    if seconds > limits.run_time.as_secs_f64() * CLOSE {
        report.note(check, "the time is close to the limit", advice("time"))?;
    }
    if whole.memory_bytes as f64 > limits.memory_bytes as f64 * CLOSE {
        report.note(check, "the memory is close to the limit", advice("memory"))?;
    }
    for line in &whole.stderr {
        report.note("stderr", line, None)?;
    }
    if span == Span::History {
        note_samples(&mut report.charts, mapping.manifest(), &whole.samples);
    }
    report.runs.push(Run {
        target: target.to_string(),
        span: match span {
            Span::Latest => "latest",
            Span::History => "history",
        },
        families,
        series,
        seconds,
        memory_bytes: whole.memory_bytes,
        stderr: whole.stderr.clone(),
    });
    Ok(())
}

fn map(
    mapping: &Mapping,
    input: &Input,
    span: Span,
    split: Split,
) -> Result<Result<RunResult, MapError>, OfflineError> {
    let bodies = input.open(mapping)?.into_iter();
    let bodies = bodies.map(|(header, body)| (header, split.reader(body)));
    Ok(execute(mapping, &input.target, span, &input.options, bodies, None))
}
