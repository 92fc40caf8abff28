//! The task of a target: it owns the schedule and the documents, and refreshes them until cancelled.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::admission::Admission;
use super::attempts::Attempts;
use super::documents::Versions;
use super::lease_keeper::Handover;
use super::role::Role;
use super::schedule::Schedule;
use super::shared::Shared;
use super::targets::TargetView;
use crate::config::TargetSettings;
use crate::github::Client;
use crate::mappings::MappingSet;
use crate::model::{DocumentSpec, MappingOption, Target};
use crate::output::{DocumentStatus, Placement};
use crate::store::{Key, Slot};

/// What a task is told by others: the last two by the one that keeps its lease.
pub(super) type Watched =
    (watch::Receiver<Arc<MappingSet>>, watch::Receiver<Role>, mpsc::Receiver<Handover>);

/// Refreshes a target.
pub(super) struct TargetTask {
    pub(super) shared: Arc<Shared>,
    pub(super) client: Client,
    /// Lets it fetch.
    pub(super) admission: Admission,
    /// The attempts of its requests that failed.
    pub(super) attempts: Arc<Attempts>,
    pub(super) settings: Arc<TargetSettings>,
    pub(super) options: Vec<MappingOption>,
    pub(super) mappings: watch::Receiver<Arc<MappingSet>>,
    /// The mappings that everything below is about.
    pub(super) set: Arc<MappingSet>,
    /// The documents that they want.
    pub(super) specs: Vec<DocumentSpec>,
    pub(super) schedule: Schedule,
    pub(super) versions: Versions,
    /// Why a document that no mapping accepts is rejected, by name.
    pub(super) rejected: HashMap<String, String>,
    /// When a day that is not the newest one is fetched again, by document.
    pub(super) revisions: HashMap<(String, Date), Instant>,
    /// How often one was revised.
    pub(super) revised: u64,
    /// The first day of which documents are kept.
    pub(super) kept_since: Option<Date>,
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
    /// What this replica does for the target, and what it did before.
    pub(super) role: watch::Receiver<Role>,
    pub(super) role_before: Role,
    /// Asked before its lease is given up.
    pub(super) handovers: mpsc::Receiver<Handover>,
    /// The version of what others have stored that was last taken.
    pub(super) followed: Option<String>,
    /// Whether it has other mappings than the leader.
    pub(super) differs: bool,
    /// Whether it has fetched while the shared store was away, so that its documents may be newer.
    pub(super) fetched_alone: bool,
    /// Runs that continue on their threads when the task is cancelled.
    pub(super) tracker: TaskTracker,
}

impl TargetTask {
    /// A task that has not started, with the mappings of its source and their changes.
    pub(super) fn new(
        shared: &Arc<Shared>,
        (client, admission, attempts): (Client, Admission, Arc<Attempts>),
        settings: Arc<TargetSettings>,
        (mappings, role, handovers): Watched,
        versions: Versions,
    ) -> Self {
        let role_before = *role.borrow();
        let options = settings.mapping.mapping_options();
        let mut task = Self {
            shared: Arc::clone(shared),
            client,
            admission,
            attempts,
            settings,
            options,
            mappings,
            set: Arc::default(),
            specs: Vec::new(),
            schedule: Schedule::default(),
            versions,
            rejected: HashMap::new(),
            revisions: HashMap::new(),
            revised: 0,
            kept_since: None,
            mapped: HashMap::new(),
            mapping_failures: BTreeMap::new(),
            blamed: HashMap::new(),
            blamed_in_cycle: HashSet::new(),
            malformed_in_cycle: HashSet::new(),
            role,
            role_before,
            handovers,
            followed: None,
            differs: false,
            fetched_alone: false,
            tracker: TaskTracker::new(),
        };
        task.adopt();
        task.publish_view();
        task
    }

    pub(super) fn target(&self) -> &Target {
        &self.settings.target
    }

    /// Its mappings, for where samples are published, if any are in use yet.
    pub(super) fn placement(&self) -> Option<Placement> {
        if !self.has_mappings() {
            return None;
        }
        let mappings = self
            .set
            .members()
            .iter()
            .map(|member| (member.mapping.id(), member.mapping.manifest().families.clone()));
        let (target, mappings) = (self.target().clone(), mappings.collect());
        let (published, is_complete) = (Vec::new(), true);
        Some(Placement { target, mappings, published, is_complete })
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
                    tokio::select! {
                        Some(handover) = self.handovers.recv() => self.hand_over(handover).await,
                        changed = self.mappings.changed() => {
                            if changed.is_err() {
                                // There will never be any.
                                std::future::pending::<()>().await;
                            }
                            self.adopt();
                        }
                    }
                }
                // Mappings take a while to load: others may have fetched meanwhile.
                self.adapt_to_role().await;
                self.serve_stored().await;
                // It fails if no one is waiting.
                restored.map(|restored| restored.send(()));
                loop {
                    let (next, next_share) = (self.next_cycle(), self.next_share());
                    tokio::select! {
                        biased;
                        // Before anything is fetched: a new leader must know what is stored.
                        () = changed(&mut self.role) => self.change_role().await,
                        // The next leader fetches what is due.
                        Some(handover) = self.handovers.recv() => {
                            self.hand_over(handover).await;
                            continue;
                        }
                        () = tokio::time::sleep_until(next) => {}
                        () = sleep_until(next_share) => {
                            self.share().await;
                            continue;
                        }
                        // What new mappings need is fetched at once.
                        changed = self.mappings.changed() => {
                            if changed.is_err() {
                                // They can't change any more.
                                tokio::time::sleep_until(next).await;
                            }
                        }
                    }
                    self.adapt_to_role().await;
                    self.cycle().await;
                }
            })
            .await;
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
        let day = document.report_day.filter(|_| document.is_of_day());
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
            prefix: self.settings.history.prefix.clone(),
            options: self.options.clone(),
            set: Arc::clone(&self.set),
            documents: self.versions.newest().clone(),
            last_good: self.versions.good().clone(),
            revisions: self.revised,
            is_leader: self.role() == Role::Leader,
            demand: self.demand(),
        });
    }
}

/// Waits until a role changes, which it never does without other replicas.
async fn changed(role: &mut watch::Receiver<Role>) {
    if role.changed().await.is_err() {
        std::future::pending().await
    }
}

/// Sleeps until then; without a time, forever.
async fn sleep_until(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time).await,
        None => std::future::pending().await,
    }
}

/// The time since then; zero if the clock was set back.
pub(super) fn age(then: Timestamp) -> Duration {
    Timestamp::now().duration_since(then).try_into().unwrap_or_default()
}
