//! What became of the days.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};

use jiff::ToSpan;
use jiff::civil::Date;

use super::days::Refused;
use super::outcome::{DayResult, Outcome, Reason};
use crate::model::Target;

/// What became of each day of each target.
#[derive(Default)]
pub struct Report {
    targets: Vec<(Target, TargetReport)>,
}

/// What became of the days of a target.
#[derive(Default)]
pub(super) struct TargetReport {
    /// The number of days with samples.
    pub days: u64,
    /// The number of samples.
    pub samples: u64,
    /// What became of them at each receiver.
    pub receivers: BTreeMap<String, ReceiverReport>,
    /// The days of which GitHub has no report.
    pub absent: Vec<Date>,
    /// The days that are not complete, by the reason.
    pub failed: BTreeMap<String, Vec<Date>>,
    /// The documents that GitHub refuses, and why.
    pub refused: BTreeMap<String, Refused>,
    /// The number of requests to GitHub.
    pub requests: u64,
}

/// What became of the days of a target at a receiver.
#[derive(Default)]
pub(super) struct ReceiverReport {
    written: u64,
    present: u64,
    verified: u64,
    /// The days that it does not have, by the reason, and an example of the first one.
    failed: BTreeMap<String, (Vec<Date>, Option<String>)>,
}

impl TargetReport {
    /// Notes what became of days at receivers.
    pub(super) fn note(&mut self, results: impl IntoIterator<Item = DayResult>) {
        for DayResult { receiver, day, outcome } in results {
            let receiver = self.receivers.entry(receiver).or_default();
            match outcome {
                Outcome::Written => receiver.written += 1,
                Outcome::Present => receiver.present += 1,
                Outcome::Verified => receiver.verified += 1,
                Outcome::Failed(Reason { text, example }) => {
                    let (days, _) =
                        receiver.failed.entry(text).or_insert_with(|| (Vec::new(), example));
                    days.push(day);
                }
            }
        }
    }

    fn is_complete(&self) -> bool {
        let is_in = self.receivers.values().all(|receiver| receiver.failed.is_empty());
        // One that can't be read is known from the other documents.
        let is_readable =
            self.days > 0 || self.refused.values().all(|refused| refused.is_not_found);
        is_in && self.failed.is_empty() && is_readable
    }

    /// Notes that a day is not complete.
    pub(super) fn fail(&mut self, day: Date, reason: String) {
        self.failed.entry(reason).or_default().push(day);
    }
}

impl Report {
    /// Adds a target.
    pub(super) fn add(&mut self, target: Target, report: TargetReport) {
        self.targets.push((target, report));
    }

    /// Whether every day that GitHub has was written.
    pub fn is_complete(&self) -> bool {
        // If nothing is found at all, it is the credential.
        let is_any_found = self.targets.iter().any(|(_, of)| of.days > 0 || of.refused.is_empty());
        is_any_found && self.targets.iter().all(|(_, report)| report.is_complete())
    }
}

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for (target, report) in &self.targets {
            let TargetReport { days, samples, receivers, absent, failed, refused, requests } =
                report;
            writeln!(
                f,
                "{target}: {days} days with {samples} samples, {requests} requests to GitHub"
            )?;
            if !absent.is_empty() {
                writeln!(f, "  no report: {}", ranges(absent))?;
            }
            for (document, Refused { reason, .. }) in refused {
                writeln!(f, "  without {document}: {reason}")?;
            }
            for (reason, days) in failed {
                writeln!(f, "  failed: {}: {reason}", ranges(days))?;
            }
            for (name, receiver) in receivers {
                let ReceiverReport { written, present, verified, failed } = receiver;
                let counts =
                    [(*written, "written"), (*present, "there already"), (*verified, "verified")];
                let counts = counts.iter().filter(|(count, _)| *count > 0);
                let counts: Vec<_> =
                    counts.map(|(count, what)| format!("{count} {what}")).collect();
                if !counts.is_empty() {
                    writeln!(f, "  {name}: days: {}", counts.join(", "))?;
                }
                for (reason, (days, example)) in failed {
                    let example = example.iter().map(|example| format!(" ({example})"));
                    let example: String = example.collect();
                    writeln!(f, "  {name}: not in: {}: {reason}{example}", ranges(days))?;
                }
            }
        }
        Ok(())
    }
}

/// Days in words: `2026-01-01 to 2026-01-05, 2026-02-01`.
fn ranges(days: &[Date]) -> String {
    let mut ranges: Vec<(Date, Date)> = Vec::new();
    for day in days {
        match ranges.last_mut() {
            Some((_, last)) if last.saturating_add(1.day()) == *day => *last = *day,
            _ => ranges.push((*day, *day)),
        }
    }
    let words = ranges.into_iter().map(|(first, last)| match first == last {
        true => first.to_string(),
        false => format!("{first} to {last}"),
    });
    words.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::model::Scope;

    #[test]
    fn days_that_follow_each_other_are_one_range_across_months() {
        let days = [(2026, 1, 31), (2026, 2, 1), (2026, 2, 3), (2028, 2, 29), (2028, 3, 1)];
        let days = days.map(|(year, month, day)| date(year, month, day));
        let expected = "2026-01-31 to 2026-02-01, 2026-02-03, 2028-02-29 to 2028-03-01";
        assert_eq!(ranges(&days), expected);
    }

    #[test]
    fn a_day_without_a_report_is_no_failure_and_a_failed_one_is_named_with_its_reason() {
        let target = || Target::new(Scope::Organization, "octo-org").unwrap();
        let mut report = Report::default();
        let absent = TargetReport { absent: vec![date(2026, 1, 1)], ..TargetReport::default() };
        report.add(target(), absent);
        assert!(report.is_complete());
        let mut failed = TargetReport { requests: 3, ..TargetReport::default() };
        failed.fail(date(2026, 1, 1), "no connection".to_owned());
        failed.fail(date(2026, 1, 2), "no connection".to_owned());
        report.add(target(), failed);
        assert!(!report.is_complete());
        let text = report.to_string();
        assert!(text.contains("  no report: 2026-01-01\n"), "{text}");
        assert!(text.contains("  failed: 2026-01-01 to 2026-01-02: no connection\n"), "{text}");
    }
}
