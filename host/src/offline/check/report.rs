//! The report: a line for each check as soon as it is done, or one JSON object at the end.

use std::io::{self, Write};
use std::path::Path;

use serde::Serialize;

use super::chart_use::ChartUse;
use super::figures::against_limits;
use crate::model::Limits;

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Verdict {
    /// It passed.
    Ok,
    /// It failed: the mapping can't be used.
    Failed,
    /// Worth knowing, whatever the other checks say.
    Note,
}

#[derive(Serialize)]
struct Check {
    check: &'static str,
    verdict: Verdict,
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    advice: Option<&'static str>,
}

/// A run over the documents of a target.
#[derive(Serialize)]
pub(super) struct Run {
    /// The kind of the target, and its name.
    pub target: String,
    /// `latest` or `history`.
    pub span: &'static str,
    /// The families with samples.
    pub families: usize,
    /// The samples.
    pub series: usize,
    /// The wall-clock time.
    pub seconds: f64,
    /// The peak memory of the instance.
    pub memory_bytes: usize,
    /// What it wrote to standard error: the first lines.
    pub stderr: Vec<String>,
}

/// The limits that apply.
#[derive(Serialize)]
struct LimitsReport {
    run_seconds: f64,
    memory_bytes: usize,
    series: usize,
}

/// What is known about the mapping.
#[derive(Default, Serialize)]
pub(super) struct About {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The version of the contract.
    pub contract: String,
    /// The SHA-256 of the file, in hexadecimal.
    pub sha256: String,
}

/// The whole report.
#[derive(Serialize)]
struct Whole<'a> {
    file: String,
    usable: bool,
    summary: String,
    mapping: &'a Option<About>,
    limits: LimitsReport,
    checks: &'a [Check],
    runs: &'a [Run],
    charts: &'a [ChartUse],
}

/// Collects the results, and prints them.
pub(super) struct Report<'a> {
    out: &'a mut dyn Write,
    is_json: bool,
    /// What is known about the mapping.
    pub about: Option<About>,
    /// The runs.
    pub runs: Vec<Run>,
    /// The charts.
    pub charts: Vec<ChartUse>,
    checks: Vec<Check>,
}

impl<'a> Report<'a> {
    /// A report about a file.
    pub(super) fn new(file: &Path, is_json: bool, out: &'a mut dyn Write) -> io::Result<Self> {
        if !is_json {
            writeln!(out, "{}", file.display())?;
        }
        Ok(Self { out, is_json, about: None, runs: vec![], charts: vec![], checks: vec![] })
    }

    /// A check that passed.
    pub(super) fn ok(&mut self, check: &'static str, text: &str) -> io::Result<()> {
        self.add(check, Verdict::Ok, text, None)
    }

    /// A check that failed, and what to do about it.
    pub(super) fn failed(
        &mut self,
        check: &'static str,
        text: &str,
        advice: Option<&'static str>,
    ) -> io::Result<()> {
        self.add(check, Verdict::Failed, text, advice)
    }

    /// Something worth knowing.
    pub(super) fn note(
        &mut self,
        check: &'static str,
        text: &str,
        advice: Option<&'static str>,
    ) -> io::Result<()> {
        self.add(check, Verdict::Note, text, advice)
    }

    fn add(
        &mut self,
        check: &'static str,
        verdict: Verdict,
        text: &str,
        advice: Option<&'static str>,
    ) -> io::Result<()> {
        self.checks.push(Check { check, verdict, text: text.to_owned(), advice });
        if self.is_json {
            return Ok(());
        }
        let word = match verdict {
            Verdict::Ok => "ok",
            Verdict::Failed => "FAIL",
            Verdict::Note => "-",
        };
        writeln!(self.out, "{}", format!("  {word:4}  {check:9}  {text}").trim_end())?;
        match advice {
            Some(advice) => writeln!(self.out, "{:19}help: {advice}", ""),
            None => Ok(()),
        }
    }

    /// Ends the report. Returns whether the mapping can be used.
    pub(super) fn finish(self, file: &Path, limits: &Limits) -> io::Result<bool> {
        let failed = self.checks.iter().filter(|check| check.verdict == Verdict::Failed);
        let mut failed: Vec<&str> = failed.map(|check| check.check).collect();
        failed.dedup();
        let usable = failed.is_empty();
        let summary = match usable {
            true => format!("{}the mapping can be used", self.figures(limits)),
            false => format!("failed: {}", failed.join(", ")),
        };
        if !self.is_json {
            writeln!(self.out, "{summary}")?;
            self.out.flush()?;
            return Ok(usable);
        }
        let limits = LimitsReport {
            run_seconds: limits.run_time.as_secs_f64(),
            memory_bytes: limits.memory_bytes,
            series: limits.series,
        };
        let whole = Whole {
            file: file.display().to_string(),
            usable,
            summary,
            mapping: &self.about,
            limits,
            checks: &self.checks,
            runs: &self.runs,
            charts: &self.charts,
        };
        serde_json::to_writer_pretty(&mut *self.out, &whole)?;
        writeln!(self.out)?;
        self.out.flush()?;
        Ok(usable)
    }

    /// The largest figures of the runs, against the limits.
    fn figures(&self, limits: &Limits) -> String {
        let seconds = self.runs.iter().map(|run| run.seconds).fold(0.0, f64::max);
        let Some(memory) = self.runs.iter().map(|run| run.memory_bytes).max() else {
            return String::new();
        };
        format!("{} runs, at most {}: ", self.runs.len(), against_limits(seconds, memory, limits))
    }
}
