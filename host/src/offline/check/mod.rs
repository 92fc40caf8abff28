//! `copilot-metrics-exporter mapping check`: runs all checks on a mapping, in their order, and reports
//! the result of each.
//!
//! - `gates`: the checks of the file; `run`: runs over an `input`; `charts`: which charts have samples.
//! - `report`: the lines, or the JSON object; `advice`: what to do about a failure.

mod advice;
mod chart_use;
mod charts;
mod figures;
mod gates;
mod input;
mod report;
mod run;

use std::io::{self, Write};
use std::sync::Arc;

pub use self::input::BuiltInRecording;
use self::report::Report;
use super::args::CheckArgs;
use super::files::{OfflineError, engine, load};
use crate::config::{ServeArgs, Settings};
use crate::model::digest::sha256;
use crate::wasm::{DEFAULT_MAPPING, Mapping};

/// Prints the report to `out`. Without documents among the arguments, the mapping runs over the
/// built-in recordings, which are unpacked only if they are needed. Returns the mapping if it can be used.
pub fn check(
    args: &CheckArgs,
    recordings: impl FnOnce() -> io::Result<Vec<BuiltInRecording>>,
    out: &mut dyn Write,
) -> Result<Arc<Mapping>, OfflineError> {
    let serve = ServeArgs { config: args.config.clone(), ..ServeArgs::default() };
    let settings = Settings::new(&serve).map_err(|error| OfflineError::Usage(error.to_string()))?;
    if let Err(error) = std::fs::metadata(&args.file) {
        return Err(OfflineError::Open { path: args.file.clone(), error });
    }
    let mut report = Report::new(&args.file, args.json, out)?;
    let mapping = run_checks(args, &settings, recordings, &mut report)?;
    let is_usable = report.finish(&args.file, &settings.policy.limits)?;
    mapping.filter(|_| is_usable).ok_or_else(|| OfflineError::Refused(args.file.clone()))
}

/// Runs the checks up to the first that makes the others pointless. Returns the mapping if it was compiled and
/// all of them ran.
fn run_checks(
    args: &CheckArgs,
    settings: &Settings,
    recordings: impl FnOnce() -> io::Result<Vec<BuiltInRecording>>,
    report: &mut Report<'_>,
) -> Result<Option<Arc<Mapping>>, OfflineError> {
    let engine = engine(settings.policy.limits.clone())?;
    let passed = gates::pass(&engine, &args.file, &settings.policy, &settings.source, report)?;
    let Some(mapping) = passed else { return Ok(None) };
    let is_default = mapping.sha256() == sha256([DEFAULT_MAPPING]);
    let default = match is_default {
        true => Arc::clone(&mapping),
        false => Arc::new(load(&engine, None)?),
    };
    if !gates::check_conflicts(&default, &mapping, report)? {
        return Ok(None);
    }
    let inputs = match args.documents.is_empty() {
        true => input::built_in(&mapping, &recordings()?),
        false => input::given(args, &mapping)?,
    };
    for input in &inputs {
        run::run(&mapping, input, report)?;
    }
    report_charts(report)?;
    Ok(Some(mapping))
}

/// Says which charts the documents have samples for. A chart without any is not a failure.
fn report_charts(report: &mut Report<'_>) -> Result<(), OfflineError> {
    let (all, without): (usize, Vec<String>) = (
        report.charts.len(),
        report.charts.iter().filter(|of| !of.has_samples).map(|of| of.title.clone()).collect(),
    );
    if all == 0 {
        return Ok(());
    }
    report.ok("charts", &format!("{} of {all} have samples", all - without.len()))?;
    if !without.is_empty() {
        let text = format!("without samples from these documents: {}", without.join("; "));
        report.note("charts", &text, None)?;
    }
    Ok(())
}
