//! What a replica does besides its own refreshes if it shares a store: a follower publishes what the leader
//! has stored, and a leader stores again what the store has lost.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;
use tracing::{debug, info};

use super::documents::Versions;
use super::map::store_samples;
use super::restore::{load_documents, stored_samples};
use super::role::Role;
use super::stored_schedule::StoredSchedule;
use super::target::{TargetTask, age};
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
        let Ok(version) = self.shared.store.version(self.target()).await else { return };
        match (self.role(), version) {
            (Role::Follower, Some(version)) if self.followed.as_ref() != Some(&version) => {
                if self.load_shared().await {
                    self.followed = Some(version);
                }
            }
            (Role::Leader, version) => {
                let is_lost = version.is_none() && !self.versions.newest().is_empty();
                if is_lost || self.shared.take_unsaved(self.target()) {
                    self.store_all().await;
                }
            }
            _ => {}
        }
    }

    /// Adapts to a new role.
    pub(super) async fn change_role(&mut self) {
        match self.role_before {
            // What the leader before has stored; what this replica has fetched alone is newer.
            Role::Undecided | Role::Follower | Role::Alone if self.role() == Role::Leader => {
                self.load_shared().await;
                if self.role_before == Role::Alone {
                    self.store_all().await;
                }
            }
            _ => {}
        }
        self.role_before = self.role();
        self.followed = None;
    }

    /// Publishes the stored samples and takes the stored documents. Of documents that are newer here, which
    /// this replica has fetched while the store was away, the own ones stay, and so do all samples.
    /// Returns whether the store could be read.
    async fn load_shared(&mut self) -> bool {
        if !self.fetched_alone && !self.publish_shared().await {
            return false;
        }
        let shared = Arc::clone(&self.shared);
        let Some(versions) = load_documents(&shared, &self.settings, Some(&self.versions)).await
        else {
            return false;
        };
        if self.fetched_alone {
            if is_ahead(&self.versions, &versions) {
                return true;
            }
            self.fetched_alone = false;
            if !self.publish_shared().await {
                return false;
            }
        }
        if versions.newest().is_empty() {
            return true;
        }
        self.versions = versions;
        let (now, time) = (Instant::now(), Timestamp::now());
        let mut known = self.stored_schedule().await.0;
        for spec in &self.specs {
            if let Some(state) = known.remove(&spec.name) {
                self.schedule.take(&spec.name, state, now, time);
                continue;
            }
            match self.versions.newest().get(&spec.name) {
                Some(document) if document.is_of(spec) && !document.is_of_the_future(time) => {
                    let ttl = self.settings.ttl_of(&spec.name);
                    self.schedule.renew(&spec.name, ttl, age(document.confirmed_at), now);
                }
                Some(_) => self.schedule.forget(&spec.name),
                None => {}
            }
        }
        self.publish_view();
        self.shared.publisher.served().await;
        self.publish_outcome();
        let [org, scope] = self.target().labels();
        debug!(org, scope, documents = self.versions.newest().len(), "took what is stored");
        true
    }

    /// Publishes the stored samples of the mappings in use, as far as they are not published yet.
    async fn publish_shared(&self) -> bool {
        let Some(stored) = stored_samples(&self.shared, self.target()).await else { return false };
        let publisher = &self.shared.publisher;
        let is_news = |published: &crate::output::Published| {
            let served = publisher.fingerprint(self.target(), &published.mapping.sha256);
            served.as_ref() != Some(&published.fingerprint)
        };
        let news: Vec<_> = stored.into_iter().filter(is_news).collect();
        if !news.is_empty() {
            publisher.publish(self.target(), news);
        }
        true
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
        let stored = self.schedule.to_stored(Instant::now(), Timestamp::now());
        // It is small, and fails only if memory does.
        let Ok(document) = stored.to_document() else { return };
        let key = StoredSchedule::key(self.target());
        let put = self.shared.store.put(&key, &document).await;
        self.shared.note_store_error(self.target(), "save", put);
    }

    /// Stores everything again: the store has lost it, or could not take it.
    async fn store_all(&mut self) {
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
        info!(org, scope, documents = stored, "stored again in the shared store");
    }
}

/// Whether any document is newer than the stored one.
fn is_ahead(own: &Versions, stored: &Versions) -> bool {
    own.newest().iter().any(|(name, document)| {
        let stored = stored.newest().get(name);
        stored.is_none_or(|stored| stored.confirmed_at < document.confirmed_at)
    })
}
