//! How much memory bodies may take, and where they go when it is used up.

use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A body of up to this many bytes, compressed, stays in memory whatever the budget: a file of its own
/// costs the system about as much.
const KEPT_BYTES: u64 = 16 << 10;

/// Where bodies are kept: in memory as long as all of them fit into the budget, and beyond it in files
/// that only this process can reach and that end with it. Clones share the budget. By default,
/// everything stays in memory.
#[derive(Clone, Debug, Default)]
pub struct Spool(Option<Arc<Limited>>);

#[derive(Debug)]
struct Limited {
    directory: PathBuf,
    /// In bytes.
    budget: AtomicU64,
    used: AtomicU64,
}

impl Spool {
    /// Bodies beyond `budget` bytes go to files in `directory`.
    pub fn new(directory: PathBuf, budget: u64) -> Self {
        Self(Some(Arc::new(Limited {
            directory,
            budget: AtomicU64::new(budget),
            used: AtomicU64::new(0),
        })))
    }

    /// Changes the budget, in bytes. Bodies that exist stay where they are.
    pub fn set_budget(&self, bytes: u64) {
        if let Some(limited) = &self.0 {
            limited.budget.store(bytes, Ordering::Relaxed);
        }
    }

    /// Creates a file without a name, which vanishes when it is closed. `None`: everything stays in
    /// memory.
    pub(super) fn create_file(&self) -> Option<io::Result<File>> {
        let directory = &self.0.as_ref()?.directory;
        Some(tempfile::tempfile_in(directory).map_err(|error| self.failed(&error)))
    }

    /// Says that an error is one of the directory.
    pub(super) fn failed(&self, error: &io::Error) -> io::Error {
        let directory = self.0.as_ref().map(|limited| limited.directory.display().to_string());
        let directory = directory.unwrap_or_default();
        io::Error::new(error.kind(), format!("failed to spool to {directory}: {error}"))
    }

    /// No memory yet.
    pub(super) fn reservation(&self) -> Reservation {
        Reservation { spool: self.clone(), bytes: 0 }
    }

    /// The bytes that bodies take in memory.
    #[cfg(test)]
    pub(super) fn used(&self) -> u64 {
        self.0.as_ref().map_or(0, |limited| limited.used.load(Ordering::Relaxed))
    }
}

/// Memory that a body takes. It is free again when this is dropped.
#[derive(Debug)]
pub(super) struct Reservation {
    spool: Spool,
    bytes: u64,
}

impl Reservation {
    /// Takes more memory, if the budget allows or the body is small.
    pub(super) fn grow(&mut self, bytes: u64) -> bool {
        let Some(limited) = &self.spool.0 else { return true };
        let is_small = self.bytes + bytes <= KEPT_BYTES;
        let budget = limited.budget.load(Ordering::Relaxed);
        let fits = |used: u64| {
            let used = used.saturating_add(bytes);
            (is_small || used <= budget).then_some(used)
        };
        let took = limited.used.try_update(Ordering::Relaxed, Ordering::Relaxed, fits).is_ok();
        if took {
            self.bytes += bytes;
        }
        took
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        if let Some(limited) = &self.spool.0 {
            limited.used.fetch_sub(self.bytes, Ordering::Relaxed);
        }
    }
}
