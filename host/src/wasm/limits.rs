//! The limits of a run.

use wasmtime::ResourceLimiter;

pub use crate::model::Limits;

/// The entries of all tables of an instance together: each takes the memory of a pointer, which is
/// not part of the instance's memory. Rust mappings have hundreds, a JavaScript engine thousands.
const TABLE_ENTRIES: usize = 1 << 20;

/// An instance exceeded its memory.
#[derive(Debug, thiserror::Error)]
#[error("it needs {needed} {what}, more than the limit of {limit}")]
pub(super) struct OutOfMemory {
    what: &'static str,
    needed: usize,
    limit: usize,
}

/// Keeps an instance within its memory, and measures it. Exceeding a limit traps: a language's runtime
/// to which the growth is denied only aborts with a less clear message.
pub(super) struct Limiter {
    limit: usize,
    bytes: usize,
    entries: usize,
}

impl Limiter {
    pub(super) fn new(limits: &Limits) -> Self {
        Self { limit: limits.memory_bytes, bytes: 0, entries: 0 }
    }

    /// The memory of the instance. It never shrinks, so this is its peak.
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
            let (what, limit) = ("bytes of memory", self.limit);
            return Err(OutOfMemory { what, needed: bytes, limit }.into());
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
            let (what, limit) = ("entries of tables", TABLE_ENTRIES);
            return Err(OutOfMemory { what, needed: entries, limit }.into());
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
        // The mapping's own, and small ones of adapters.
        4
    }
}
