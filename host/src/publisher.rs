//! What is served: the last good families of every target, and how each target is doing.

use std::sync::atomic::{AtomicBool, Ordering};
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
    families: Option<Arc<[EncodedFamily]>>,
}

/// Holds the snapshot that scrapes are answered with.
pub struct Publisher {
    parts: Mutex<Vec<Part>>,
    /// Held while a snapshot is made: of two targets that end at once none may be lost.
    making: Mutex<()>,
    has_data: AtomicBool,
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
            making: Mutex::default(),
            has_data: AtomicBool::new(false),
            snapshot: ArcSwap::default(),
            telemetry,
        }
    }

    /// The snapshot as it is now: one pointer, however large.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.load_full()
    }

    /// Whether any target has data to serve.
    pub fn has_data(&self) -> bool {
        self.has_data.load(Ordering::Relaxed)
    }

    /// Puts a target's families in the place of those it had, and makes the snapshot anew.
    /// It computes for as long as compressing everything takes.
    pub fn publish(&self, target: &Target, families: Vec<EncodedFamily>) {
        let started = Instant::now();
        let _making = self.making.lock().unwrap_or_else(PoisonError::into_inner);
        let all: Vec<Arc<[EncodedFamily]>> = {
            let mut parts = self.parts();
            if let Some(part) = parts.iter_mut().find(|part| part.target == *target) {
                part.families = Some(families.into());
            }
            parts.iter().filter_map(|part| part.families.clone()).collect()
        };
        self.snapshot.store(Arc::new(Snapshot::new(all.iter().map(AsRef::as_ref))));
        self.has_data.store(true, Ordering::Relaxed);
        self.telemetry.set_encode_duration(started.elapsed());
    }

    /// Notes how a target's refresh went.
    pub fn set_status(&self, target: &Target, status: Status) {
        if let Some(part) = self.parts().iter_mut().find(|part| part.target == *target) {
            part.status = status;
        }
    }

    /// Every target with its status.
    pub fn statuses(&self) -> Vec<(Target, Status)> {
        self.parts().iter().map(|part| (part.target.clone(), part.status.clone())).collect()
    }

    fn parts(&self) -> MutexGuard<'_, Vec<Part>> {
        self.parts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
