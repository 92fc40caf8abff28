//! What is in the folders of mappings, and which of it is in use.
//!
//! [`Library::propose`] looks and says what there should be; nothing changes by that. Whoever asked
//! tries it out, refuses what fails, and [`Library::commit`]s the rest.

use std::collections::{HashMap, HashSet};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::watch;
use tracing::warn;

use super::folder::{self, Found, read_file};
use super::proposal::{FileState, Files, Proposal};
use super::refusal::Refusal;
use super::set::MappingSet;
use crate::wasm::{Engine, Limits, Mapping};
use crate::config::{MappingPolicy, MappingSource, SettingError, Settings};

/// A folder and what is in use of it.
#[derive(Default)]
struct Shelf {
    files: Files,
    set: watch::Sender<Arc<MappingSet>>,
}

/// The mappings of the process.
pub struct Library {
    engine: Engine,
    default: Arc<Mapping>,
    shelves: HashMap<MappingSource, Shelf>,
    /// Contents that failed too often, and how often.
    quarantined: HashMap<String, u32>,
}

/// Why folders are looked into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// They may have changed.
    ForChanges,
    /// At a start or a reload: what was refused is tried again, as the settings may be others.
    Again,
}

impl Library {
    /// Nothing has been looked at yet. `default` is the embedded mapping.
    pub fn new(engine: Engine, default: Arc<Mapping>) -> Self {
        Self { engine, default, shelves: HashMap::new(), quarantined: HashMap::new() }
    }

    /// Looks into the folders of all targets, and loads what is new there. It reads and compiles:
    /// it belongs on a thread for blocking work.
    ///
    /// It fails if the settings fit neither what there should be nor what is in use.
    pub fn propose(&self, settings: &Settings, look: Look) -> Result<Vec<Proposal>, SettingError> {
        let mut sources: Vec<&MappingSource> = vec![&settings.source];
        for target in &settings.targets {
            if !sources.contains(&&target.source) {
                sources.push(&target.source);
            }
        }
        let propose = |source: &MappingSource| self.propose_one(source, settings, look);
        let proposed: Result<Vec<_>, _> = sources.into_iter().map(propose).collect();
        Ok(proposed?.into_iter().flatten().collect())
    }

    fn propose_one(
        &self,
        source: &MappingSource,
        settings: &Settings,
        look: Look,
    ) -> Result<Option<Proposal>, SettingError> {
        let (files, set) = self.known(source);
        let default = source.default.then(|| Arc::clone(&self.default));
        let mut proposal = Proposal::new(source.clone(), default, files, set);
        let found = match &source.folder {
            None => Vec::new(),
            Some(folder) => match folder::read(folder, settings.policy.max_file_bytes) {
                Ok(found) => found,
                Err(error) => {
                    proposal.refuse_folder(folder.clone(), error);
                    return Ok(Some(proposal));
                }
            },
        };
        let same = |found: &Found| {
            proposal.files().get(&found.path).is_some_and(|state| state.content == found.content)
        };
        let unchanged = found.iter().all(same) && found.len() == proposal.files().len();
        if unchanged && look == Look::ForChanges && self.shelves.contains_key(source) {
            return Ok(None);
        }
        let paths: Vec<_> = found.iter().map(|file| file.path.clone()).collect();
        let loaded = self.load_new(&mut proposal, found, settings, look);
        let fits = |set: &MappingSet| self.check(source, settings, set);
        // What is refused may be what the settings are about.
        let excused = proposal.has_refused();
        let mut with_anything = proposal.clone();
        // To check them runs mappings: not twice.
        if proposal.turn_to(&paths, loaded.clone(), &fits) || fits(proposal.set()).is_ok() {
            return Ok(Some(proposal));
        }
        with_anything.turn_to(&paths, loaded, &|_| Ok(()));
        match fits(with_anything.set()) {
            Err(error) if look == Look::Again && !excused => return Err(error),
            Err(error) => warn!(%error, "a setting is for no mapping that is in use"),
            Ok(()) => {}
        }
        Ok(Some(with_anything))
    }

    /// What is known of a folder: with other digests or without the default mapping it is another
    /// source, and the same files.
    fn known(&self, source: &MappingSource) -> (Files, Arc<MappingSet>) {
        if let Some(shelf) = self.shelves.get(source) {
            return (shelf.files.clone(), shelf.set.borrow().clone());
        }
        let mut shelves = self.shelves.iter();
        let sibling = shelves.find(|(of, _)| of.folder.is_some() && of.folder == source.folder);
        let mut files = sibling.map(|(_, shelf)| shelf.files.clone()).unwrap_or_default();
        let allowed =
            |mapping: &Arc<Mapping>| check_digest(mapping.sha256(), &source.sha256).is_ok();
        for state in files.values_mut() {
            state.in_use = state.in_use.take().filter(allowed);
            state.before = state.before.take().filter(allowed);
        }
        let set = sibling.map(|(_, shelf)| shelf.set.borrow().clone()).unwrap_or_default();
        (files, set)
    }

    /// Loads the files that are new, and those that were refused and may pass now.
    fn load_new(
        &self,
        proposal: &mut Proposal,
        found: Vec<Found>,
        settings: &Settings,
        look: Look,
    ) -> Vec<(PathBuf, Arc<Mapping>)> {
        let mut loaded = Vec::new();
        for file in found {
            let known = proposal.files().get(&file.path);
            let known = known.filter(|state| state.content == file.content);
            let again = |refusal: &Refusal| match refusal {
                Refusal::Quarantined(_) => false,
                refusal => look == Look::Again || refusal.may_pass(),
            };
            match known {
                Some(FileState { refusal: Some(refusal), .. }) if !again(refusal) => continue,
                // Other digests may be named by now: then it is not in use.
                Some(FileState { refusal: None, in_use: Some(mapping), .. })
                    if mapping.sha256() == file.content =>
                {
                    continue;
                }
                _ => {}
            }
            let path = file.path.clone();
            proposal.see(&path, &file.content);
            match self.load(file, proposal.source(), settings.policy.max_file_bytes) {
                Ok(mapping) => loaded.push((path, mapping)),
                Err(refusal) => proposal.refuse(&path, refusal),
            }
        }
        loaded
    }

    /// Every gate that needs no document.
    fn load(
        &self,
        file: Found,
        source: &MappingSource,
        max_bytes: u64,
    ) -> Result<Arc<Mapping>, Refusal> {
        if let Some(refusal) = file.refusal {
            return Err(refusal);
        }
        check_digest(&file.content, &source.sha256)?;
        if let Some(failures) = self.quarantined.get(&file.content) {
            return Err(Refusal::Quarantined(*failures));
        }
        if let Some(mapping) = self.loaded(&file.content) {
            return Ok(mapping);
        }
        let mapping = Mapping::load(&self.engine, &read_file(&file.path, max_bytes)?)?;
        match mapping.sha256() == file.content {
            true => Ok(Arc::new(mapping)),
            // There will be another look.
            false => Err(io::Error::other("it has changed while it was read").into()),
        }
    }

    /// A mapping that was loaded before: it need not be compiled again.
    fn loaded(&self, sha256: &str) -> Option<Arc<Mapping>> {
        let files = self.shelves.values().flat_map(|shelf| shelf.files.values());
        let mut mappings = files
            .flat_map(|state| [&state.own, &state.in_use, &state.before].into_iter().flatten());
        mappings.find(|mapping| mapping.sha256() == sha256).cloned()
    }

    /// Whether the settings of all targets of a source fit a set.
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
            // It runs mappings: once for settings that are the same.
            if !checked.contains(&mapping) {
                mapping.check(set)?;
                checked.push(mapping);
            }
        }
        Ok(())
    }

    /// Puts what is proposed in the place of what was.
    pub fn commit(&mut self, proposal: &Proposal) {
        let shelf = self.shelves.entry(proposal.source().clone()).or_default();
        shelf.files.clone_from(proposal.files());
        if !shelf.set.borrow().is_same(proposal.set()) {
            shelf.set.send_replace(Arc::clone(proposal.set()));
        }
        let files = || self.shelves.values().flat_map(|shelf| shelf.files.values());
        if let Some(mapping) = proposal.rolled_back() {
            let mut refusals = files().filter(|state| state.content == mapping.sha256());
            let failures = refusals.find_map(|state| match state.refusal.as_deref() {
                Some(Refusal::Quarantined(failures)) => Some(*failures),
                _ => None,
            });
            if let Some(failures) = failures {
                self.quarantined.insert(mapping.sha256().to_owned(), failures);
            }
        }
        let contents: HashSet<&str> = files().map(|file| file.content.as_str()).collect();
        // Until the file changes.
        self.quarantined.retain(|digest, _| contents.contains(digest.as_str()));
    }

    /// Forgets the folders that no target has any more.
    pub fn prune(&mut self, settings: &Settings) {
        self.shelves.retain(|source, _| {
            *source == settings.source
                || settings.targets.iter().any(|target| target.source == *source)
        });
    }

    /// What would be in use if the mapping gave way to the one that it has replaced, and its content
    /// were not taken any more. `None`: there is none, or it is not in use.
    pub fn propose_rollback(
        &self,
        source: &MappingSource,
        sha256: &str,
        failures: u32,
    ) -> Option<Proposal> {
        let shelf = self.shelves.get(source)?;
        let default = source.default.then(|| Arc::clone(&self.default));
        let set = shelf.set.borrow().clone();
        let mut proposal = Proposal::new(source.clone(), default, shelf.files.clone(), set);
        proposal.roll_back(sha256, failures).then_some(proposal)
    }

    /// The mappings of a target, as they are and as they become.
    pub fn subscribe(&mut self, source: &MappingSource) -> watch::Receiver<Arc<MappingSet>> {
        self.shelves.entry(source.clone()).or_default().set.subscribe()
    }

    /// The mappings of a target, as they are.
    pub fn set(&self, source: &MappingSource) -> Arc<MappingSet> {
        self.shelves.get(source).map(|shelf| shelf.set.borrow().clone()).unwrap_or_default()
    }

    /// The embedded mapping.
    pub fn default_mapping(&self) -> &Mapping {
        &self.default
    }

    /// The names of all mappings that are in use anywhere.
    pub fn names(&self) -> HashSet<String> {
        let sets = self.shelves.values().map(|shelf| shelf.set.borrow().clone());
        let names = |set: Arc<MappingSet>| -> Vec<String> {
            set.members().iter().map(|member| member.name().to_owned()).collect()
        };
        sets.flat_map(names).collect()
    }

    /// Whether a mapping is in use.
    pub fn uses(&self, source: &MappingSource, sha256: &str) -> bool {
        self.set(source).members().iter().any(|member| member.mapping.sha256() == sha256)
    }

    /// Whether any file is not used.
    pub fn has_refused(&self) -> bool {
        let mut files = self.shelves.values().flat_map(|shelf| shelf.files.values());
        files.any(|state| state.refusal.is_some())
    }

    /// How many contents are quarantined.
    pub fn quarantined(&self) -> usize {
        self.quarantined.len()
    }

    /// Sets the limits of the runs that start from now on. Answers those of before.
    pub fn set_policy(&self, policy: &MappingPolicy) -> Arc<Limits> {
        let before = self.engine.limits();
        self.engine.set_limits(policy.limits.clone());
        before
    }

    /// Goes back to limits of before.
    pub fn set_limits(&self, limits: &Limits) {
        self.engine.set_limits(limits.clone());
    }
}

/// Whether a content is one of those that are named, if any are.
pub fn check_digest(sha256: &str, named: &[String]) -> Result<(), Refusal> {
    match named.is_empty() || named.iter().any(|digest| digest == sha256) {
        true => Ok(()),
        false => Err(Refusal::Digest(sha256.to_owned())),
    }
}
