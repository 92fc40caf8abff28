//! Limits the rate of log lines by kind. Lines of one kind are written by the same line of the code.
//!
//! A kind that is about a target or a file may write a line for each of them at once: the failures of
//! 200 targets are all in the log. Other kinds, such as a reload, have a tenth of that. How many lines
//! were suppressed is logged at the latest [`REPORT_INTERVAL`] later, whatever else is logged, and when
//! the process ends.
//!
//! Each kind has its own limit, so a flood of one suppresses nothing else. An error that ends the process
//! is the only line of its kind.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt::Debug;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use tracing::callsite::Identifier;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Metadata, Subscriber, event};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

use super::metrics::Metrics;

/// How often the number of suppressed lines is logged.
const REPORT_INTERVAL: Duration = Duration::from_secs(10);
/// How many lines of a kind that is about targets or files may be written at once, and each second.
const BURST: NonZeroU32 = NonZeroU32::MIN.saturating_add(299);
const PER_SECOND: NonZeroU32 = NonZeroU32::MIN.saturating_add(3);
/// The same for other kinds.
const OTHER_BURST: NonZeroU32 = NonZeroU32::MIN.saturating_add(29);
const OTHER_PER_SECOND: NonZeroU32 = NonZeroU32::MIN;
/// How many times more there may be at the level `debug`, where details are wanted.
const DEBUG_FACTOR: NonZeroU32 = NonZeroU32::MIN.saturating_add(9);
/// The fields by which a kind is about targets or files.
const SUBJECTS: [&str; 2] = ["org", "file"];

/// A layer that suppresses lines of a kind that writes too many. Clones share their state.
#[derive(Clone, Default)]
pub struct RateLimit(Arc<State>);

#[derive(Default)]
struct State {
    kinds: Mutex<HashMap<Identifier, Kind>>,
    metrics: OnceLock<Metrics>,
}

/// A kind of lines.
struct Kind {
    limiter: DefaultDirectRateLimiter,
    metadata: &'static Metadata<'static>,
    /// How many lines were suppressed since the last report.
    suppressed: u64,
    /// The message of the first of them.
    example: String,
}

impl RateLimit {
    /// Counts suppressed lines in these metrics from now on.
    pub fn count_in(&self, metrics: Metrics) {
        // The first ones stay.
        self.0.metrics.set(metrics).ok();
    }

    /// Logs regularly how many lines were suppressed.
    pub async fn report_regularly(self) {
        loop {
            tokio::time::sleep(REPORT_INTERVAL).await;
            self.report();
        }
    }

    /// Logs how many lines were suppressed since the last report: a line for each kind.
    pub fn report(&self) {
        let mut reports = Vec::new();
        for kind in self.kinds().values_mut().filter(|kind| kind.suppressed > 0) {
            let (suppressed, example) =
                (std::mem::take(&mut kind.suppressed), std::mem::take(&mut kind.example));
            reports.push((kind.metadata, suppressed, example));
        }
        for (metadata, suppressed, example) in reports {
            report(metadata, suppressed, &example);
        }
    }

    /// Whether a line is written. If not, it is counted.
    fn admits(
        &self,
        metadata: &'static Metadata<'static>,
        message: impl FnOnce() -> String,
    ) -> bool {
        let mut kinds = self.kinds();
        let kind = match kinds.entry(metadata.callsite()) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => entry.insert(Kind::new(metadata)),
        };
        if kind.limiter.check().is_ok() {
            return true;
        }
        if kind.suppressed == 0 {
            kind.example = message();
        }
        kind.suppressed += 1;
        if let Some(metrics) = self.0.metrics.get() {
            metrics.count_suppressed(*metadata.level());
        }
        false
    }

    fn kinds(&self) -> MutexGuard<'_, HashMap<Identifier, Kind>> {
        self.0.kinds.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kind {
    fn new(metadata: &'static Metadata<'static>) -> Self {
        let limiter = RateLimiter::direct(quota(metadata));
        Self { limiter, metadata, suppressed: 0, example: String::new() }
    }
}

/// How many lines of a kind may be written.
fn quota(metadata: &Metadata<'_>) -> Quota {
    let is_about = |subject: &str| metadata.fields().field(subject).is_some();
    let (burst, per_second) = match SUBJECTS.into_iter().any(is_about) {
        true => (BURST, PER_SECOND),
        false => (OTHER_BURST, OTHER_PER_SECOND),
    };
    let factor = if *metadata.level() >= Level::DEBUG { DEBUG_FACTOR } else { NonZeroU32::MIN };
    Quota::per_second(per_second.saturating_mul(factor)).allow_burst(burst.saturating_mul(factor))
}

/// Logs how many lines of a kind were suppressed, at their level: who sees them sees that some are
/// missing.
fn report(metadata: &Metadata<'_>, suppressed: u64, like: &str) {
    let code = metadata.target();
    macro_rules! report {
        ($level:expr) => {
            event!(
                $level,
                suppressed,
                like,
                code,
                "log lines suppressed: too many of the same kind"
            )
        };
    }
    match *metadata.level() {
        Level::ERROR => report!(Level::ERROR),
        Level::WARN => report!(Level::WARN),
        Level::INFO => report!(Level::INFO),
        _ => report!(Level::DEBUG),
    }
}

impl<S: Subscriber> Layer<S> for RateLimit {
    fn event_enabled(&self, event: &Event<'_>, _context: Context<'_, S>) -> bool {
        let metadata = event.metadata();
        // A report is not suppressed: there is one of each kind at a time.
        metadata.target() == module_path!() || self.admits(metadata, || message(event))
    }
}

/// The message of an event, without its other fields.
fn message(event: &Event<'_>) -> String {
    struct Message(String);

    impl Visit for Message {
        fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
            if field.name() == "message" {
                self.0 = format!("{value:?}");
            }
        }
    }

    let mut message = Message(String::new());
    event.record(&mut message);
    message.0
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::time::Instant;

    use tracing::{debug, error, info, warn};
    use tracing_subscriber::prelude::*;

    use super::*;
    use crate::model::metrics::Registry;

    /// Whether `written` is the number of lines that a limit allows: a burst, and some for each second since the start.
    fn is_limited(written: usize, (burst, per_second): (usize, usize), started: Instant) -> bool {
        let seconds = started.elapsed().as_secs() as usize + 1;
        (burst..=burst + per_second * seconds).contains(&written)
    }

    /// Lines that have been written.
    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// The lines that code writes to a log with a limit.
    fn logged(code: impl FnOnce(&RateLimit)) -> Vec<String> {
        let (limit, written) = (RateLimit::default(), Written::default());
        let to = written.clone();
        let format = tracing_subscriber::fmt::layer().with_ansi(false).without_time();
        let layers = tracing_subscriber::registry()
            .with(limit.clone())
            .with(format.with_writer(move || to.clone()));
        tracing::subscriber::with_default(layers, || code(&limit));
        let bytes = written.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap().lines().map(str::to_owned).collect()
    }

    fn count(lines: &[String], text: &str) -> usize {
        lines.iter().filter(|line| line.contains(text)).count()
    }

    #[test]
    fn a_flood_is_suppressed_and_counted_and_nothing_else_is() {
        let started = Instant::now();
        let lines = logged(|limit| {
            for number in 0..1000 {
                warn!(number, "flood");
            }
            error!("the reason");
            limit.report();
            limit.report();
        });
        let floods = count(&lines, "WARN") - 1;
        assert!(is_limited(floods, (30, 1), started), "{lines:#?}");
        assert_eq!(count(&lines, "the reason"), 1);
        // Once, at the level of what is missing.
        let reports: Vec<_> = lines.iter().filter(|line| line.contains("suppressed")).collect();
        assert_eq!(reports.len(), 1, "{reports:?}");
        let missing = format!("suppressed={} like=\"flood\"", 1000 - floods);
        assert!(reports[0].contains("WARN") && reports[0].contains(&missing), "{reports:?}");
    }

    #[test]
    fn a_line_for_each_of_many_targets_is_written_and_more_at_the_level_debug() {
        let started = Instant::now();
        let lines = logged(|_| {
            for number in 0..1000 {
                warn!(org = number, "of a target");
                info!(file = number, "of a file");
                debug!(number, "detail");
                debug!(org = number, "detail of a target");
            }
        });
        for text in ["of a target", "of a file"] {
            let written = count(&lines, text) - if text == "of a target" { 1000 } else { 0 };
            assert!(is_limited(written, (300, 4), started), "{text}: {written}");
        }
        assert!(is_limited(count(&lines, "detail number"), (300, 10), started));
    }

    #[test]
    fn suppressed_lines_are_counted_by_level() {
        let registry = Registry::default();
        let metrics = Metrics::new(&registry).unwrap();
        let lines = logged(|limit| {
            limit.count_in(metrics);
            (0..100).for_each(|_| info!("flood"));
        });
        let text = registry.encode().unwrap();
        let name = "copilot_exporter_log_lines_suppressed_total";
        assert!(
            text.contains(&format!("{name}{{level=\"info\"}} {}\n", 100 - lines.len())),
            "{text}"
        );
        assert!(text.contains(&format!("{name}{{level=\"error\"}} 0\n")), "{text}");
    }
}
