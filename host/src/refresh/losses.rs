//! What a leader finds when it compares the store with what it has: documents and samples that are missing,
//! also because someone found them damaged and removed them, and samples that no mapping makes any more.

use super::target::TargetTask;
use crate::mappings::Member;
use crate::store::{Key, Slot};

impl TargetTask {
    /// Stores everything again if the store has lost some of it or could not take it, and removes the samples of
    /// mappings that are no longer in use. For leaders.
    pub(super) async fn compare_with_store(&mut self) {
        let Ok(stored) = self.shared.store.list_shared(self.target()).await else { return };
        let is_lost = self.keys().iter().any(|key| !stored.contains(key));
        if is_lost || self.shared.take_unsaved(self.target()) {
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
