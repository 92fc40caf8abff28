//! What should be in use of one folder, before it is. It always is a set that can run: what does
//! not fit is refused, and the mapping of before keeps its place.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::conflict::Conflict;
use super::refusal::Refusal;
use super::set::MappingSet;
use crate::plugin::Mapping;
use crate::settings::{MappingSource, SettingError};

/// The files of a folder by path.
pub(super) type Files = BTreeMap<PathBuf, FileState>;

/// What is known of a file.
#[derive(Clone, Default)]
pub(super) struct FileState {
    /// Its content as it was last seen.
    pub content: String,
    /// The mapping that runs: the file's own, or the one of before while that is refused.
    pub in_use: Option<Arc<Mapping>>,
    /// The mapping that it has replaced.
    pub before: Option<Arc<Mapping>>,
    /// Why the file's own mapping does not run.
    pub refusal: Option<Arc<Refusal>>,
}

/// What happened to a file.
#[derive(Clone)]
pub enum Change {
    /// Its mapping is to be used.
    Added(PathBuf, Arc<Mapping>),
    /// It is gone, and its mapping with it.
    Removed(PathBuf, Arc<Mapping>),
    /// Its mapping gave way to the one of before.
    RolledBack(PathBuf, Arc<Mapping>),
    /// It is not to be used; the mapping of before stays.
    Refused(PathBuf, Arc<Refusal>),
}

/// What should be in use.
pub struct Proposal {
    source: MappingSource,
    default: Option<Arc<Mapping>>,
    /// As it was.
    old: (Files, Arc<MappingSet>),
    files: Files,
    set: Arc<MappingSet>,
    changes: Vec<Change>,
}

impl Proposal {
    /// That nothing changes; but where nothing was in use yet, the default mapping is to be.
    pub(super) fn new(
        source: MappingSource,
        default: Option<Arc<Mapping>>,
        files: Files,
        set: Arc<MappingSet>,
    ) -> Self {
        let old = (files.clone(), Arc::clone(&set));
        let mut proposal = Self { source, default, old, files, set, changes: Vec::new() };
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
        &self.old.1
    }

    pub(super) fn files(&self) -> &Files {
        &self.files
    }

    /// What changes by it.
    pub fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// Whether any file is not used.
    pub fn has_refused(&self) -> bool {
        self.files.values().any(|state| state.refusal.is_some())
    }

    /// Whether it is the embedded mapping, which needs no trial.
    pub fn is_default(&self, mapping: &Mapping) -> bool {
        self.default.as_ref().is_some_and(|default| default.sha256() == mapping.sha256())
    }

    /// The file that a mapping is from.
    pub fn path_of(&self, mapping: &Mapping) -> Option<&Path> {
        let mut files = self.files.iter();
        let is = |in_use: &Arc<Mapping>| in_use.sha256() == mapping.sha256();
        files.find(|(_, state)| state.in_use.as_ref().is_some_and(is)).map(|(path, _)| &**path)
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
        let default = self.default.iter();
        let replacement = self.default.as_ref().and_then(|default| {
            let name = &default.manifest().name;
            mappings.iter().position(|(_, mapping)| mapping.manifest().name == *name)
        });
        let mut all: Vec<Arc<Mapping>> = match replacement {
            Some(at) => vec![Arc::clone(mappings.remove(at).1)],
            None => default.cloned().collect(),
        };
        all.extend(mappings.into_iter().map(|(_, mapping)| Arc::clone(mapping)));
        Ok(Arc::new(MappingSet::new(all)?))
    }

    /// Notes the content of a file. What was said of another content is over.
    pub(super) fn see(&mut self, path: &Path, content: &str) {
        let state = self.files.entry(path.to_owned()).or_default();
        content.clone_into(&mut state.content);
        state.refusal = None;
    }

    /// The folder can't be read: everything stays.
    pub(super) fn refuse_folder(&mut self, folder: PathBuf, error: io::Error) {
        let refusal = Arc::new(Refusal::Unreadable(error));
        self.changes.push(Change::Refused(folder, refusal));
    }

    /// A file is not used; the mapping of before stays.
    pub(super) fn refuse(&mut self, path: &Path, refusal: Refusal) {
        let refusal = Arc::new(refusal);
        if let Some(state) = self.files.get_mut(path) {
            state.refusal = Some(Arc::clone(&refusal));
        }
        self.changes.push(Change::Refused(path.to_owned(), refusal));
    }

    /// Removes what is no longer there. Where that can't be, as another file has come to rely on
    /// it, the mapping stays in use.
    pub(super) fn remove_all_but(&mut self, paths: &[PathBuf]) {
        let gone: Vec<PathBuf> =
            self.files.keys().filter(|path| !paths.contains(path)).cloned().collect();
        for path in gone {
            let mut files = self.files.clone();
            let removed = files.remove(&path).and_then(|state| state.in_use);
            match self.compose(&files) {
                Ok(set) => {
                    (self.files, self.set) = (files, set);
                    self.changes.extend(removed.map(|mapping| Change::Removed(path, mapping)));
                }
                Err(conflict) => {
                    self.see(&path, "gone");
                    self.refuse(&path, conflict.into());
                }
            }
        }
    }

    /// Uses mappings, if they fit. Of those that don't fit beside what is to be replaced too, the order is found.
    pub(super) fn add(
        &mut self,
        mut loaded: Vec<(PathBuf, Arc<Mapping>)>,
        fits: &dyn Fn(&MappingSet) -> Result<(), SettingError>,
    ) {
        loop {
            let before = loaded.len();
            let mut refused = Vec::new();
            for (path, mapping) in loaded {
                match self.with(&path, &mapping, fits) {
                    Ok((files, set)) => {
                        let same = |other: &Arc<Mapping>| other.sha256() == mapping.sha256();
                        let state = self.files.get(&path);
                        let unchanged = state.and_then(|state| state.in_use.as_ref());
                        if !unchanged.is_some_and(same) {
                            self.changes.push(Change::Added(path, mapping));
                        }
                        (self.files, self.set) = (files, set);
                    }
                    Err(refusal) => refused.push((path, mapping, refusal)),
                }
            }
            if refused.len() == before || refused.is_empty() {
                for (path, _, refusal) in refused {
                    self.refuse(&path, refusal);
                }
                return;
            }
            loaded = refused.into_iter().map(|(path, mapping, _)| (path, mapping)).collect();
        }
    }

    fn with(
        &self,
        path: &Path,
        mapping: &Arc<Mapping>,
        fits: &dyn Fn(&MappingSet) -> Result<(), SettingError>,
    ) -> Result<(Files, Arc<MappingSet>), Refusal> {
        let mut files = self.files.clone();
        let state = files.entry(path.to_owned()).or_default();
        let is_new = |old: &Arc<Mapping>| old.sha256() != mapping.sha256();
        if let Some(old) = state.in_use.replace(Arc::clone(mapping)).filter(is_new) {
            state.before = Some(old);
        }
        let set = self.compose(&files)?;
        fits(&set).map_err(Refusal::Settings)?;
        Ok((files, set))
    }

    /// A mapping failed its trial: the one of before keeps its place.
    pub fn refuse_mapping(&mut self, mapping: &Mapping, refusal: Refusal) {
        let Some(path) = self.path_of(mapping).map(Path::to_owned) else { return };
        let is_its = |change: &Change| matches!(change, Change::Added(other, _) if *other == path);
        self.changes.retain(|change| !is_its(change));
        let mut files = self.files.clone();
        if let Some(state) = files.get_mut(&path) {
            let old = self.old.0.get(&path);
            state.in_use = old.and_then(|state| state.in_use.clone());
            state.before = old.and_then(|state| state.before.clone());
        }
        match self.compose(&files) {
            Ok(set) => (self.files, self.set) = (files, set),
            // Something else relies on it. Everything stays as it was.
            Err(_) => self.stay(),
        }
        self.refuse(&path, refusal);
    }

    /// Everything stays as it was; what was seen is not looked at again until it changes.
    fn stay(&mut self) {
        let changes = std::mem::take(&mut self.changes);
        for (path, state) in &mut self.files {
            let old = self.old.0.get(path);
            state.in_use = old.and_then(|state| state.in_use.clone());
            state.before = old.and_then(|state| state.before.clone());
        }
        for change in changes {
            match change {
                Change::Added(path, _) => {
                    let error = io::Error::other("what it came together with was refused");
                    self.refuse(&path, Refusal::Unreadable(error));
                }
                Change::Removed(path, _) => {
                    let old = self.old.0.get(&path).cloned().unwrap_or_default();
                    self.files.insert(path, old);
                }
                other => self.changes.push(other),
            }
        }
        self.set = Arc::clone(&self.old.1);
    }

    /// Has a mapping give way to the one that it has replaced. Answers whether there is one.
    pub(super) fn roll_back(&mut self, sha256: &str, failures: u32) -> bool {
        let mut files = self.files.clone();
        let is = |mapping: &Arc<Mapping>| mapping.sha256() == sha256;
        let found = files.iter_mut().find(|(_, state)| state.in_use.as_ref().is_some_and(is));
        let Some((path, state)) = found else { return false };
        let path = path.clone();
        let Some(mapping) = state.in_use.take() else { return false };
        state.in_use = state.before.take();
        let default = self.default.as_ref().map(|default| &default.manifest().name);
        if state.in_use.is_none() && default != Some(&mapping.manifest().name) {
            return false;
        }
        state.refusal = Some(Arc::new(Refusal::Quarantined(failures)));
        match self.compose(&files) {
            Ok(set) => {
                (self.files, self.set) = (files, set);
                self.changes.push(Change::RolledBack(path, mapping));
                true
            }
            Err(_) => false,
        }
    }
}
