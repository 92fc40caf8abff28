//! A candidate set: what should be in use of one directory, before it is. It is always a set that can
//! run: a file that does not fit is refused, and its predecessor stays in use.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::conflict::Conflict;
use super::file_state::Files;
use super::refusal::Refusal;
use super::set::MappingSet;
use crate::config::MappingSource;
use crate::model::Limits;
use crate::wasm::Mapping;

/// What happens to a file.
#[derive(Clone)]
pub enum Change {
    /// Its mapping is added.
    Added(PathBuf, Arc<Mapping>),
    /// It was removed, and its mapping with it.
    Removed(PathBuf, Arc<Mapping>),
    /// Its mapping is rolled back to its predecessor.
    RolledBack(PathBuf, Arc<Mapping>),
    /// It is refused; its predecessor stays.
    Refused(PathBuf, Arc<Refusal>),
}

/// What should be in use.
#[derive(Clone)]
pub struct CandidateSet {
    pub(super) source: MappingSource,
    pub(super) default: Option<Arc<Mapping>>,
    pub(super) old_files: Files,
    pub(super) old_set: Arc<MappingSet>,
    pub(super) files: Files,
    pub(super) set: Arc<MappingSet>,
    pub(super) rolled_back: Option<(PathBuf, Arc<Mapping>)>,
    /// Why the directory can't be read.
    pub(super) unreadable: Option<(PathBuf, Arc<Refusal>)>,
    /// Why it could not be read the last time.
    old_unreadable: Option<(PathBuf, Arc<Refusal>)>,
    /// Whether every file of the directory has been loaded or refused.
    pub(super) complete: bool,
    /// Whether the first check of an OCI registry has not ended yet.
    pub(super) is_waiting: bool,
}

impl CandidateSet {
    /// No change; but if nothing was in use yet, the default mapping.
    pub(super) fn new(
        source: MappingSource,
        default: Option<Arc<Mapping>>,
        files: Files,
        set: Arc<MappingSet>,
    ) -> Self {
        let mut candidate = Self {
            source,
            default,
            old_files: files.clone(),
            old_set: Arc::clone(&set),
            files,
            set,
            rolled_back: None,
            unreadable: None,
            old_unreadable: None,
            complete: true,
            is_waiting: false,
        };
        if let Ok(set) = candidate.compose(&candidate.files) {
            candidate.set = set;
        }
        candidate
    }

    /// The source it is for.
    pub fn source(&self) -> &MappingSource {
        &self.source
    }

    /// The set that should be in use.
    pub fn set(&self) -> &Arc<MappingSet> {
        &self.set
    }

    /// The set that is in use.
    pub fn old_set(&self) -> &MappingSet {
        &self.old_set
    }

    pub(super) fn files(&self) -> &Files {
        &self.files
    }

    /// The mapping that is rolled back, if any.
    pub fn rolled_back(&self) -> Option<&Mapping> {
        self.rolled_back.as_ref().map(|(_, mapping)| &**mapping)
    }

    /// Whether it makes the same changes to the same mappings, for the same reasons.
    pub fn is_same(&self, other: &Self) -> bool {
        let rolled_back =
            |candidate: &Self| candidate.rolled_back().map(|of| of.sha256().to_owned());
        let unreadable = |candidate: &Self| {
            candidate.unreadable.as_ref().map(|(path, why)| (path.clone(), why.to_string()))
        };
        // How often a mapping failed before it is rolled back makes no difference.
        let same_files = || {
            self.files.len() == other.files.len()
                && self
                    .files
                    .iter()
                    .zip(&other.files)
                    .all(|(one, other)| one.0 == other.0 && one.1.is_same(other.1))
        };
        self.source == other.source
            && self.complete == other.complete
            && self.old_set.is_same(&other.old_set)
            && self.set.is_same(&other.set)
            && rolled_back(self) == rolled_back(other)
            && unreadable(self) == unreadable(other)
            && (self.rolled_back.is_some() || same_files())
    }

    /// Whether any file is refused.
    pub fn has_refused(&self) -> bool {
        self.unreadable.is_some() || self.files.values().any(|state| state.refusal.is_some())
    }

    /// Whether every file of the directory has been loaded or refused. If not, stored samples of
    /// mappings that are not loaded yet continue to be served.
    pub fn is_complete(&self) -> bool {
        self.complete
    }

    /// Some files are still being compiled.
    pub(super) fn set_incomplete(&mut self) {
        self.complete = false;
    }

    /// Whether it is the embedded mapping.
    pub fn is_default(&self, mapping: &Mapping) -> bool {
        self.default.as_ref().is_some_and(|default| default.sha256() == mapping.sha256())
    }

    /// The changes it makes.
    pub fn changes(&self) -> Vec<Change> {
        let mut changes = Vec::new();
        if let Some((path, mapping)) = &self.rolled_back {
            changes.push(Change::RolledBack(path.clone(), Arc::clone(mapping)));
        }
        for (path, old) in &self.old_files {
            let Some(mapping) = &old.in_use else { continue };
            let stays = self.files.get(path).is_some_and(|state| state.in_use.is_some());
            let name = &mapping.manifest().name;
            let moved = self.files.values().any(|state| state.is_named(name));
            if !stays && !moved && self.rolled_back.is_none() {
                changes.push(Change::Removed(path.clone(), Arc::clone(mapping)));
            }
        }
        for (path, state) in &self.files {
            let old = self.old_files.get(path);
            if let Some(mapping) = &state.in_use {
                let known = self.old_set.members().iter();
                let was_there =
                    known.map(|of| of.mapping.sha256()).any(|of| of == mapping.sha256());
                if !was_there && self.rolled_back.is_none() {
                    changes.push(Change::Added(path.clone(), Arc::clone(mapping)));
                }
            }
            if let Some(refusal) = &state.refusal {
                let old = old.and_then(|old| old.refusal.as_ref());
                // A file that is refused again for the same reason is not news.
                let is_new = old.is_none_or(|old| old.to_string() != refusal.to_string());
                if is_new && self.rolled_back.is_none() {
                    changes.push(Change::Refused(path.clone(), Arc::clone(refusal)));
                }
            }
        }
        let reason = |(_, why): &(PathBuf, Arc<Refusal>)| why.to_string();
        let is_news =
            self.unreadable.as_ref().map(reason) != self.old_unreadable.as_ref().map(reason);
        if let Some((path, why)) = self.unreadable.as_ref().filter(|_| is_news) {
            changes.push(Change::Refused(path.clone(), Arc::clone(why)));
        }
        changes
    }

    /// The set of these files. The default mapping, or the one of the same name, comes first.
    pub(super) fn compose(&self, files: &Files) -> Result<Arc<MappingSet>, Conflict> {
        let mut mappings: Vec<(&Path, &Arc<Mapping>)> = Vec::new();
        let in_use = files.iter().filter_map(|(path, state)| Some((path, state.in_use.as_ref()?)));
        for (path, mapping) in in_use {
            let name = &mapping.manifest().name;
            let same = mappings.iter().find(|(_, other)| other.manifest().name == *name);
            if let Some((other, _)) = same {
                let shown = |path: &Path| path.display().to_string();
                return Err(Conflict::Name(name.clone(), shown(other), shown(path)));
            }
            mappings.push((path, mapping));
        }
        let replacement = self.default.as_ref().and_then(|default| {
            let name = &default.manifest().name;
            mappings.iter().position(|(_, mapping)| mapping.manifest().name == *name)
        });
        let mut all: Vec<Arc<Mapping>> = match replacement {
            Some(at) => vec![Arc::clone(mappings.remove(at).1)],
            None => self.default.iter().cloned().collect(),
        };
        all.extend(mappings.into_iter().map(|(_, mapping)| Arc::clone(mapping)));
        Ok(Arc::new(MappingSet::new(all)?))
    }

    /// The directory can't be read: everything stays. `old` is why it could not be the last time.
    pub(super) fn refuse_directory(
        &mut self,
        directory: PathBuf,
        error: io::Error,
        old: Option<(PathBuf, Arc<Refusal>)>,
    ) {
        self.unreadable = Some((directory, Arc::new(Refusal::Unreadable(error))));
        self.old_unreadable = old;
    }

    /// Sets the content of a file. What is known about its old content no longer applies.
    pub(super) fn set_content(&mut self, path: &Path, content: &str) {
        let state = self.files.entry(path.to_owned()).or_default();
        content.clone_into(&mut state.content);
        state.refusal = None;
    }

    /// Notes with which limits a file is tried.
    pub(super) fn set_limits(&mut self, path: &Path, limits: Arc<Limits>) {
        if let Some(state) = self.files.get_mut(path) {
            state.limits = Some(limits);
        }
    }

    /// Refuses a file; its predecessor stays.
    pub(super) fn refuse(&mut self, path: &Path, refusal: impl Into<Arc<Refusal>>) {
        if let Some(state) = self.files.get_mut(path) {
            state.refusal = Some(refusal.into());
        }
    }
}
