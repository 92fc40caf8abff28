//! Figures in words.

use crate::model::Limits;

/// The time and the memory of a run, and their limits.
pub(super) fn against_limits(seconds: f64, memory_bytes: usize, limits: &Limits) -> String {
    let megabytes = |bytes: usize| bytes as f64 / 1e6;
    format!(
        "{seconds:.2} s of {} s, {:.1} MB of {:.1} MB",
        limits.run_time.as_secs_f64(),
        megabytes(memory_bytes),
        megabytes(limits.memory_bytes)
    )
}
