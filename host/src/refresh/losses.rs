//! What a leader finds when it compares the store with what it has: documents and samples that are missing or
//! damaged, and samples that no mapping makes any more.

use std::time::Duration;

use super::shared::Shared;
use super::target::TargetTask;
use crate::mappings::Member;
use crate::model::Target;
use crate::store::{Key, Slot, StoreError};

/// How long the leader is told that something is damaged. Who finds it looks again every second.
const TOLD_FOR: Duration = Duration::from_secs(30);

/// Tells the leader of a target if something that is stored is damaged.
pub(super) async fn tell_damage<T>(
    shared: &Shared,
    target: &Target,
    loaded: &Result<T, StoreError>,
) {
    if matches!(loaded, Err(StoreError::Corrupt { .. })) && shared.store.is_shared() {
        let told = shared.store.leave_note(&note(target), "damaged", TOLD_FOR).await;
        shared.note_store_error(target, "load", told);
    }
}

/// The name of the note.
fn note(target: &Target) -> String {
    let [org, scope] = target.labels();
    format!("damaged-{scope}-{org}")
}

impl TargetTask {
    /// Stores everything again if the store has lost some of it, could not take it, or returns something else,
    /// and removes the samples of mappings that are no longer in use. For leaders.
    pub(super) async fn compare_with_store(&mut self) {
        let Ok(stored) = self.shared.store.list_shared(self.target()).await else { return };
        let is_lost = self.keys().iter().any(|key| !stored.contains(key));
        let note = note(self.target());
        let is_damaged = matches!(self.shared.store.note(&note).await, Ok(Some(_)));
        if is_lost || is_damaged || self.shared.take_unsaved(self.target()) {
            self.store_all().await;
        }
        // A mapping that is still being compiled will be in use.
        if !self.shared.targets.has_all_mappings() {
            return;
        }
        let names: Vec<&str> = self.set.members().iter().map(Member::name).collect();
        let is_unused = |key: &&Key| key.mapping().is_some_and(|name| !names.contains(&name));
        for key in stored.iter().filter(is_unused) {
            let removed = self.shared.store.remove(key).await;
            self.shared.note_store_error(self.target(), "save", removed);
        }
    }

    /// The keys of everything that should be stored.
    fn keys(&self) -> Vec<Key> {
        let good = self.versions.good().iter();
        let good = good.map(|(name, document)| self.key(name, document, Slot::Good));
        let pending = self.versions.newest().iter();
        let pending = pending
            .filter(|(name, _)| self.versions.is_pending(name))
            .map(|(name, document)| self.key(name, document, Slot::Pending));
        let served = self.set.members().iter().filter(|member| {
            self.shared.publisher.published(self.target(), member.mapping.sha256()).is_some()
        });
        let samples = served.map(|member| Key::samples(self.target(), member.name()));
        good.chain(pending).chain(samples).collect()
    }
}
