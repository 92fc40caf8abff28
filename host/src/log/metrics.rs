//! Metrics of the log.

use prometheus::IntCounterVec;
use tracing::Level;

use crate::model::metrics::Registry;

/// Counts suppressed lines. Clones share the metrics.
#[derive(Clone)]
pub struct Metrics {
    suppressed: IntCounterVec,
}

impl Metrics {
    /// Registers the metrics.
    pub fn new(registry: &Registry) -> prometheus::Result<Self> {
        let suppressed = registry.counters(
            "copilot_exporter_log_lines_suppressed_total",
            "Number of log lines that were not written because there were too many of the same kind.",
            &["level"],
        )?;
        for level in [Level::ERROR, Level::WARN, Level::INFO, Level::DEBUG] {
            suppressed.with_label_values(&[name(level)]);
        }
        Ok(Self { suppressed })
    }

    /// Counts a line that is not written.
    pub(super) fn count_suppressed(&self, level: Level) {
        self.suppressed.with_label_values(&[name(level)]).inc();
    }
}

/// The level's name in `LOG_LEVEL`.
fn name(level: Level) -> &'static str {
    match level {
        Level::ERROR => "error",
        Level::WARN => "warn",
        Level::INFO => "info",
        _ => "debug",
    }
}
