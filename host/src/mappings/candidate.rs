//! What should be in use of one folder, before it is. It always is a set that can run: what does
//! not fit is refused, and the mapping of before keeps its place.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::conflict::Conflict;
use super::refusal::Refusal;
use super::set::MappingSet;
use crate::wasm::Mapping;
use crate::config::{MappingSource, SettingError};

/// The files of a folder by path.
pub(super) type Files = BTreeMap<PathBuf, FileState>;

/// Whether settings fit a set of mappings.
pub(super) type Fits<'a> = &'a dyn Fn(&MappingSet) -> Result<(), SettingError>;

/// What is known of a file.
#[derive(Clone, Default)]
pub(super) struct FileState {
    /// Its content as it was last seen.
    pub content: String,
    /// Its own mapping, whether it runs or not: it need not be compiled again.
    pub own: Option<Arc<Mapping>>,
    /// The mapping that runs: the file's own, or the one of before while that is refused.
    pub in_use: Option<Arc<Mapping>>,
    /// The mapping that it has replaced.
    pub before: Option<Arc<Mapping>>,
    /// Why the file's own mapping does not run.
    pub refusal: Option<Arc<Refusal>>,
}

impl FileState {
    fn uses(&self, sha256: &str) -> bool {
        self.in_use.as_ref().is_some_and(|in_use| in_use.sha256() == sha256)
    }

    fn is_named(&self, name: &str) -> bool {
        self.in_use.as_ref().is_some_and(|in_use| in_use.manifest().name == name)
    }
}

/// What happens to a file.
#[derive(Clone)]
pub enum Change {
    /// Its mapping is to be used.
    Added(PathBuf, Arc<Mapping>),
    /// It is gone, and its mapping with it.
    Removed(PathBuf, Arc<Mapping>),
    /// Its mapping gives way to the one of before.
    RolledBack(PathBuf, Arc<Mapping>),
    /// It is not to be used; the mapping of before stays.
    Refused(PathBuf, Arc<Refusal>),
}

/// What should be in use.
#[derive(Clone)]
pub struct Proposal {
    source: MappingSource,
    default: Option<Arc<Mapping>>,
    old_files: Files,
    old_set: Arc<MappingSet>,
    files: Files,
    set: Arc<MappingSet>,
    rolled_back: Option<(PathBuf, Arc<Mapping>)>,
    /// Why the folder can't be read.
    unreadable: Option<(PathBuf, Arc<Refusal>)>,
}

impl Proposal {
    /// That nothing changes; but where nothing was in use yet, the default mapping is to be.
    pub(super) fn new(
        source: MappingSource,
        default: Option<Arc<Mapping>>,
        files: Files,
        set: Arc<MappingSet>,
    ) -> Self {
        let mut proposal = Self {
            source,
            default,
            old_files: files.clone(),
            old_set: Arc::clone(&set),
            files,
            set,
            rolled_back: None,
            unreadable: None,
        };
        if let Ok(set) = proposal.compose(&proposal.files) {
            proposal.set = set;
        }
        proposal
    }

    /// Whose it is.
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

    /// The mapping that is to give way to the one of before, if that is what it is about.
    pub fn rolled_back(&self) -> Option<&Mapping> {
        self.rolled_back.as_ref().map(|(_, mapping)| &**mapping)
    }

    /// Whether any file is not used.
    pub fn has_refused(&self) -> bool {
        self.unreadable.is_some() || self.files.values().any(|state| state.refusal.is_some())
    }

    /// The embedded mapping, if it may be used.
    pub fn default_mapping(&self) -> Option<&Arc<Mapping>> {
        self.default.as_ref()
    }

    /// Whether nothing but the embedded mapping is to be in use.
    pub fn is_default_only(&self) -> bool {
        self.set.members().iter().all(|member| self.is_default(&member.mapping))
    }

    /// Whether it is the embedded mapping, which needs no trial.
    pub fn is_default(&self, mapping: &Mapping) -> bool {
        self.default.as_ref().is_some_and(|default| default.sha256() == mapping.sha256())
    }

    /// What changes by it.
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
                let is_new = old.is_none_or(|old| !Arc::ptr_eq(old, refusal));
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

    /// The set of these files: the default mapping, or the one of the same name, comes first.
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

    /// The folder can't be read: everything stays.
    pub(super) fn refuse_folder(&mut self, folder: PathBuf, error: io::Error) {
        self.unreadable = Some((folder, Arc::new(Refusal::Unreadable(error))));
    }

    /// Notes the content of a file. What was said of another content is over.
    pub(super) fn see(&mut self, path: &Path, content: &str) {
        let state = self.files.entry(path.to_owned()).or_default();
        content.clone_into(&mut state.content);
        state.own = None;
        state.refusal = None;
    }

    /// A file is not used; the mapping of before stays.
    pub(super) fn refuse(&mut self, path: &Path, refusal: Refusal) {
        if let Some(state) = self.files.get_mut(path) {
            state.refusal = Some(Arc::new(refusal));
        }
    }

    /// Uses the mappings that were loaded, and no longer those whose files are not among `paths`: all of it if it
    /// fits together, else as much as fits. Answers whether all of it did.
    pub(super) fn turn_to(
        &mut self,
        paths: &[PathBuf],
        loaded: Vec<(PathBuf, Arc<Mapping>)>,
        fits: Fits<'_>,
    ) -> bool {
        let is_gone = |path: &&PathBuf| !paths.contains(path);
        let mut gone: Vec<PathBuf> = self.files.keys().filter(is_gone).cloned().collect();
        for (path, mapping) in &loaded {
            if let Some(state) = self.files.get_mut(path) {
                state.own = Some(Arc::clone(mapping));
            }
            self.hand_over(path, &mapping.manifest().name, &mut gone);
        }
        let mut files = self.files.clone();
        gone.iter().for_each(|path| _ = files.remove(path));
        loaded.iter().for_each(|(path, mapping)| put(&mut files, path, mapping));
        let all = self.try_files(files, fits).is_ok();
        if !all {
            self.turn_stepwise(gone, loaded, fits);
        }
        all
    }

    /// A file that came under another name than the one whose mapping it replaces takes its place.
    fn hand_over(&mut self, path: &Path, name: &str, gone: &mut Vec<PathBuf>) {
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

    /// One after the other, again and again while anything fits that did not before.
    fn turn_stepwise(
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
                    self.see(&path, GONE);
                }
                if !known {
                    self.refuse(&path, why);
                }
            }
            return;
        }
    }

    /// The same without the mappings of files that are not to run yet: they will be seen anew. The default one
    /// takes the place of such a file only if it may run itself.
    pub fn only(&self, may_run: impl Fn(&Mapping) -> bool) -> Self {
        let mut reduced = self.clone();
        let was_there = self.set.members().iter().any(|of| self.is_default(&of.mapping));
        reduced.default = self.default.clone().filter(|default| was_there || may_run(default));
        let mut files = self.files.clone();
        for state in files.values_mut() {
            if state.in_use.as_ref().is_some_and(|mapping| !may_run(mapping)) {
                state.in_use = state.before.take();
                state.content.clear();
            }
        }
        match reduced.compose(&files) {
            Ok(set) => (reduced.files, reduced.set) = (files, set),
            // Then the default mapping alone.
            Err(_) => {
                reduced.files.clear();
                if let Ok(set) = reduced.compose(&Files::new()) {
                    reduced.set = set;
                }
            }
        }
        reduced
    }

    /// A mapping failed its trial: the one of before keeps its place.
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
            Err(_) => self.stay(),
        }
        self.refuse(&path, refusal);
    }

    /// Something relies on a mapping that was refused: everything stays as it was.
    fn stay(&mut self) {
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

    /// Has a mapping give way to the one that it has replaced. Answers whether there is one.
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
        // The file may have another content by now, which was refused for reasons of its own.
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

/// The content of a file that is gone, and whose mapping has to stay.
const GONE: &str = "gone";

/// Has a file's mapping be used, in the place of the one of before.
fn put(files: &mut Files, path: &Path, mapping: &Arc<Mapping>) {
    let state = files.entry(path.to_owned()).or_default();
    let old = state.in_use.replace(Arc::clone(mapping));
    if let Some(old) = old.filter(|old| old.sha256() != mapping.sha256()) {
        state.before = Some(old);
    }
}
