//! The mapping files of all directories, and which of them are in use.
//!
//! [`Registry::rescan`] scans the directories and says what should be in use; nothing changes by that.
//! The caller compiles the files that are new ([`PendingFile`]), dry-runs the candidate sets and
//! [`Registry::commit`]s them.

use std::collections::{HashMap, HashSet};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::watch;
use tracing::warn;

use super::candidate::{CandidateSet, FileState, Files};
use super::directory::{self, Found, read_file};
use super::refusal::Refusal;
use super::set::MappingSet;
use crate::config::{MappingPolicy, MappingSource, SettingError, Settings};
use crate::model::Limits;
use crate::wasm::{Engine, Mapping};

/// A directory and what is in use of it.
#[derive(Default)]
struct Directory {
    files: Files,
    set: watch::Sender<Arc<MappingSet>>,
}

/// The mappings of the process.
pub struct Registry {
    engine: Engine,
    default: Arc<Mapping>,
    directories: HashMap<MappingSource, Directory>,
    /// The files that have been compiled, by SHA-256.
    compiled: HashMap<String, Compiled>,
    /// Contents that failed repeatedly, and how often.
    quarantined: HashMap<String, u32>,
}

/// The result of compiling a file, and the limits it was checked with.
struct Compiled {
    result: Result<Arc<Mapping>, Arc<Refusal>>,
    limits: Arc<Limits>,
}

/// Why directories are scanned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rescan {
    /// They may have changed. A directory without changes has no candidate set.
    Changes,
    /// At the start and at a reload: the settings may have changed.
    All,
}

/// What a scan found.
#[derive(Default)]
pub struct Scan {
    /// What should be in use, with the files that are compiled.
    pub candidates: Vec<CandidateSet>,
    /// The files that have to be compiled first.
    pub pending: Vec<PendingFile>,
}

/// A file that has not been compiled.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PendingFile {
    /// Its path.
    pub path: PathBuf,
    /// Its SHA-256.
    pub sha256: String,
    /// The largest size that is read.
    pub max_bytes: u64,
}

impl PendingFile {
    /// Compiles the file and checks everything that needs no document. It blocks for as long as the
    /// compilation takes.
    pub fn compile(&self, engine: &Engine) -> Result<Arc<Mapping>, Refusal> {
        let mapping = Mapping::load(engine, &read_file(&self.path, self.max_bytes)?)?;
        match mapping.sha256() == self.sha256 {
            true => Ok(Arc::new(mapping)),
            // There will be another scan.
            false => Err(io::Error::other("it changed while it was being read").into()),
        }
    }
}

impl Registry {
    /// A registry without files. `default` is the embedded mapping.
    pub fn new(engine: Engine, default: Arc<Mapping>) -> Self {
        let (directories, compiled, quarantined) = Default::default();
        Self { engine, default, directories, compiled, quarantined }
    }

    /// The engine to compile files with.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Scans the directories of all targets. It reads files: it belongs on a thread for blocking work.
    ///
    /// It fails if the settings fit neither the mappings that should be in use nor those that are,
    /// unless files that may have what the settings name are refused or not compiled yet.
    pub fn rescan(
        &self,
        settings: &Settings,
        rescan: Rescan,
        stored_names: &HashMap<String, String>,
    ) -> Result<Scan, SettingError> {
        let mut sources: Vec<&MappingSource> = vec![&settings.source];
        for target in &settings.targets {
            if !sources.contains(&&target.source) {
                sources.push(&target.source);
            }
        }
        let mut scan = Scan::default();
        for source in sources {
            self.rescan_source(source, settings, rescan, stored_names, &mut scan)?;
        }
        Ok(scan)
    }

    fn rescan_source(
        &self,
        source: &MappingSource,
        settings: &Settings,
        rescan: Rescan,
        stored_names: &HashMap<String, String>,
        scan: &mut Scan,
    ) -> Result<(), SettingError> {
        let found = match &source.directory {
            None => Ok(Vec::new()),
            Some(path) => directory::read(path, settings.policy.max_file_bytes)
                .map_err(|error| (path.clone(), error)),
        };
        let (files, set) = self.known(source);
        let candidate = |default: bool| {
            let default = (source.default && default).then(|| Arc::clone(&self.default));
            CandidateSet::new(source.clone(), default, files.clone(), Arc::clone(&set))
        };
        let found = match found {
            Ok(found) => found,
            Err((directory, error)) => {
                let mut candidate = candidate(true);
                candidate.refuse_directory(directory, error);
                scan.candidates.push(candidate);
                return Ok(());
            }
        };
        let is_known = |found: &Found| {
            let state = files.get(&found.path);
            state.is_some_and(|s| s.content == found.content && !self.has_other_limits(s))
        };
        let is_unchanged = found.iter().all(is_known) && found.len() == files.len();
        if is_unchanged && rescan == Rescan::Changes && self.directories.contains_key(source) {
            return Ok(());
        }
        let pending = self.pending(source, &files, &found, settings);
        // A file whose samples are stored under the name of the default mapping replaces it: the
        // default mapping must not run in the meantime.
        let default_name = self.default.name();
        let replaces_default = |file: &PendingFile| {
            stored_names.get(&file.sha256).is_some_and(|name| name == default_name)
        };
        let mut candidate = candidate(!pending.iter().any(replaces_default));
        if !pending.is_empty() {
            candidate.set_incomplete();
        }
        let mut paths: Vec<_> = found.iter().map(|file| file.path.clone()).collect();
        let is_unused = |path: &PathBuf| files.get(path).is_none_or(|s| s.in_use.is_none());
        if pending.iter().any(|file| is_unused(&file.path)) {
            // It may replace one that was removed, which stays in use until that is known.
            paths.extend(files.keys().cloned());
        }
        let loaded = self.load_new(&mut candidate, found, &pending);
        let fits = |set: &MappingSet| self.check(source, settings, set);
        // A file that is refused or not compiled yet may be what the settings are about.
        let is_excused = candidate.has_refused() || !pending.is_empty();
        scan.pending.extend(pending);
        let mut unchecked = candidate.clone();
        // Checking the settings runs mappings: not twice.
        if candidate.update(&paths, loaded.clone(), &fits) || fits(candidate.set()).is_ok() {
            scan.candidates.push(candidate);
            return Ok(());
        }
        unchecked.update(&paths, loaded, &|_| Ok(()));
        match fits(unchecked.set()) {
            Err(error) if rescan == Rescan::All && !is_excused => return Err(error),
            Err(error) if unchecked.is_complete() => {
                warn!(%error, "a setting does not fit any mapping in use");
            }
            _ => {}
        }
        scan.candidates.push(unchecked);
        Ok(())
    }

    /// What is known about a directory: with other digests or without the default mapping it is
    /// another source with the same files.
    fn known(&self, source: &MappingSource) -> (Files, Arc<MappingSet>) {
        if let Some(directory) = self.directories.get(source) {
            return (directory.files.clone(), directory.set.borrow().clone());
        }
        let mut directories = self.directories.iter();
        let sibling =
            directories.find(|(of, _)| of.directory.is_some() && of.directory == source.directory);
        let mut files = sibling.map(|(_, sibling)| sibling.files.clone()).unwrap_or_default();
        let is_allowed =
            |mapping: &Arc<Mapping>| check_digest(mapping.sha256(), &source.sha256).is_ok();
        for state in files.values_mut() {
            state.in_use = state.in_use.take().filter(is_allowed);
            state.before = state.before.take().filter(is_allowed);
        }
        let set = sibling.map(|(_, sibling)| sibling.set.borrow().clone()).unwrap_or_default();
        (files, set)
    }

    /// The files that have to be compiled before they can be used.
    fn pending(
        &self,
        source: &MappingSource,
        files: &Files,
        found: &[Found],
        settings: &Settings,
    ) -> Vec<PendingFile> {
        let needs_compiling = |file: &&Found| {
            let is_refused = files.get(&file.path).is_some_and(|state| {
                state.content == file.content && !self.may_be_usable_now(state)
            });
            file.refusal.is_none()
                && check_digest(&file.content, &source.sha256).is_ok()
                && !self.quarantined.contains_key(&file.content)
                && !self.is_compiled(&file.content)
                && !is_refused
        };
        let pending = found.iter().filter(needs_compiling).map(|file| PendingFile {
            path: file.path.clone(),
            sha256: file.content.clone(),
            max_bytes: settings.policy.max_file_bytes,
        });
        pending.collect()
    }

    /// Whether the result of compiling a content is known. One that failed is tried again with other
    /// limits.
    fn is_compiled(&self, sha256: &str) -> bool {
        self.compiled.get(sha256).is_some_and(|compiled| {
            compiled.result.is_ok() || compiled.limits == self.engine.limits()
        })
    }

    /// Loads the files that are new, and those that were refused and may be usable now.
    fn load_new(
        &self,
        candidate: &mut CandidateSet,
        found: Vec<Found>,
        pending: &[PendingFile],
    ) -> Vec<(PathBuf, Arc<Mapping>)> {
        let mut loaded = Vec::new();
        for file in found {
            if pending.iter().any(|pending| pending.path == file.path) {
                continue;
            }
            let known = candidate.files().get(&file.path);
            match known.filter(|state| state.content == file.content) {
                Some(state) if state.refusal.is_some() && !self.may_be_usable_now(state) => {
                    continue;
                }
                // With other digests it may not be in use.
                Some(FileState { refusal: None, in_use: Some(mapping), .. })
                    if mapping.sha256() == file.content =>
                {
                    continue;
                }
                _ => {}
            }
            let path = file.path.clone();
            candidate.set_content(&path, &file.content);
            candidate.set_limits(&path, self.engine.limits());
            match self.load(file, candidate.source()) {
                Ok(mapping) => loaded.push((path, mapping)),
                Err(refusal) => candidate.refuse(&path, refusal),
            }
        }
        loaded
    }

    /// Whether a file that has not changed may be usable though it was refused: because of other files,
    /// other settings or other limits.
    fn may_be_usable_now(&self, state: &FileState) -> bool {
        state.refusal.as_ref().is_none_or(|why| why.depends_on_others())
            || self.has_other_limits(state)
    }

    /// Whether a file was refused under other limits than those of now.
    fn has_other_limits(&self, state: &FileState) -> bool {
        let is_refused = state.refusal.as_ref().is_some_and(|why| why.depends_on_limits());
        is_refused && state.limits.as_ref().is_some_and(|of| *of != self.engine.limits())
    }

    /// Checks everything that needs no document.
    fn load(&self, file: Found, source: &MappingSource) -> Result<Arc<Mapping>, Arc<Refusal>> {
        if let Some(refusal) = file.refusal {
            return Err(refusal.into());
        }
        check_digest(&file.content, &source.sha256)?;
        if let Some(failures) = self.quarantined.get(&file.content) {
            return Err(Refusal::Quarantined(*failures).into());
        }
        match self.compiled.get(&file.content) {
            Some(compiled) => compiled.result.clone(),
            None => Err(Refusal::from(io::Error::other("it has not been compiled")).into()),
        }
    }

    /// Notes the result of compiling a file.
    pub fn add_compiled(&mut self, sha256: &str, result: Result<Arc<Mapping>, Refusal>) {
        let compiled = Compiled { result: result.map_err(Arc::new), limits: self.engine.limits() };
        // A file that could not be read is read again.
        let is_unreadable =
            matches!(compiled.result.as_ref().map_err(|why| &**why), Err(Refusal::Unreadable(_)));
        if !is_unreadable {
            self.compiled.insert(sha256.to_owned(), compiled);
        }
    }

    /// Checks the settings of all targets of a source against a set.
    fn check(
        &self,
        source: &MappingSource,
        settings: &Settings,
        set: &MappingSet,
    ) -> Result<(), SettingError> {
        let targets = settings.targets.iter().filter(|target| target.source == *source);
        let of_all = (*source == settings.source).then_some(&settings.defaults);
        let mut checked: Vec<_> = Vec::new();
        for mapping in of_all.into_iter().chain(targets.map(|target| &target.mapping)) {
            // It runs mappings: once for equal settings.
            if !checked.contains(&mapping) {
                set.check_settings(mapping)?;
                checked.push(mapping);
            }
        }
        Ok(())
    }

    /// Puts a candidate set in use.
    pub fn commit(&mut self, candidate: &CandidateSet) {
        let directory = self.directories.entry(candidate.source().clone()).or_default();
        directory.files.clone_from(candidate.files());
        if !directory.set.borrow().is_same(candidate.set()) {
            directory.set.send_replace(Arc::clone(candidate.set()));
        }
        let files = || self.directories.values().flat_map(|directory| directory.files.values());
        if let Some(mapping) = candidate.rolled_back() {
            let mut refusals = files().filter(|state| state.content == mapping.sha256());
            let failures = refusals.find_map(|state| match state.refusal.as_deref() {
                Some(Refusal::Quarantined(failures)) => Some(*failures),
                _ => None,
            });
            if let Some(failures) = failures {
                self.quarantined.insert(mapping.sha256().to_owned(), failures);
            }
        }
        if candidate.is_complete() {
            let contents: HashSet<&str> = files().map(|file| file.content.as_str()).collect();
            // Until the file changes.
            self.quarantined.retain(|digest, _| contents.contains(digest.as_str()));
        }
    }

    /// Forgets compiled files that no longer exist. Nothing must be on its way to [`Self::commit`].
    pub fn forget_compiled(&mut self) {
        let files = self.directories.values().flat_map(|directory| directory.files.values());
        let contents: HashSet<&str> = files.map(|file| file.content.as_str()).collect();
        self.compiled.retain(|digest, _| contents.contains(digest.as_str()));
    }

    /// Forgets the directories that no target uses any more.
    pub fn prune(&mut self, settings: &Settings) {
        self.directories.retain(|source, _| {
            *source == settings.source
                || settings.targets.iter().any(|target| target.source == *source)
        });
    }

    /// What would be in use if a mapping were rolled back to its predecessor, and its content were
    /// quarantined. `None`: it has no predecessor, or is not in use.
    pub fn candidate_for_rollback(
        &self,
        source: &MappingSource,
        sha256: &str,
        failures: u32,
    ) -> Option<CandidateSet> {
        let directory = self.directories.get(source)?;
        let default = source.default.then(|| Arc::clone(&self.default));
        let set = directory.set.borrow().clone();
        let mut candidate =
            CandidateSet::new(source.clone(), default, directory.files.clone(), set);
        candidate.roll_back(sha256, failures).then_some(candidate)
    }

    /// The mappings of a source, and their changes.
    pub fn subscribe(&mut self, source: &MappingSource) -> watch::Receiver<Arc<MappingSet>> {
        if !self.directories.contains_key(source) {
            // What is in use of its files stays known when the source it is from is forgotten.
            let (files, _) = self.known(source);
            self.directories.insert(source.clone(), Directory { files, ..Directory::default() });
        }
        self.directories.entry(source.clone()).or_default().set.subscribe()
    }

    /// The mappings of a source.
    pub fn set(&self, source: &MappingSource) -> Arc<MappingSet> {
        let directory = self.directories.get(source);
        directory.map(|directory| directory.set.borrow().clone()).unwrap_or_default()
    }

    /// The names of all mappings in use.
    pub fn names(&self) -> HashSet<String> {
        let sets = self.directories.values().map(|directory| directory.set.borrow().clone());
        let names = |set: Arc<MappingSet>| -> Vec<String> {
            set.members().iter().map(|member| member.name().to_owned()).collect()
        };
        sets.flat_map(names).collect()
    }

    /// Whether a mapping of a source is in use.
    pub fn uses(&self, source: &MappingSource, sha256: &str) -> bool {
        self.set(source).members().iter().any(|member| member.mapping.sha256() == sha256)
    }

    /// The files that are refused, in the order of their names, with the reason.
    pub fn refused(&self) -> Vec<(PathBuf, String)> {
        let files = self.directories.values().flat_map(|directory| &directory.files);
        let mut refused: Vec<_> = files
            .filter_map(|(path, state)| Some((path.clone(), state.refusal.as_ref()?.to_string())))
            .collect();
        refused.sort();
        refused
    }

    /// Whether any file is refused.
    pub fn has_refused(&self) -> bool {
        let mut files = self.directories.values().flat_map(|directory| directory.files.values());
        files.any(|state| state.refusal.is_some())
    }

    /// The number of quarantined contents.
    pub fn quarantined(&self) -> usize {
        self.quarantined.len()
    }

    /// Sets the limits of the runs that start from now on. Returns the previous ones.
    pub fn set_policy(&self, policy: &MappingPolicy) -> Arc<Limits> {
        let previous = self.engine.limits();
        self.engine.set_limits(policy.limits.clone());
        previous
    }

    /// Sets the limits of the runs that start from now on.
    pub fn set_limits(&self, limits: &Limits) {
        self.engine.set_limits(limits.clone());
    }
}

/// Checks that a content is among the digests that are allowed, if any are named.
pub fn check_digest(sha256: &str, allowed: &[String]) -> Result<(), Refusal> {
    match allowed.is_empty() || allowed.iter().any(|digest| digest == sha256) {
        true => Ok(()),
        false => Err(Refusal::Digest(sha256.to_owned())),
    }
}
