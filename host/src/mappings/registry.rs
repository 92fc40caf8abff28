//! The mapping files of all directories, and which of them are in use.
//!
//! [`Registry::rescan`] scans the directories and says what should be in use; nothing changes by that.
//! The caller compiles the files that are new ([`PendingFile`]), dry-runs the candidate sets and
//! [`Registry::commit`]s them.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::watch;

use super::candidate::CandidateSet;
use super::file_state::Files;
use super::refusal::Refusal;
use super::set::MappingSet;
use crate::config::{ArtifactReference, MappingPolicy, MappingSource, Settings};
use crate::model::Limits;
use crate::oci::Update;
use crate::wasm::{Engine, Mapping};

/// A directory and what is in use of it.
#[derive(Default)]
pub(super) struct Directory {
    pub(super) files: Files,
    pub(super) set: watch::Sender<Arc<MappingSet>>,
    /// Why the directory can't be read.
    pub(super) unreadable: Option<(PathBuf, Arc<Refusal>)>,
    /// Whether the first check of an OCI registry had not ended yet.
    pub(super) is_waiting: bool,
}

/// The mappings of the process.
pub struct Registry {
    pub(super) engine: Engine,
    pub(super) default: Arc<Mapping>,
    pub(super) directories: HashMap<MappingSource, Directory>,
    /// The files that have been compiled, by SHA-256.
    pub(super) compiled: HashMap<String, Compiled>,
    /// Contents that failed repeatedly, and how often.
    pub(super) quarantined: HashMap<String, u32>,
    /// What the last checks of OCI registries have found.
    pub(super) artifacts: HashMap<ArtifactReference, Update>,
}

/// The result of compiling a file, and the limits it was checked with.
pub(super) struct Compiled {
    pub(super) result: Result<Arc<Mapping>, Arc<Refusal>>,
    pub(super) limits: Arc<Limits>,
}

impl Registry {
    /// A registry without files. `default` is the embedded mapping.
    pub fn new(engine: Engine, default: Arc<Mapping>) -> Self {
        let (directories, compiled, quarantined, artifacts) = Default::default();
        Self { engine, default, directories, compiled, quarantined, artifacts }
    }

    /// The engine to compile files with.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// What is known about a directory: with other digests or without the default mapping it is
    /// another source with the same files.
    pub(super) fn known(&self, source: &MappingSource) -> (Files, Arc<MappingSet>) {
        if let Some(directory) = self.directories.get(source) {
            return (directory.files.clone(), directory.set.borrow().clone());
        }
        let mut directories = self.directories.iter();
        let sibling = directories.find(|(of, _)| {
            let mut artifacts = of.artifacts.iter();
            (of.directory.is_some() && of.directory == source.directory)
                || artifacts.any(|artifact| source.artifacts.contains(artifact))
        });
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

    /// Notes the result of compiling a file, and the limits that applied to it.
    pub fn add_compiled(
        &mut self,
        sha256: &str,
        result: Result<Arc<Mapping>, Refusal>,
        limits: Arc<Limits>,
    ) {
        let compiled = Compiled { result: result.map_err(Arc::new), limits };
        // A file that could not be read is read again.
        let is_unreadable =
            matches!(compiled.result.as_ref().map_err(|why| &**why), Err(Refusal::Unreadable(_)));
        if !is_unreadable {
            self.compiled.insert(sha256.to_owned(), compiled);
        }
    }

    /// Puts a candidate set in use.
    pub fn commit(&mut self, candidate: &CandidateSet) {
        let directory = self.directories.entry(candidate.source().clone()).or_default();
        directory.files.clone_from(candidate.files());
        directory.unreadable.clone_from(&candidate.unreadable);
        directory.is_waiting = candidate.is_waiting;
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

    /// Forgets the failures that the machine is to blame for: those files are compiled again.
    pub fn forget_failures(&mut self) {
        self.compiled.retain(|_, compiled| {
            compiled.result.as_ref().err().is_none_or(|refusal| !refusal.blames_machine())
        });
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
        self.prune_artifacts();
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

    /// The files that are refused and the directories that can't be read, in the order of their names,
    /// with the reason.
    pub fn refused(&self) -> Vec<(PathBuf, String)> {
        let files = self.directories.values().flat_map(|directory| &directory.files);
        let files = files.filter_map(|(path, state)| Some((path, state.refusal.as_ref()?)));
        let directories = self.directories.values().filter_map(|of| of.unreadable.as_ref());
        let directories = directories.map(|(path, refusal)| (path, refusal));
        let refused = files.chain(directories);
        let mut refused: Vec<_> =
            refused.map(|(path, refusal)| (path.clone(), refusal.to_string())).collect();
        let artifacts = self.artifact_problems();
        refused.extend(artifacts.map(|(path, error)| (path, error.to_string())));
        refused.sort();
        refused
    }

    /// Whether any file is refused, or any directory.
    pub fn has_refused(&self) -> bool {
        self.directories.values().any(|directory| {
            let mut files = directory.files.values();
            directory.unreadable.is_some() || files.any(|state| state.refusal.is_some())
        }) || self.artifact_problems().any(|(_, error)| error.is_refusal())
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
