//! `copilot-metrics-exporter mapping test`: runs a mapping over recorded cases and compares the samples
//! with the expected ones.
//!
//! - `args`: the command line.
//! - `run_case`: one case, which becomes a `case_result`; `diff` shows what differs.
//! - `junit`: the report for CI services.

mod args;
mod case_result;
mod diff;
mod junit;
mod run_case;

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;

pub use self::args::TestArgs;
use self::case_result::CaseResult;
use self::run_case::run_case;
use super::case::Case;
use super::files::{OfflineError, engine, load};
use crate::config::{ServeArgs, Settings};

/// Runs the cases and prints the results to `out`.
pub fn test(args: &TestArgs, out: &mut dyn Write) -> Result<(), OfflineError> {
    let serve = ServeArgs { config: args.config.clone(), ..ServeArgs::default() };
    let settings = Settings::new(&serve).map_err(|error| OfflineError::Usage(error.to_string()))?;
    let cases = find(&args.directory)?;
    let mapping = load(&engine(settings.policy.limits)?, args.mapping.as_deref())?;
    let seed = args.seed.unwrap_or_else(|| fastrand::u64(..=u64::from(u32::MAX)));
    let mut results = Vec::new();
    for case in cases {
        let result = run_case(&mapping, case, seed, args.update)?;
        print(&result, out)?;
        results.push(result);
    }
    if let Some(path) = &args.junit {
        let failed = |error| OfflineError::Write { path: path.clone(), error };
        let file = File::create(path).map_err(failed)?;
        junit::write(mapping.name(), &results, BufWriter::new(file)).map_err(failed)?;
    }
    let (all, failed) = (results.len(), results.iter().filter(|of| !of.passed()).count());
    writeln!(out, "{} passed, {failed} failed; seed of the random chunks: {seed}", all - failed)?;
    out.flush()?;
    match failed {
        0 => Ok(()),
        failed => Err(OfflineError::Failed { failed, all }),
    }
}

/// The cases in a directory, by name; or the directory itself, if it is a case.
fn find(directory: &Path) -> Result<Vec<Case>, OfflineError> {
    let failed = |error| OfflineError::Open { path: directory.to_owned(), error };
    if Case::is_at(directory) {
        return Ok(vec![Case::read(directory)?]);
    }
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if Case::is_at(&path) {
            found.push(path);
        }
    }
    found.sort();
    if found.is_empty() {
        let reason = "there is no case in it: a case is a directory with documents/ or case.yaml; \
                      record one with `copilot-metrics-exporter record`";
        return Err(OfflineError::Case { path: directory.to_owned(), reason: reason.to_owned() });
    }
    found.iter().map(|path| Case::read(path)).collect()
}

fn print(result: &CaseResult, out: &mut dyn Write) -> Result<(), OfflineError> {
    let CaseResult { name, seconds, problems, notes } = result;
    let verdict = if result.passed() { "ok" } else { "FAIL" };
    writeln!(out, "{verdict:4}  {name}  ({seconds:.2} s)")?;
    for note in notes {
        writeln!(out, "      {note}")?;
    }
    for problem in problems {
        writeln!(out, "      {}", problem.summary)?;
        out.write_all(problem.details.as_bytes())?;
    }
    Ok(())
}
