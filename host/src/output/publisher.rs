//! What is served: the last good families of every target, and how each target is doing.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use jiff::Timestamp;
use tokio::sync::watch;

use crate::output::encode::EncodedFamily;
use crate::output::snapshot::Snapshot;
use crate::mappings::MappingSet;
use crate::wasm::Mapping;
use crate::model::Target;
use crate::telemetry::{Telemetry, mapping_info};

/// How the last refresh of a target went.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Status {
    /// The first refresh is under way.
    #[default]
    Starting,
    /// Its data is fresh.
    Fresh,
    /// What went wrong. Older data may still be served.
    Failed(Vec<String>),
}

/// How the last refresh of a target went, and when the next one is.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// Whether it has what it needs.
    pub status: Status,
    /// What could not be had, and is not needed.
    pub left_out: Vec<String>,
    /// When it had all that it needs, if it has.
    pub succeeded_at: Option<Timestamp>,
    /// When it is refreshed again.
    pub next: Option<Timestamp>,
}

/// A target, as people see it.
#[derive(Clone)]
pub struct Account {
    /// The target.
    pub target: Target,
    /// How the last refresh went. Its `succeeded_at` is that of the last one that did.
    pub outcome: Outcome,
    /// What runs for it.
    pub set: Arc<MappingSet>,
    /// The mappings that made what is served, or that are to make it.
    pub mappings: Vec<Arc<Mapping>>,
    /// Whether there is data to serve.
    pub has_data: bool,
}

/// The parts of the snapshot, by target.
struct Part {
    target: Target,
    outcome: Outcome,
    set: Arc<MappingSet>,
    mappings: Vec<InUse>,
}

/// A mapping in use for a target, and what is shown of it: its last good families. Until it has made some,
/// those of the mapping of the same name that it has replaced are.
#[derive(Clone)]
struct InUse {
    mapping: Arc<Mapping>,
    shown: Option<Shown>,
}

/// What a mapping has made.
#[derive(Clone)]
struct Shown {
    by: Arc<Mapping>,
    families: Arc<[EncodedFamily]>,
}

impl InUse {
    /// The mapping that made what is shown, or is to make it.
    fn by(&self) -> &Arc<Mapping> {
        self.shown.as_ref().map_or(&self.mapping, |shown| &shown.by)
    }
}

impl Part {
    fn has_data(&self) -> bool {
        self.mappings.iter().any(|in_use| in_use.shown.is_some())
    }

    /// Takes the mappings of a set. One that was there before keeps its families.
    fn set(&mut self, set: &Arc<MappingSet>) {
        self.set = Arc::clone(set);
        let before = std::mem::take(&mut self.mappings);
        // What another mapping has now must not be there twice.
        let is_others = |family: &EncodedFamily, name: &str| {
            let others = set.members().iter().filter(|member| member.name() != name);
            others
                .flat_map(|member| &member.mapping.manifest().families)
                .any(|f| f.name == family.name)
        };
        let in_use = set.members().iter().map(|member| {
            let name = member.name();
            let same = |old: &&InUse| old.mapping.manifest().name == name;
            let shown = before.iter().find(same).and_then(|old| old.shown.clone());
            let alone =
                |shown: &Shown| !shown.families.iter().any(|family| is_others(family, name));
            InUse { mapping: Arc::clone(&member.mapping), shown: shown.filter(alone) }
        });
        self.mappings = in_use.collect();
    }

    fn publish(&mut self, families: MappedFamilies) {
        for (sha256, families) in families {
            if let Some(of) = self.mappings.iter_mut().find(|of| of.mapping.sha256() == sha256) {
                let by = Arc::clone(&of.mapping);
                of.shown = Some(Shown { by, families: families.into() });
            }
        }
    }
}

/// What mappings made, by the SHA-256 of each.
pub type MappedFamilies = Vec<(String, Vec<EncodedFamily>)>;

/// What a target gets when its mappings change.
pub struct Placed {
    /// The target.
    pub target: Target,
    /// Its mappings from now on.
    pub set: Arc<MappingSet>,
    /// What those of them made that are new to it.
    pub families: MappedFamilies,
}

/// Holds the snapshot that scrapes are answered with.
pub struct Publisher {
    parts: Mutex<Vec<Part>>,
    /// The settings that are missing, if any: then there will be no data.
    missing: Mutex<Option<String>>,
    /// Whether every target has data, or has failed to get any.
    settled: watch::Sender<bool>,
    /// Held while a snapshot is made: of two targets that end at once none may be lost.
    making: Mutex<()>,
    has_data: AtomicBool,
    snapshot: ArcSwap<Snapshot>,
    telemetry: Arc<Telemetry>,
}

impl Publisher {
    /// No targets yet.
    pub fn new(telemetry: Arc<Telemetry>) -> Self {
        Self {
            parts: Mutex::default(),
            missing: Mutex::default(),
            settled: watch::Sender::new(true),
            making: Mutex::default(),
            has_data: AtomicBool::new(false),
            snapshot: ArcSwap::default(),
            telemetry,
        }
    }

    /// Sets which targets there are from now on; those that were there before keep their data.
    pub fn set_targets(&self, targets: &[Target], missing: Option<String>) {
        let making = self.making.lock().unwrap_or_else(PoisonError::into_inner);
        let removed = {
            let mut parts = self.parts();
            let before = parts.len();
            parts.retain(|part| targets.contains(&part.target));
            let removed = parts.len() < before;
            for target in targets {
                if !parts.iter().any(|part| part.target == *target) {
                    let (target, outcome, set) =
                        (target.clone(), Outcome::default(), Arc::default());
                    parts.push(Part { target, outcome, set, mappings: Vec::new() });
                }
            }
            removed
        };
        *self.missing.lock().unwrap_or_else(PoisonError::into_inner) = missing;
        // A target that is new has nothing to show yet.
        if removed {
            self.make(&making);
        }
        self.settle();
    }

    /// The settings that are missing, if any: then there will be no data.
    pub fn missing(&self) -> Option<String> {
        self.missing.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until every target has data or has failed to get any, but no longer than `most`.
    pub async fn settled(&self, most: Duration) {
        let mut settled = self.settled.subscribe();
        tokio::time::timeout(most, settled.wait_for(|settled| *settled)).await.ok();
    }

    /// The snapshot as it is now: one pointer, however large.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.load_full()
    }

    /// Whether any target has data to serve.
    pub fn has_data(&self) -> bool {
        self.has_data.load(Ordering::Relaxed)
    }

    /// Puts what mappings made for a target in the place of what they had made before, and makes
    /// the snapshot anew. It computes for as long as compressing everything takes.
    pub fn publish(&self, target: &Target, families: MappedFamilies) {
        let making = self.making.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(part) = self.parts().iter_mut().find(|part| part.target == *target) {
            part.publish(families);
        }
        self.make(&making);
        self.settle();
    }

    /// Changes the mappings of targets together with what is shown of them: one snapshot has
    /// everything of before, the next one everything new.
    pub fn place(&self, placed: Vec<Placed>) {
        let making = self.making.lock().unwrap_or_else(PoisonError::into_inner);
        for Placed { target, set, families } in placed {
            if let Some(part) = self.parts().iter_mut().find(|part| part.target == target) {
                part.set(&set);
                part.publish(families);
            }
        }
        self.make(&making);
        self.settle();
    }

    /// Makes the snapshot.
    fn make(&self, _making: &MutexGuard<'_, ()>) {
        let started = Instant::now();
        let (in_use, has_data) = {
            let parts = self.parts();
            let in_use = parts.iter().flat_map(|part| {
                part.mappings.iter().map(|in_use| (part.target.clone(), in_use.clone()))
            });
            (in_use.collect::<Vec<_>>(), parts.iter().any(Part::has_data))
        };
        // In the snapshot, so that a scrape which has a mapping's families names that mapping.
        let info = mapping_info(in_use.iter().map(|(target, of)| (target, &**of.by())));
        let families = in_use.iter().filter_map(|(_, of)| Some(&*of.shown.as_ref()?.families));
        let all = families.chain(info.as_ref().map(std::slice::from_ref));
        self.snapshot.store(Arc::new(Snapshot::new(all)));
        self.has_data.store(has_data, Ordering::Relaxed);
        self.telemetry.set_encode_duration(started.elapsed());
    }

    fn settle(&self) {
        let is = |part: &Part| part.has_data() || part.outcome.status != Status::Starting;
        self.settled.send_if_modified(|settled| {
            let all = self.parts().iter().all(is);
            std::mem::replace(settled, all) != all
        });
    }

    /// Notes how a target's refresh went.
    pub fn set_outcome(&self, target: &Target, outcome: Outcome) {
        if let Some(part) = self.parts().iter_mut().find(|part| part.target == *target) {
            let succeeded_at = outcome.succeeded_at.or(part.outcome.succeeded_at);
            part.outcome = Outcome { succeeded_at, ..outcome };
        }
        self.settle();
    }

    /// Every target with its status.
    pub fn statuses(&self) -> Vec<(Target, Status)> {
        self.parts().iter().map(|part| (part.target.clone(), part.outcome.status.clone())).collect()
    }

    /// Every target.
    pub fn accounts(&self) -> Vec<Account> {
        let account = |part: &Part| Account {
            target: part.target.clone(),
            outcome: part.outcome.clone(),
            set: Arc::clone(&part.set),
            mappings: part.mappings.iter().map(|of| Arc::clone(of.by())).collect(),
            has_data: part.has_data(),
        };
        self.parts().iter().map(account).collect()
    }

    fn parts(&self) -> MutexGuard<'_, Vec<Part>> {
        self.parts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
