//! A candidate set: what should be in use of one directory, before it is. It is always a set that can
//! run: a file that does not fit is refused, and its predecessor stays in use.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::conflict::Conflict;
use super::refusal::Refusal;
use super::set::MappingSet;
use crate::config::{MappingSource, SettingError};
use crate::model::Limits;
use crate::wasm::Mapping;

/// The files of a directory by path.
pub(super) type Files = BTreeMap<PathBuf, FileState>;

/// Checks that the settings fit a set of mappings.
pub(super) type Fits<'a> = &'a dyn Fn(&MappingSet) -> Result<(), SettingError>;

/// What is known about a file.
#[derive(Clone, Default)]
pub(super) struct FileState {
    /// Identifies its content as of the last scan.
    pub content: String,
    /// The mapping that runs: the file's own, or its predecessor while that one is refused.
    pub in_use: Option<Arc<Mapping>>,
    /// The mapping that it replaced.
    pub before: Option<Arc<Mapping>>,
    /// Why the file's own mapping does not run.
    pub refusal: Option<Arc<Refusal>>,
    /// The limits with which the file's own mapping was last tried.
    pub limits: Option<Arc<Limits>>,
}

impl FileState {
    fn uses(&self, sha256: &str) -> bool {
        self.in_use.as_ref().is_some_and(|in_use| in_use.sha256() == sha256)
    }

    fn is_named(&self, name: &str) -> bool {
        self.in_use.as_ref().is_some_and(|in_use| in_use.manifest().name == name)
    }

    fn is_same(&self, other: &Self) -> bool {
        let mapping = |mapping: &Option<Arc<Mapping>>| {
            mapping.as_ref().map(|mapping| mapping.sha256().to_owned())
        };
        let refusal = |state: &Self| state.refusal.as_ref().map(|refusal| refusal.to_string());
        self.content == other.content
            && mapping(&self.in_use) == mapping(&other.in_use)
            && mapping(&self.before) == mapping(&other.before)
            && refusal(self) == refusal(other)
    }
}

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
    source: MappingSource,
    default: Option<Arc<Mapping>>,
    old_files: Files,
    old_set: Arc<MappingSet>,
    files: Files,
    set: Arc<MappingSet>,
    rolled_back: Option<(PathBuf, Arc<Mapping>)>,
    /// Why the directory can't be read.
    unreadable: Option<(PathBuf, Arc<Refusal>)>,
    /// Whether every file of the directory has been loaded or refused.
    complete: bool,
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
            complete: true,
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
        let unreadable = self.unreadable.iter();
        changes
            .extend(unreadable.map(|(path, why)| Change::Refused(path.clone(), Arc::clone(why))));
        changes
    }

    /// The set of these files. The default mapping, or the one of the same name, comes first.
    fn compose(&self, files: &Files) -> Result<Arc<MappingSet>, Conflict> {
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

    /// The directory can't be read: everything stays.
    pub(super) fn refuse_directory(&mut self, directory: PathBuf, error: io::Error) {
        self.unreadable = Some((directory, Arc::new(Refusal::Unreadable(error))));
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

    /// Adds the mappings that were loaded, and removes those whose files are not among `paths`: all of
    /// that if it fits together, else as much as fits. Returns whether all of it fits.
    pub(super) fn update(
        &mut self,
        paths: &[PathBuf],
        loaded: Vec<(PathBuf, Arc<Mapping>)>,
        fits: Fits<'_>,
    ) -> bool {
        let is_gone = |path: &&PathBuf| !paths.contains(path);
        let mut gone: Vec<PathBuf> = self.files.keys().filter(is_gone).cloned().collect();
        for (path, mapping) in &loaded {
            self.rename(path, &mapping.manifest().name, &mut gone);
        }
        let mut files = self.files.clone();
        gone.iter().for_each(|path| _ = files.remove(path));
        loaded.iter().for_each(|(path, mapping)| put(&mut files, path, mapping));
        let all = self.try_files(files, fits).is_ok();
        if !all {
            self.update_stepwise(gone, loaded, fits);
        }
        all
    }

    /// A new file with the mapping of a removed one takes its place.
    fn rename(&mut self, path: &Path, name: &str, gone: &mut Vec<PathBuf>) {
        if self.files.get(path).is_some_and(|state| state.in_use.is_some()) {
            return;
        }
        let is = |old: &PathBuf| self.files.get(old).is_some_and(|state| state.is_named(name));
        let Some(at) = gone.iter().position(is) else { return };
        let old = self.files.remove(&gone.swap_remove(at)).unwrap_or_default();
        let state = self.files.entry(path.to_owned()).or_default();
        (state.in_use, state.before) = (old.in_use, old.before);
    }

    fn try_files(&mut self, files: Files, fits: Fits<'_>) -> Result<(), Refusal> {
        let set = self.compose(&files)?;
        fits(&set).map_err(Refusal::Settings)?;
        (self.files, self.set) = (files, set);
        Ok(())
    }

    /// Changes one file after the other, and repeats that while more of them fit.
    fn update_stepwise(
        &mut self,
        mut gone: Vec<PathBuf>,
        mut loaded: Vec<(PathBuf, Arc<Mapping>)>,
        fits: Fits<'_>,
    ) {
        loop {
            let before = gone.len() + loaded.len();
            let mut conflicts = Vec::new();
            gone.retain(|path| {
                let mut files = self.files.clone();
                files.remove(path);
                self.try_files(files, fits)
                    .map_err(|why| conflicts.push((path.clone(), why)))
                    .is_err()
            });
            loaded.retain(|(path, mapping)| {
                let mut files = self.files.clone();
                put(&mut files, path, mapping);
                self.try_files(files, fits)
                    .map_err(|why| conflicts.push((path.clone(), why)))
                    .is_err()
            });
            let left = gone.len() + loaded.len();
            if left < before && left > 0 {
                continue;
            }
            for (path, why) in conflicts {
                let known = self.old_files.get(&path).is_some_and(|old| old.content == GONE);
                if gone.contains(&path) && !known {
                    self.set_content(&path, GONE);
                }
                if !known {
                    self.refuse(&path, why);
                }
            }
            return;
        }
    }

    /// A mapping failed its dry run: its predecessor stays.
    pub fn refuse_mapping(&mut self, mapping: &Mapping, refusal: Refusal) {
        let found = self.files.iter().find(|(_, state)| state.uses(mapping.sha256()));
        let Some(path) = found.map(|(path, _)| path.clone()) else { return };
        let mut files = self.files.clone();
        if let Some(state) = files.get_mut(&path) {
            state.in_use = state.before.take();
            state.before = self.old_files.get(&path).and_then(|old| old.before.clone());
        }
        match self.compose(&files) {
            Ok(set) => (self.files, self.set) = (files, set),
            Err(_) => self.keep_all(),
        }
        self.refuse(&path, refusal);
    }

    /// Other files depend on a mapping that was refused: nothing changes.
    fn keep_all(&mut self) {
        for (path, state) in &mut self.files {
            let old = self.old_files.get(path);
            let in_use = old.and_then(|old| old.in_use.clone());
            let changed = in_use.as_ref().map(|of| of.sha256())
                != state.in_use.as_ref().map(|of| of.sha256());
            if changed && state.refusal.is_none() {
                state.refusal = Some(Arc::new(Refusal::Together));
            }
            (state.in_use, state.before) = (in_use, old.and_then(|old| old.before.clone()));
        }
        for (path, old) in &self.old_files {
            self.files.entry(path.clone()).or_insert_with(|| old.clone());
        }
        self.set = self.compose(&self.files).unwrap_or_else(|_| Arc::clone(&self.old_set));
    }

    /// Rolls a mapping back to its predecessor. Returns whether it has one.
    pub(super) fn roll_back(&mut self, sha256: &str, failures: u32) -> bool {
        let mut files = self.files.clone();
        let found = files.iter_mut().find(|(_, state)| state.uses(sha256));
        let Some((path, state)) = found else { return false };
        let path = path.clone();
        let Some(mapping) = state.in_use.take() else { return false };
        state.in_use = state.before.take();
        let default = self.default.as_ref().map(|default| &default.manifest().name);
        if state.in_use.is_none() && default != Some(&mapping.manifest().name) {
            return false;
        }
        // The file may have other content now, which was refused for reasons of its own.
        if state.content == sha256 {
            state.refusal = Some(Arc::new(Refusal::Quarantined(failures)));
        }
        match self.compose(&files) {
            Ok(set) => {
                (self.files, self.set) = (files, set);
                self.rolled_back = Some((path, mapping));
                true
            }
            Err(_) => false,
        }
    }
}

/// The content of a removed file whose mapping has to stay.
const GONE: &str = "gone";

/// Puts a file's mapping in use, instead of its predecessor.
fn put(files: &mut Files, path: &Path, mapping: &Arc<Mapping>) {
    let state = files.entry(path.to_owned()).or_default();
    let old = state.in_use.replace(Arc::clone(mapping));
    if let Some(old) = old.filter(|old| old.sha256() != mapping.sha256()) {
        state.before = Some(old);
    }
}
