//! What is served: the last good families of every target, and how each target is doing.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use arc_swap::ArcSwap;

use crate::exposition::encode::EncodedFamily;
use crate::exposition::snapshot::Snapshot;
use crate::target::Target;
use crate::telemetry::Telemetry;

/// How the last refresh of a target went.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Status {
    /// The first refresh is under way.
    #[default]
    Starting,
    /// Its data is fresh.
    Fresh,
    /// What went wrong. Older data may still be served.
    Failed(String),
}

/// The parts of the snapshot, by target.
struct Part {
    target: Target,
    status: Status,
    families: Option<Vec<EncodedFamily>>,
}

/// Holds the snapshot that scrapes are answered with.
pub struct Publisher {
    parts: Mutex<Vec<Part>>,
    snapshot: ArcSwap<Snapshot>,
    telemetry: Arc<Telemetry>,
}

impl Publisher {
    /// No data yet for any of the targets.
    pub fn new(targets: &[Target], telemetry: Arc<Telemetry>) -> Self {
        let part = |target: &Target| Part {
            target: target.clone(),
            status: Status::default(),
            families: None,
        };
        Self {
            parts: Mutex::new(targets.iter().map(part).collect()),
            snapshot: ArcSwap::default(),
            telemetry,
        }
    }

    /// The snapshot as it is now: one pointer, however large.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.load_full()
    }

    /// Puts a target's families in the place of those it had, and makes the snapshot anew.
    pub fn publish(&self, target: &Target, families: Vec<EncodedFamily>) {
        let started = Instant::now();
        let mut parts = self.parts();
        if let Some(part) = parts.iter_mut().find(|part| part.target == *target) {
            part.families = Some(families);
        }
        // Under the lock, so that of two targets that end at once none is lost.
        let families = parts.iter().filter_map(|part| part.families.as_deref());
        self.snapshot.store(Arc::new(Snapshot::new(families)));
        self.telemetry.set_encode_duration(started.elapsed());
    }

    /// Notes how a target's refresh went.
    pub fn set_status(&self, target: &Target, status: Status) {
        if let Some(part) = self.parts().iter_mut().find(|part| part.target == *target) {
            part.status = status;
        }
    }

    /// Every target with its status, and whether it has data to serve.
    pub fn statuses(&self) -> Vec<(Target, Status, bool)> {
        let parts = self.parts();
        parts.iter().map(|p| (p.target.clone(), p.status.clone(), p.families.is_some())).collect()
    }

    fn parts(&self) -> MutexGuard<'_, Vec<Part>> {
        self.parts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
