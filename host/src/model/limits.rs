//! The limits of mappings.

use std::time::Duration;

/// The limits of a mapping: when it is compiled, and of each run. One that exceeds them is stopped;
/// nothing else is affected.
#[derive(Clone, Debug, PartialEq)]
pub struct Limits {
    /// The memory of an instance, in bytes, all of its memories together.
    pub memory_bytes: usize,
    /// The wall-clock time of a run.
    pub run_time: Duration,
    /// The largest result of one call, in bytes.
    pub result_bytes: usize,
    /// The largest number of samples of one target.
    pub series: usize,
    /// The longest label value, in bytes.
    pub label_value_bytes: usize,
    /// The wall-clock time of its compilation, and the CPU time of all threads together.
    pub compile_time: Duration,
    /// The memory of its compilation, in bytes.
    pub compile_memory_bytes: u64,
}

impl Default for Limits {
    /// Enough for an enterprise of 100,000 developers: its users report needs about 40 MiB and a few
    /// seconds; 200,000 series are more than Prometheus should get from one target.
    fn default() -> Self {
        Self {
            memory_bytes: 64 << 20,
            run_time: Duration::from_secs(60),
            result_bytes: 64 << 20,
            series: 200_000,
            label_value_bytes: 1024,
            // A mapping in Python or JavaScript takes 10 to 20 seconds of CPU time.
            compile_time: Duration::from_secs(120),
            compile_memory_bytes: 1 << 30,
        }
    }
}
