//! What a replica does besides its own refreshes if it shares a store: a follower publishes what the leader
//! has stored, and a leader stores again what the store has lost.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;
use tracing::{debug, info, warn};

use super::adoption::is_outdated;
use super::documents::Versions;
use super::lease_keeper::Handover;
use super::map::store_samples;
use super::restore::{load_documents, stored_samples};
use super::role::{Role, is_overdue};
use super::stored_schedule::{StoredSchedule, StoredState};
use super::target::{TargetTask, age};
use crate::model::MappingId;
use crate::output::Published;
use crate::store::Slot;

/// How often a follower looks for news, and a leader for losses.
const FOLLOWER_INTERVAL: Duration = Duration::from_secs(1);
const LEADER_INTERVAL: Duration = Duration::from_secs(10);

impl TargetTask {
    /// The role of this replica.
    pub(super) fn role(&self) -> Role {
        *self.role.borrow()
    }

    /// When [`Self::share`] is due.
    pub(super) fn next_share(&self) -> Option<Instant> {
        let interval = match self.role() {
            Role::Leader => LEADER_INTERVAL,
            Role::Follower => FOLLOWER_INTERVAL,
            // The lease tells when the store is back.
            Role::Undecided | Role::Alone => return None,
        };
        self.shared.store.is_shared().then(|| Instant::now() + interval)
    }

    /// Looks for what others have stored, or for what the store has lost.
    pub(super) async fn share(&mut self) {
        match self.role() {
            Role::Leader => self.compare_with_store().await,
            Role::Follower => self.follow().await,
            Role::Undecided | Role::Alone => {}
        }
    }

    /// Sees to it that the next leader finds everything in the store.
    pub(super) async fn hand_over(&mut self, handover: Handover) {
        let Handover { stored, decided } = handover;
        // No one waits any more: the lease is kept.
        if stored.is_closed() {
            return;
        }
        // Without mappings, it has done nothing yet that could be stored.
        if self.has_mappings() {
            self.compare_with_store().await;
        }
        stored.send(()).ok();
        // What is due now is the next leader's.
        decided.await.ok();
    }

    /// Takes what the leader has stored since the last time.
    async fn follow(&mut self) {
        let Ok(Some(version)) = self.shared.store.version(self.target()).await else { return };
        let is_news = self.followed.as_ref() != Some(&version);
        if is_news && self.load_shared().await {
            self.followed = Some(version);
        }
    }

    /// Adapts to its role, if that has changed.
    pub(super) async fn adapt_to_role(&mut self) {
        if self.role() != self.role_before {
            self.change_role().await;
        }
    }

    /// Adapts to a new role.
    pub(super) async fn change_role(&mut self) {
        if self.role() == Role::Leader {
            // What the leader before has stored; what this replica has fetched alone is newer.
            self.load_shared().await;
            self.shared.publisher.lead(self.target());
            if self.role_before == Role::Alone {
                self.store_all().await;
            }
        }
        self.role_before = self.role();
        self.followed = None;
        // Others may have published since.
        self.mapped.clear();
    }

    /// Publishes the stored samples and takes the stored documents. While the leader has none that this
    /// replica has fetched without the store, or not for a long time, the own ones stay, and so do all samples.
    /// Returns whether the store could be read.
    async fn load_shared(&mut self) -> bool {
        let StoredSchedule { mappings, documents: mut known, revised } =
            self.stored_schedule().await;
        if !self.fetched_alone && !self.publish_shared(&mappings).await {
            return false;
        }
        let shared = Arc::clone(&self.shared);
        let Some(versions) = load_documents(&shared, &self.settings, Some(&self.versions)).await
        else {
            return false;
        };
        if self.fetched_alone {
            if self.is_ahead(&versions) {
                return true;
            }
            self.fetched_alone = false;
            if !self.publish_shared(&mappings).await {
                return false;
            }
        }
        // A store that was emptied does not have more than this replica. But the leader of a target that
        // GitHub refuses has no documents, only the reason.
        let is_told = !known.is_empty() && self.versions.newest().is_empty();
        if versions.newest().is_empty() && !is_told {
            return true;
        }
        let before = std::mem::replace(&mut self.versions, versions);
        self.revised = revised;
        let (now, time) = (Instant::now(), Timestamp::now());
        // What the store has lost, this replica still has, and stores again as the leader.
        for spec in &self.specs {
            if known.get(&spec.name).is_none_or(StoredState::has_document) {
                self.versions.take_missing(&spec.name, &before);
            }
        }
        self.compare_mappings(&mappings);
        for spec in &self.specs {
            let document = self.versions.newest().get(&spec.name);
            let usable = document.filter(|document| {
                document.is_of(spec)
                    && !document.is_of_the_future(time)
                    && !is_outdated(spec, document)
            });
            match (known.remove(&spec.name), usable) {
                // What was fetched has been lost since, or is for other mappings.
                (Some(state), None) if state.has_document() => self.schedule.forget(&spec.name),
                (Some(state), _) => self.schedule.take(&spec.name, state, now, time),
                (None, Some(document)) => {
                    let ttl = self.settings.ttl_of(&spec.name);
                    self.schedule.renew(&spec.name, ttl, age(document.confirmed_at), now);
                }
                // The store has lost both. Why GitHub has no document is still known to this replica.
                (None, None) => self.schedule.forget_fetched(&spec.name),
            }
        }
        self.publish_view();
        self.shared.publisher.served().await;
        self.publish_outcome();
        let [org, scope] = self.target().labels();
        debug!(org, scope, documents = self.versions.newest().len(), "using the stored documents");
        true
    }

    /// Whether any document is newer than the stored one, and that one is so old that its leader must have
    /// failed to fetch it. Else all replicas serve the same again, even if it is slightly older.
    fn is_ahead(&self, stored: &Versions) -> bool {
        self.versions.newest().iter().any(|(name, document)| {
            stored.newest().get(name).is_none_or(|stored| {
                stored.confirmed_at < document.confirmed_at
                    && is_overdue(self.settings.ttl_of(name), age(stored.confirmed_at))
            })
        })
    }

    /// Publishes the stored samples of a leader with these mappings. Returns whether the store could be read.
    async fn publish_shared(&self, mappings: &[MappingId]) -> bool {
        let Some(mut stored) = stored_samples(&self.shared, self.target()).await else {
            return false;
        };
        // Those that are not stored yet, or lost, don't blank what is served.
        if stored.is_empty() {
            return true;
        }
        stored.sort_by(|one, other| one.mapping.name.cmp(&other.mapping.name));
        let is_of_other_mapping = |stored: &Published| {
            let mut members = self.set.members().iter();
            members.all(|member| member.mapping.sha256() != stored.mapping.sha256)
        };
        // Those of a new leader replace the stored ones in one step, in all replicas.
        if self.role() == Role::Leader && stored.iter().any(is_of_other_mapping) {
            return true;
        }
        self.shared.publisher.follow(self.target(), stored, mappings);
        true
    }

    /// The mappings in use, in the order in which their samples are served.
    fn own_mappings(&self) -> Vec<MappingId> {
        self.set.members().iter().map(|member| member.mapping.id()).collect()
    }

    /// Says so if a follower has other mappings than its leader, once.
    fn compare_mappings(&mut self, of_leader: &[MappingId]) {
        let own = self.own_mappings();
        let differ = self.role() == Role::Follower && !of_leader.is_empty() && own != of_leader;
        let [org, scope] = self.target().labels();
        let text = |mappings: &[MappingId]| {
            let text = |of: &MappingId| {
                format!(
                    "{} {} ({})",
                    of.name,
                    of.version,
                    of.sha256.get(..12).unwrap_or(&of.sha256)
                )
            };
            mappings.iter().map(text).collect::<Vec<_>>().join(", ")
        };
        match (self.differs, differ) {
            (false, true) => warn!(
                org,
                scope,
                own = text(&own),
                leader = text(of_leader),
                "this replica's mappings differ from the leader's: publishing the leader's samples"
            ),
            (true, false) => {
                info!(org, scope, "this replica has the same mappings as the leader again")
            }
            _ => {}
        }
        self.differs = differ;
    }

    /// What the leader knows about the documents.
    async fn stored_schedule(&self) -> StoredSchedule {
        let stored = self.shared.store.get_shared(&StoredSchedule::key(self.target()), None).await;
        let stored = self.shared.note_store_error(self.target(), "load", stored).flatten();
        stored.as_ref().map(StoredSchedule::from_document).unwrap_or_default()
    }

    /// Stores what is known about the documents, for other replicas.
    pub(super) async fn store_schedule(&self) {
        if !self.shared.store.is_shared() {
            return;
        }
        let mut stored = self.schedule.to_stored(Instant::now(), Timestamp::now());
        stored.mappings = self.own_mappings();
        stored.revised = self.revised;
        // It is small, and fails only if memory does.
        let Ok(document) = stored.to_document() else { return };
        let key = StoredSchedule::key(self.target());
        let put = self.shared.store.put(&key, &document).await;
        self.shared.note_store_error(self.target(), "save", put);
    }

    /// Stores everything again: the store has lost it, or could not take it.
    pub(super) async fn store_all(&mut self) {
        let (good, newest) = (self.versions.good(), self.versions.newest());
        let of_good = good.iter().map(|(name, document)| (name, document, Slot::Good));
        let pending = newest.iter().filter(|(name, _)| self.versions.is_pending(name));
        let of_pending = pending.map(|(name, document)| (name, document, Slot::Pending));
        let mut stored = 0;
        for (name, document, slot) in of_good.chain(of_pending) {
            let put = self.shared.store.put(&self.key(name, document, slot), document).await;
            stored +=
                usize::from(self.shared.note_store_error(self.target(), "save", put).is_some());
        }
        for member in self.set.members() {
            let published = self.shared.publisher.published(self.target(), member.mapping.sha256());
            if let Some(published) = published {
                store_samples(&self.shared, self.target(), published).await;
            }
        }
        self.store_schedule().await;
        let [org, scope] = self.target().labels();
        info!(org, scope, documents = stored, "stored documents in the shared store again");
    }
}
