//! Serves what is stored: samples before anything is compiled, documents before anything is fetched.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;
use tokio::time::Instant;
use tracing::{error, info};

use super::documents::Versions;
use super::shared::Shared;
use super::target::TargetTask;
use crate::config::TargetSettings;
use crate::model::{Documents, Target};
use crate::output::{Outcome, Published, Status};
use crate::store::{Key, Slot, StoreError, StoredSamples};

/// Serves the stored samples of a target. Returns the names of the mappings by SHA-256.
pub(super) async fn restore_samples(shared: &Shared, target: &Target) -> HashMap<String, String> {
    let restored = stored_samples(shared, target).await.unwrap_or_default();
    let names = restored
        .iter()
        .map(|published| (published.mapping.sha256.clone(), published.mapping.name.clone()));
    let names = names.collect();
    if !restored.is_empty() {
        let [org, scope] = target.labels();
        info!(org, scope, mappings = restored.len(), "serving stored samples");
        shared.publisher.restore(target, restored);
    }
    names
}

/// The stored samples of a target. `None`: the store can't be read.
pub(super) async fn stored_samples(shared: &Shared, target: &Target) -> Option<Vec<Published>> {
    let keys = shared.store.list(target).await;
    let keys = shared.note_store_error(target, "load", keys)?;
    let mut restored = Vec::new();
    for key in keys.iter().filter(|key| key.mapping().is_some() && key.day.is_none()) {
        let document = shared.store.get(key).await;
        let document = match shared.note_store_error(target, "load", document) {
            Some(Some(document)) => document,
            // Those of a mapping must not vanish because they can't be loaded now.
            None if shared.store.is_shared() => return None,
            _ => continue,
        };
        // It decompresses.
        let samples =
            tokio::task::spawn_blocking(move || StoredSamples::from_document(&document)).await;
        let Ok(Some(stored)) = samples else { continue };
        restored.push(Published {
            mapping: stored.mapping,
            fingerprint: stored.fingerprint,
            samples: Arc::new(stored.samples),
            unmapped: stored.unmapped.into(),
        });
    }
    Some(restored)
}

/// Loads the stored documents of a target. With `known` versions, those that another process has stored are
/// taken. Those that are turned off are removed, unless another replica decides about that. `None`: the store can't be read.
pub(super) async fn load_documents(
    shared: &Shared,
    settings: &TargetSettings,
    known: Option<&Versions>,
) -> Option<Versions> {
    let target = &settings.target;
    let keys = shared.store.list(target).await;
    let mut keys = shared.note_store_error(target, "load", keys)?;
    // Those of days contain what their documents did.
    let samples_of_days = keys.extract_if(.., |key| key.mapping().is_some() && key.day.is_some());
    let samples_of_days: Vec<Key> = samples_of_days.collect();
    keys.retain(|key| key.mapping().is_none());
    let removes = known.is_none() || shared.store.is_shared();
    let removes = removes && shared.decides_on(target);
    let is_turned_off = removes && keys.iter().any(|key| !settings.wants(&key.name));
    for key in samples_of_days.iter().filter(|_| is_turned_off) {
        let removed = shared.store.remove(key).await;
        shared.note_store_error(target, "save", removed);
    }
    // Of several days, the newest one.
    keys.sort_by_key(|key| std::cmp::Reverse(key.day));
    let (mut good, mut pending) = (Documents::new(), Documents::new());
    for key in keys {
        if !settings.wants(&key.name) {
            if !removes {
                continue;
            }
            let removed = shared.store.remove(&key).await;
            shared.note_store_error(target, "save", removed);
            continue;
        }
        // A revision that no mapping has accepted is not the newest document.
        let is_of_earlier_day = |key: &Key| {
            let newest = good.get(&key.name).and_then(|good| good.report_day);
            key.slot == Slot::Pending && key.day.is_some() && key.day < newest
        };
        if is_of_earlier_day(&key) {
            continue;
        }
        let documents = match key.slot {
            Slot::Good => &mut good,
            Slot::Pending => &mut pending,
        };
        if documents.contains_key(&key.name) {
            continue;
        }
        let document = match known {
            Some(known) => {
                let known = if key.slot == Slot::Good { known.good() } else { known.newest() };
                shared.store.get_shared(&key, known.get(&key.name)).await
            }
            None => shared.store.get(&key).await,
        };
        let is_damaged = matches!(document, Err(StoreError::Corrupt { .. }));
        match (shared.note_store_error(target, "load", document), known) {
            (Some(Some(document)), _) if !document.is_absent() => {
                documents.insert(key.name, document);
            }
            // What is known stays until the leader stores it again.
            (None, Some(known)) if is_damaged => {
                let known = if key.slot == Slot::Good { known.good() } else { known.newest() };
                if let Some(document) = known.get(&key.name) {
                    documents.insert(key.name, document.clone());
                }
            }
            (None, Some(_)) => return None,
            _ => {}
        }
    }
    Some(Versions::new(good, pending))
}

impl TargetTask {
    /// Serves the stored documents, without a request to GitHub. Mappings whose samples of the same
    /// documents are already served do not run, and none if another replica runs them.
    pub(super) async fn serve_stored(&mut self) {
        if self.versions.newest().is_empty() {
            // What will be requested is known now.
            self.publish_view();
            return;
        }
        if !self.role().maps() {
            // The samples of the leader are served, or will be.
            self.publish_view();
            return;
        }
        self.map_and_publish(&[]).await;
        self.publish_view();
        let target = self.target().clone();
        let [org, scope] = target.labels();
        if !self.shared.publisher.has_data_of(&target) {
            let mut failures: Vec<_> = self.mapping_failures.values().cloned().collect();
            if failures.is_empty() {
                failures.push("none of the stored documents can be mapped".to_owned());
            }
            let failure = failures.join("; ");
            error!(org, scope, failure, "the stored data can't be served");
            let next = self.next_time();
            let outcome = Outcome { status: Status::Failed(failures), next, ..Outcome::default() };
            self.shared.publisher.set_outcome(&target, outcome);
            return;
        }
        let problems = self.problems();
        if problems.is_empty() && !self.specs.is_empty() {
            let newest = self.versions.newest().values();
            let now = Timestamp::now();
            let succeeded_at = newest.map(|document| document.confirmed_at.min(now)).max();
            let (status, next) = (Status::Fresh, self.next_time());
            let outcome = Outcome { status, succeeded_at, next, ..Outcome::default() };
            self.shared.publisher.set_outcome(&target, outcome);
            self.shared.metrics.set_up(&target, true);
        } else if !self.specs.iter().any(|spec| self.is_due(spec, Instant::now())) {
            // Else the first refresh says so.
            let (status, next) = (Status::Failed(problems), self.next_time());
            let outcome = Outcome { status, next, ..Outcome::default() };
            self.shared.publisher.set_outcome(&target, outcome);
        }
        self.shared.publisher.served().await;
        info!(org, scope, documents = self.versions.newest().len(), "serving stored data");
    }
}
