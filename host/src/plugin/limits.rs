//! What a mapping may use and give.

use std::time::Duration;

/// The limits of one run. A mapping that goes over one is ended; nothing else notices.
#[derive(Clone, Debug)]
pub struct Limits {
    /// The memory of the instance, in bytes.
    pub memory_bytes: usize,
    /// The time from the start of the run to its end, by the wall clock.
    pub run_time: Duration,
    /// What the mapping may hand to the host in one call, in bytes.
    pub result_bytes: usize,
    /// The samples of one target.
    pub series: usize,
    /// The length of a label's value, in bytes.
    pub label_value_bytes: usize,
}

impl Default for Limits {
    /// Room for an enterprise of 100,000 developers: its users report needs about 40 MiB and a
    /// few seconds; 200,000 series are more than a Prometheus wants from one target.
    fn default() -> Self {
        Self {
            memory_bytes: 64 << 20,
            run_time: Duration::from_secs(60),
            result_bytes: 64 << 20,
            series: 200_000,
            label_value_bytes: 1024,
        }
    }
}
