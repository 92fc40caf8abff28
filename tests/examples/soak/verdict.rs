//! What the run showed, and whether it is a trend.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::process::Sample;
use crate::scene::{End, TARGETS};
use crate::tally::Scrapes;

/// How much more memory there may be in the last third of the run than in the first: this share, and
/// this much for the fragments of a heap that is full of holes.
const MEMORY_SHARE: f64 = 0.2;
const MEMORY_SLACK: f64 = 24.0 * 1024.0 * 1024.0;
/// The same for descriptors. Most are connections of clients that misbehave.
const DESCRIPTORS_SHARE: f64 = 0.2;
const DESCRIPTORS_SLACK: f64 = 20.0;
/// The same for threads. Those for blocking work come and go.
const THREADS_SLACK: f64 = 16.0;
/// How many descriptors there may be when all clients are gone.
const SETTLED_DESCRIPTORS: u64 = 60;
/// How long 99 of 100 scrapes may take, also on a slow and busy machine.
const P99: Duration = Duration::from_secs(5);
/// How long the exporter may take to end.
const SHUTDOWN: Duration = Duration::from_secs(30);

/// Metrics of the exporter that show what it did: their names, families, and a part of their labels. A run
/// without any of them shows nothing.
const FIGURES: [(&str, &str, &str); 4] = [
    ("refreshes", "copilot_exporter_refresh_duration_seconds_count", ""),
    ("requests to GitHub", "copilot_exporter_github_api_requests", ""),
    ("swaps of mappings", "copilot_exporter_mapping_swaps_total", "result=\"success\""),
    ("refused mapping files", "copilot_exporter_mapping_swaps_total", "result=\"failure\""),
];

/// What the run showed.
pub struct Verdict {
    /// The exporter from the end of the warm-up on.
    pub samples: Vec<Sample>,
    /// When all clients were gone.
    pub settled: Sample,
    /// What was done.
    pub tally: BTreeMap<String, u64>,
    /// The well-behaved scrapes.
    pub scrapes: Scrapes,
    /// How the exporter ended.
    pub end: End,
}

impl Verdict {
    /// Prints the figures.
    pub fn print(&self) {
        for (what, count) in &self.tally {
            println!("{count:>8}  {what}");
        }
        let (scrapes, failures) = (self.scrapes.durations.len(), self.scrapes.failures.len());
        println!("scrapes: {scrapes}, of which {failures} failed");
        let [p50, p99, max] = [0.5, 0.99, 1.0].map(|share| self.quantile(share).as_secs_f64());
        println!("scrape time: p50 {p50:.3} s, p99 {p99:.3} s, max {max:.3} s");
        self.print_trend("resident memory, MiB", |sample| sample.resident >> 20);
        self.print_trend("descriptors", |sample| sample.descriptors);
        self.print_trend("threads", |sample| sample.threads);
        for (name, family, label) in FIGURES {
            println!("{name}: {}", self.end.metrics.sum(family, label));
        }
        let End { status, took, log, stored_files, .. } = &self.end;
        let (lines, took) = (log.lines().count(), took.as_secs_f64());
        println!("log lines: {lines}; files in the cache directory: {stored_files}");
        println!("end: {status} after {took:.1} s");
    }

    fn print_trend(&self, name: &str, value: impl Fn(&Sample) -> u64) {
        let [first, last] = self.thirds(&value);
        let settled = value(&self.settled);
        println!("{name}: {first} after the warm-up, {last} at the end, {settled} without clients");
    }

    /// Why the run fails.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let mut check = |is_right: bool, problem: String| {
            if !is_right {
                problems.push(problem);
            }
        };
        let failures = &self.scrapes.failures;
        let first = failures.first().map(String::as_str).unwrap_or_default();
        check(failures.is_empty(), format!("{} scrapes failed, first: {first}", failures.len()));
        check(!self.scrapes.durations.is_empty(), "nothing was scraped".to_owned());
        check(self.quantile(0.99) < P99, format!("1 of 100 scrapes took more than {P99:?}"));
        for (name, value, share, slack) in [
            ("memory", (|s| s.resident) as fn(&Sample) -> u64, MEMORY_SHARE, MEMORY_SLACK),
            ("descriptors", |s| s.descriptors, DESCRIPTORS_SHARE, DESCRIPTORS_SLACK),
            ("threads", |s| s.threads, 0.0, THREADS_SLACK),
        ] {
            let [first, last] = self.thirds(value);
            let most = first as f64 * (1.0 + share) + slack;
            check(last as f64 <= most, format!("{name} grew from {first} to {last}"));
        }
        for (name, family, label) in FIGURES {
            check(self.end.metrics.sum(family, label) > 0.0, format!("there were no {name}"));
        }
        let up = self.end.metrics.sum("copilot_exporter_up", "");
        let ready = self.end.ready.trim();
        check(
            up == TARGETS.len() as f64,
            format!("{up} targets are up when all faults are over: {ready}"),
        );
        let descriptors = self.settled.descriptors;
        check(
            descriptors <= SETTLED_DESCRIPTORS,
            format!("{descriptors} descriptors were open when all clients were gone"),
        );
        let End { status, took, log, .. } = &self.end;
        check(status.success(), format!("the exporter ended with {status}"));
        check(*took < SHUTDOWN, format!("the exporter took {took:?} to end"));
        let panic = log.lines().find(|line| is_panic(line));
        check(panic.is_none(), format!("the exporter panicked: {}", panic.unwrap_or_default()));
        problems
    }

    /// The medians of the first and the last third of the samples.
    fn thirds(&self, value: impl Fn(&Sample) -> u64) -> [u64; 2] {
        let third = (self.samples.len() / 3).max(1).min(self.samples.len());
        let (first, last) = (&self.samples[..third], &self.samples[self.samples.len() - third..]);
        [first, last].map(|samples| {
            let mut values: Vec<u64> = samples.iter().map(&value).collect();
            values.sort_unstable();
            values.get(values.len() / 2).copied().unwrap_or_default()
        })
    }

    /// The time within which this share of the scrapes ended.
    fn quantile(&self, share: f64) -> Duration {
        let mut durations = self.scrapes.durations.clone();
        durations.sort_unstable();
        let last = durations.len().saturating_sub(1);
        durations.get((last as f64 * share) as usize).copied().unwrap_or_default()
    }
}

/// Whether a line is the message of a thread of the exporter that panics. A mapping's is within a line.
fn is_panic(line: &str) -> bool {
    line.starts_with("thread '") && line.contains("panicked at")
}
