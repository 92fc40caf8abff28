//! The task of a target: it owns the schedule and the documents, and refreshes them until cancelled.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{oneshot, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::attempts::Attempts;
use super::documents::Versions;
use super::fetching::Fetching;
use super::schedule::{Outcome, Schedule};
use super::shared::Shared;
use super::targets::TargetView;
use crate::config::TargetSettings;
use crate::github::Client;
use crate::mappings::MappingSet;
use crate::model::{DocumentSpec, MappingOption, Target};
use crate::output::{DocumentStatus, Placement};
use crate::store::{Key, Slot};

/// Refreshes a target.
pub(super) struct TargetTask {
    pub(super) shared: Arc<Shared>,
    pub(super) client: Client,
    /// The attempts of its requests that failed.
    pub(super) attempts: Arc<Attempts>,
    pub(super) settings: Arc<TargetSettings>,
    pub(super) options: Vec<MappingOption>,
    mappings: watch::Receiver<Arc<MappingSet>>,
    /// The mappings that everything below is about.
    pub(super) set: Arc<MappingSet>,
    /// The documents that they want.
    pub(super) specs: Vec<DocumentSpec>,
    pub(super) schedule: Schedule,
    pub(super) versions: Versions,
    /// Why a document that no mapping accepts is rejected, by name.
    pub(super) rejected: HashMap<String, String>,
    /// The input of the last successful run of each mapping, by SHA-256.
    pub(super) mapped: HashMap<String, String>,
    /// Why the last run of a mapping as a whole failed, by name.
    pub(super) mapping_failures: BTreeMap<String, String>,
    /// How often in a row a mapping was to blame, by SHA-256.
    pub(super) blamed: HashMap<String, u32>,
    /// Those that were to blame in this cycle, by SHA-256.
    pub(super) blamed_in_cycle: HashSet<String>,
    /// The documents that were malformed in this cycle.
    pub(super) malformed_in_cycle: HashSet<String>,
    /// Runs that continue on their threads when the task is cancelled.
    pub(super) tracker: TaskTracker,
}

impl TargetTask {
    /// A task that has not started, with the mappings of its source and their changes.
    pub(super) fn new(
        shared: &Arc<Shared>,
        (client, attempts): (Client, Arc<Attempts>),
        settings: Arc<TargetSettings>,
        mappings: watch::Receiver<Arc<MappingSet>>,
        versions: Versions,
    ) -> Self {
        let options = settings.mapping.mapping_options();
        let mut task = Self {
            shared: Arc::clone(shared),
            client,
            attempts,
            settings,
            options,
            mappings,
            set: Arc::default(),
            specs: Vec::new(),
            schedule: Schedule::default(),
            versions,
            rejected: HashMap::new(),
            mapped: HashMap::new(),
            mapping_failures: BTreeMap::new(),
            blamed: HashMap::new(),
            blamed_in_cycle: HashSet::new(),
            malformed_in_cycle: HashSet::new(),
            tracker: TaskTracker::new(),
        };
        task.adopt();
        task.publish_view();
        task
    }

    pub(super) fn target(&self) -> &Target {
        &self.settings.target
    }

    /// Puts its mappings in place where samples are published, for a target that is new.
    pub(super) async fn place(&self) {
        let mappings = self
            .set
            .members()
            .iter()
            .map(|member| (member.mapping.id(), member.mapping.manifest().families.clone()));
        let (target, mappings) = (self.target().clone(), mappings.collect());
        let (published, is_complete) = (Vec::new(), true);
        let placement = Placement { target, mappings, published, is_complete };
        self.shared.publisher.place(vec![placement]).await;
    }

    /// Whether any mapping is in use for it.
    pub(super) fn has_mappings(&self) -> bool {
        !self.set.members().is_empty()
    }

    /// Serves what is stored, then refreshes until cancelled. `restored` is told when what is stored is
    /// served, as far as there are mappings for it.
    pub(super) async fn run(mut self, cancel: CancellationToken, restored: oneshot::Sender<()>) {
        cancel
            .run_until_cancelled_owned(async move {
                let mut restored = Some(restored);
                while !self.has_mappings() {
                    restored.take().map(|restored| restored.send(()));
                    if self.mappings.changed().await.is_err() {
                        // There will never be any.
                        std::future::pending::<()>().await;
                    }
                    self.adopt();
                }
                self.serve_stored().await;
                // It fails if no one is waiting.
                restored.map(|restored| restored.send(()));
                loop {
                    let next = self.next_cycle();
                    tokio::select! {
                        () = tokio::time::sleep_until(next) => {}
                        // What new mappings need is fetched at once.
                        changed = self.mappings.changed() => {
                            if changed.is_err() {
                                // They can't change any more.
                                tokio::time::sleep_until(next).await;
                            }
                        }
                    }
                    self.cycle().await;
                }
            })
            .await;
    }

    /// One refresh: fetches what is due, maps what is new, publishes it.
    async fn cycle(&mut self) {
        let started = Instant::now();
        self.blamed_in_cycle.clear();
        self.malformed_in_cycle.clear();
        let is_adopted = self.adopt();
        let is_leader = self.acquire_lease().await;
        let due = self.specs.iter().any(|spec| self.is_due(spec, started));
        let mut fetched = Fetching::default();
        if due && is_leader {
            // The first data is not delayed by a thousand pages of seats.
            let (long, short): (Vec<_>, Vec<_>) =
                self.specs.clone().into_iter().partition(|spec| self.takes_long(spec));
            for spec in &short {
                self.fetch_if_due(spec, started, &mut fetched).await;
            }
            if fetched.changed && long.iter().any(|spec| self.is_due(spec, started)) {
                self.map_and_publish(&fetched.attempted).await;
            }
            for spec in &long {
                self.fetch_if_due(spec, started, &mut fetched).await;
            }
        }
        // Mappings may have been put in use while documents were fetched.
        let is_adopted = self.adopt() || is_adopted;
        let mapped = self.map_and_publish(&fetched.attempted).await;
        let now = Instant::now();
        let is_wanted = |spec: &&DocumentSpec| self.specs.iter().any(|own| own.name == spec.name);
        let attempted: Vec<_> = fetched.attempted.iter().filter(is_wanted).collect();
        for spec in attempted {
            if !self.versions.is_pending(&spec.name) {
                // One that GitHub confirmed was mapped before.
                self.schedule.note_mapped(&spec.name);
            }
            let is_replaced = self.is_replaced(&spec.name);
            let ttl = self.settings.ttl_of(&spec.name);
            self.schedule.reschedule(spec, ttl, is_replaced, now);
        }
        self.remove_unwanted().await;
        self.publish_view();
        if due || mapped {
            let took = started.elapsed();
            // The samples are there when the log says so.
            self.shared.publisher.served().await;
            self.report(&fetched, took);
        } else if is_adopted {
            // A dry run has mapped what is stored.
            self.publish_outcome();
        }
    }

    /// Whether this process may fetch for the target. If the store fails, it may.
    async fn acquire_lease(&self) -> bool {
        const TTL: Duration = Duration::from_secs(30);
        let holder = std::process::id().to_string();
        let lease = self.shared.store.lease(self.target(), &holder, TTL).await;
        self.shared.note_store_error(self.target(), "load", lease).is_none_or(|of| of.is_some())
    }

    /// Switches to the mappings that are in use now, if they have changed. What they need and is not
    /// stored is due. Returns whether they have changed.
    pub(super) fn adopt(&mut self) -> bool {
        let set = self.mappings.borrow_and_update().clone();
        if Arc::ptr_eq(&set, &self.set) {
            return false;
        }
        let wanted = set.documents(self.target().scope()).iter();
        let specs: Vec<_> = wanted.filter(|spec| self.is_on(spec)).cloned().collect();
        // A document of the same name may be another one.
        let is_same = |one: &DocumentSpec, other: &DocumentSpec| {
            one.name == other.name && one.source() == other.source()
        };
        for gone in self.specs.iter().filter(|old| !specs.iter().any(|new| is_same(old, new))) {
            self.schedule.forget(&gone.name);
            if !specs.iter().any(|new| new.name == gone.name) {
                self.shared.metrics.remove_document(self.target(), &gone.name);
            }
        }
        (self.set, self.specs) = (set, specs);
        let now = Instant::now();
        for spec in &self.specs {
            match self.versions.newest().get(&spec.name) {
                Some(document) if document.is_of(spec) => {
                    let ttl = self.settings.ttl_of(&spec.name);
                    self.schedule.adopt(&spec.name, ttl, age(document.confirmed_at), now);
                }
                Some(_) => self.schedule.forget(&spec.name),
                None => {}
            }
        }
        let names: Vec<&str> = self.set.members().iter().map(|member| member.name()).collect();
        self.mapping_failures.retain(|name, _| names.contains(&name.as_str()));
        let runs = |sha256: &str| self.set.members().iter().any(|of| of.mapping.sha256() == sha256);
        self.blamed.retain(|sha256, _| runs(sha256));
        self.mapped.retain(|sha256, _| runs(sha256));
        self.shared.runner.metrics().keep_of_target(self.target(), &names);
        true
    }

    /// Whether a document is fetched for this target at all.
    fn is_on(&self, spec: &DocumentSpec) -> bool {
        let is_true = |option: &String| {
            let set = self.options.iter().find(|given| given.name == *option);
            set.is_some_and(|given| given.value == "true")
        };
        self.settings.wants(&spec.name)
            && (spec.only_with.is_empty() || spec.only_with.iter().any(is_true))
    }

    /// Whether a document is to be fetched now. A fallback only is if the original is not found.
    pub(super) fn is_due(&self, spec: &DocumentSpec, now: Instant) -> bool {
        self.is_needed(spec) && self.schedule.is_due(&spec.name, now)
    }

    pub(super) fn is_needed(&self, spec: &DocumentSpec) -> bool {
        let original = spec.fallback_for.as_deref();
        original.is_none_or(|name| {
            self.schedule.outcome(name).is_some_and(Outcome::is_not_found)
                || !self.settings.wants(name)
        })
    }

    /// Whether a fallback was fetched instead of a document that is not found.
    pub(super) fn is_replaced(&self, name: &str) -> bool {
        let is_fallback = |spec: &&DocumentSpec| spec.fallback_for.as_deref() == Some(name);
        self.schedule.outcome(name).is_some_and(Outcome::is_not_found)
            && self
                .specs
                .iter()
                .filter(is_fallback)
                .any(|spec| matches!(self.schedule.outcome(&spec.name), Some(Outcome::Fresh)))
    }

    fn next_cycle(&self) -> Instant {
        let needed = self.specs.iter().filter(|spec| self.is_needed(spec));
        let documents = needed.map(|spec| (&*spec.name, self.settings.ttl_of(&spec.name)));
        self.schedule.next(documents, self.settings.ttl, Instant::now())
    }

    /// When the next cycle is due, by the wall clock.
    pub(super) fn next_time(&self) -> Option<Timestamp> {
        let wait = self.next_cycle().saturating_duration_since(Instant::now());
        Timestamp::now().checked_add(wait).ok()
    }

    /// A document that no mapping wants is kept for its TTL, in case a mapping comes back.
    async fn remove_unwanted(&mut self) {
        // A mapping that is still being compiled may want it.
        if !self.shared.has_all_mappings() {
            return;
        }
        let is_unwanted = |name: &String| !self.specs.iter().any(|spec| spec.name == *name);
        let newest = self.versions.newest().iter();
        let expired = newest.filter(|(name, document)| {
            is_unwanted(name) && age(document.confirmed_at) >= self.settings.ttl_of(name)
        });
        let expired: Vec<String> = expired.map(|(name, _)| name.clone()).collect();
        for name in expired {
            self.remove_document(&name).await;
        }
    }

    /// Removes a document from memory and from the store.
    pub(super) async fn remove_document(&mut self, name: &str) -> bool {
        let Some(document) = self.versions.remove(name) else { return false };
        for slot in [Slot::Good, Slot::Pending] {
            let key = self.key(name, &document, slot);
            let removed = self.shared.store.remove(&key).await;
            self.shared.note_store_error(self.target(), "save", removed);
        }
        true
    }

    /// The key of a document in the store.
    pub(super) fn key(&self, name: &str, document: &crate::model::Document, slot: Slot) -> Key {
        // A report of 28 days has a report day too, but only one document.
        let is_of_day = document.parts.iter().any(|part| part.day.is_some());
        let day = document.report_day.filter(|_| is_of_day);
        Key::document(self.target(), name, day, slot)
    }

    /// Publishes the documents for the page, for dry runs and for the metrics.
    pub(super) fn publish_view(&self) {
        let target = self.target().clone();
        let wanted = self.versions.newest().iter();
        let wanted = wanted.filter(|(name, _)| self.specs.iter().any(|spec| spec.name == **name));
        let status = wanted.map(|(name, document)| DocumentStatus {
            name: name.clone(),
            confirmed_at: document.confirmed_at,
            ttl: self.settings.ttl_of(name),
            bytes: document.compressed_length(),
            report_day: document.report_day,
        });
        self.shared.publisher.set_documents(&target, status.collect());
        self.shared.targets.publish(TargetView {
            target,
            options: self.options.clone(),
            set: Arc::clone(&self.set),
            documents: self.versions.newest().clone(),
            last_good: self.versions.good().clone(),
        });
    }
}

/// The time since then; zero if the clock was set back.
pub(super) fn age(then: Timestamp) -> Duration {
    Timestamp::now().duration_since(then).try_into().unwrap_or_default()
}
