//! The raw documents of every target, as GitHub sent them.
//!
//! A mapping runs over what is here, so that a refresh which got only a part, or a new mapping,
//! needs no request for the rest. They are in memory, and in a [`Store`] where there is one, so
//! that a restart serves at once.

mod disk;
mod record;
mod samples;
mod store;

pub use disk::Disk;
pub use samples::{Samples, fingerprint};
pub use store::{Store, StoreError};

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, PoisonError, RwLock};

use crate::github::Document;
use crate::settings::TargetSettings;
use crate::target::Target;

/// The documents of a target by name.
pub type Documents = BTreeMap<String, Document>;

/// The cache. Bodies are compressed, and shared by clones.
#[derive(Default)]
pub struct Cache {
    targets: RwLock<HashMap<Target, Entry>>,
    store: Option<Arc<dyn Store>>,
}

struct Entry {
    settings: Arc<TargetSettings>,
    documents: Documents,
    /// The documents that mappings want now. Others are kept for a while: a mapping may come back.
    wanted: HashSet<String>,
}

impl Cache {
    /// A cache that keeps documents in `store` too.
    pub fn stored_in(store: Arc<dyn Store>) -> Self {
        Self { targets: RwLock::default(), store: Some(store) }
    }

    /// Makes room for a target, with those of the `wanted` documents that it had here or that are in
    /// the store. Those that are `off` are kept no longer. It reads files. Answers what failed.
    pub fn add(
        &self,
        settings: &Arc<TargetSettings>,
        wanted: &[&str],
        off: &[&str],
    ) -> Vec<StoreError> {
        let target = &settings.target;
        let mut errors = Vec::new();
        let mut here = self.documents(target);
        let mut documents = Documents::new();
        let store = self.store.iter();
        errors.extend(
            store.flat_map(|store| off.iter().filter_map(|name| store.remove(target, name).err())),
        );
        for name in wanted.iter().copied() {
            let stored = || self.store.as_ref()?.load(target, name).transpose();
            match here.remove(name).map(Ok).or_else(stored) {
                Some(Ok(document)) => {
                    documents.insert(name.to_owned(), document);
                }
                Some(Err(error)) => errors.push(error),
                None => {}
            }
        }
        // What a mapping that is still to come wants stays too.
        here.retain(|name, _| !off.contains(&name.as_str()));
        documents.append(&mut here);
        let wanted = wanted.iter().map(|name| (*name).to_owned()).collect();
        let entry = Entry { settings: Arc::clone(settings), documents, wanted };
        self.targets.write().unwrap_or_else(PoisonError::into_inner).insert(target.clone(), entry);
        errors
    }

    /// Forgets a target that is no longer exported. What is stored stays.
    pub fn forget(&self, target: &Target) {
        self.targets.write().unwrap_or_else(PoisonError::into_inner).remove(target);
    }

    /// Says which documents of a target mappings want from now on.
    pub fn want(&self, target: &Target, names: impl Iterator<Item = String>) {
        let mut targets = self.targets.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = targets.get_mut(target) {
            entry.wanted = names.collect();
        }
    }

    /// The settings of a target that is exported.
    pub fn settings(&self, target: &Target) -> Option<Arc<TargetSettings>> {
        let targets = self.targets.read().unwrap_or_else(PoisonError::into_inner);
        targets.get(target).map(|entry| Arc::clone(&entry.settings))
    }

    /// The documents of a target, as they are now.
    pub fn documents(&self, target: &Target) -> Documents {
        let targets = self.targets.read().unwrap_or_else(PoisonError::into_inner);
        targets.get(target).map(|entry| entry.documents.clone()).unwrap_or_default()
    }

    /// Puts the documents of a target in the place of those it had. It writes files. Answers what
    /// could not be written; here it is all the same.
    pub fn replace(&self, target: &Target, documents: &Documents) -> Vec<StoreError> {
        let before = {
            let mut targets = self.targets.write().unwrap_or_else(PoisonError::into_inner);
            let Some(entry) = targets.get_mut(target) else { return Vec::new() };
            std::mem::replace(&mut entry.documents, documents.clone())
        };
        let Some(store) = &self.store else { return Vec::new() };
        let new = documents.iter().filter(|(name, document)| before.get(*name) != Some(*document));
        let gone = before.keys().filter(|name| !documents.contains_key(*name));
        let saved = new.map(|(name, document)| store.save(target, name, document));
        saved.chain(gone.map(|name| store.remove(target, name))).filter_map(Result::err).collect()
    }

    /// The samples of a target that a mapping made, if there are any in the store that can be read.
    pub fn load_samples(
        &self,
        target: &Target,
        mapping: &str,
    ) -> Result<Option<Samples>, StoreError> {
        let Some(store) = &self.store else { return Ok(None) };
        let document = store.load(target, &samples::name(mapping))?;
        Ok(document.as_ref().and_then(Samples::from_document))
    }

    /// Keeps the samples of a target that a mapping made in the store. It writes a file.
    pub fn save_samples(
        &self,
        target: &Target,
        mapping: &str,
        samples: &Samples,
    ) -> Result<(), StoreError> {
        let Some(store) = &self.store else { return Ok(()) };
        let document = samples.to_document().map_err(|error| StoreError::Io {
            place: format!("the samples of the {target}"),
            error,
        })?;
        store.save(target, &samples::name(mapping), &document)
    }

    /// Removes the samples of a mapping that does not run for the target any more.
    pub fn remove_samples(&self, target: &Target, mapping: &str) -> Result<(), StoreError> {
        self.store.as_ref().map_or(Ok(()), |store| store.remove(target, &samples::name(mapping)))
    }

    /// Calls `visit` for every document that is wanted, without copying any.
    pub fn visit(&self, mut visit: impl FnMut(&TargetSettings, &str, &Document)) {
        let targets = self.targets.read().unwrap_or_else(PoisonError::into_inner);
        for entry in targets.values() {
            let wanted = entry.documents.iter().filter(|(name, _)| entry.wanted.contains(*name));
            for (name, document) in wanted {
                visit(&entry.settings, name, document);
            }
        }
    }
}
