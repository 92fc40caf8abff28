//! Says once what is wrong with the server, and when it is over.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tracing::{info, warn};

use super::failure::{Failure, FailureKind};
use super::metrics::ValkeyMetrics;

/// What a request does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    /// It reads a manifest or the like.
    Read,
    /// It writes a manifest.
    Write,
    /// It is about a lease, which works even if the memory is full.
    Lease,
    /// It reads a chunk.
    LoadChunk,
    /// It writes a chunk.
    SaveChunk,
}

impl Operation {
    fn label(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Lease => "lease",
            Self::LoadChunk | Self::SaveChunk => "chunk",
        }
    }

    fn is_write(self) -> bool {
        matches!(self, Self::Write | Self::SaveChunk)
    }
}

/// The failures of the server that are not over yet.
pub(super) struct Health {
    server: String,
    metrics: ValkeyMetrics,
    failing: Mutex<BTreeSet<FailureKind>>,
}

impl Health {
    pub(super) fn new(server: String, metrics: ValkeyMetrics) -> Self {
        metrics.start();
        Self { server, metrics, failing: Mutex::default() }
    }

    pub(super) fn metrics(&self) -> &ValkeyMetrics {
        &self.metrics
    }

    /// A request got a response.
    pub(super) fn succeeded(&self, operation: Operation, took: Duration) {
        self.metrics.observe(operation.label(), took);
        self.metrics.set_up(true);
        let server = &self.server;
        for kind in recovered(&mut self.failing(), operation) {
            info!(server, was = kind.label(), "Valkey works again");
        }
    }

    /// A request failed.
    pub(super) fn failed(&self, failure: &Failure) {
        self.metrics.count_failure(failure.kind);
        if !failure.kind.is_of_writes() {
            self.metrics.set_up(false);
        }
        let is_news = self.failing().insert(failure.kind);
        if is_news {
            let kind = failure.kind.label();
            warn!(kind, %failure, "Valkey failed; continuing with what is in memory");
        }
    }

    fn failing(&self) -> std::sync::MutexGuard<'_, BTreeSet<FailureKind>> {
        self.failing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Removes and returns the failures that are over because an operation succeeded.
fn recovered(failing: &mut BTreeSet<FailureKind>, operation: Operation) -> Vec<FailureKind> {
    // Others are still denied what they were.
    let is_over = |kind: &FailureKind| match kind {
        FailureKind::Permission | FailureKind::Other => operation.is_write(),
        kind => !kind.is_of_writes() || operation.is_write(),
    };
    let over: Vec<FailureKind> = failing.iter().copied().filter(is_over).collect();
    failing.retain(|kind| !over.contains(kind));
    over
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_memory_is_over_when_a_write_succeeds() {
        let mut failing = BTreeSet::from([FailureKind::OutOfMemory, FailureKind::Timeout]);
        assert_eq!(recovered(&mut failing, Operation::Read), [FailureKind::Timeout]);
        assert!(recovered(&mut failing, Operation::Lease).is_empty());
        assert_eq!(recovered(&mut failing, Operation::SaveChunk), [FailureKind::OutOfMemory]);
        assert!(failing.is_empty());
    }
}
