//! What a mapping may use and give.

use std::time::Duration;

use wasmtime::{ResourceLimiter, bail};

/// The limits of one run. A mapping that goes over one is ended; nothing else notices.
#[derive(Clone, Debug, PartialEq)]
pub struct Limits {
    /// The memory of the instance, in bytes, all of its memories together.
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

/// The entries that all tables of an instance may have together: each takes a pointer's memory
/// outside of the instance's own. Rust's mappings have some hundred, a JavaScript engine some thousand.
const TABLE_ENTRIES: usize = 1 << 20;

/// Keeps an instance within its memory, and knows how much it took. What goes over traps: a
/// language's runtime that is told "no" only aborts less clearly.
pub(super) struct Limiter {
    limit: usize,
    bytes: usize,
    entries: usize,
}

impl Limiter {
    pub(super) fn new(limits: &Limits) -> Self {
        Self { limit: limits.memory_bytes, bytes: 0, entries: 0 }
    }

    /// The memory of the instance. It never shrinks, so that this is the most it took.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }
}

impl ResourceLimiter for Limiter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let bytes = self.bytes.saturating_add(desired.saturating_sub(current));
        if bytes > self.limit {
            bail!("growing its memory to {bytes} bytes, of at most {}", self.limit);
        }
        self.bytes = bytes;
        Ok(true)
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        _: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let entries = self.entries.saturating_add(desired.saturating_sub(current));
        if entries > TABLE_ENTRIES {
            bail!("growing its tables to {entries} entries, of at most {TABLE_ENTRIES}");
        }
        self.entries = entries;
        Ok(true)
    }

    fn instances(&self) -> usize {
        64
    }

    fn tables(&self) -> usize {
        64
    }

    fn memories(&self) -> usize {
        // That of the mapping, and small ones of adapters.
        4
    }
}
