//! Whether what is published should be scraped.

use std::sync::atomic::{AtomicBool, Ordering};

/// Whether what is published should be scraped.
#[derive(Debug, Default)]
pub(super) struct Readiness {
    has_data: AtomicBool,
    is_whole: AtomicBool,
    requires_all: AtomicBool,
}

impl Readiness {
    /// Notes whether there are samples of any target.
    pub(super) fn set_has_data(&self, has_data: bool) {
        self.has_data.store(has_data, Ordering::Relaxed);
    }

    /// Whether there are samples of any target.
    pub(super) fn has_data(&self) -> bool {
        self.has_data.load(Ordering::Relaxed)
    }

    /// What is served of every target is whole: it stays ready when a target is added.
    pub(super) fn set_whole(&self) {
        self.is_whole.store(true, Ordering::Relaxed);
    }

    /// From now on, the data of a part of the targets is not enough.
    pub(super) fn require_all(&self) {
        self.requires_all.store(true, Ordering::Relaxed);
    }

    /// Whether there is enough data.
    pub(super) fn is_ready(&self) -> bool {
        let is_enough =
            !self.requires_all.load(Ordering::Relaxed) || self.is_whole.load(Ordering::Relaxed);
        is_enough && self.has_data()
    }
}
