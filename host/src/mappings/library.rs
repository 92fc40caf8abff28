//! What is in the folders of mappings, and which of it is in use.
//!
//! [`Library::propose`] looks and says what there should be; nothing changes by that. Whoever asked
//! tries it out, refuses what fails, and [`Library::commit`]s the rest.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use tokio::sync::watch;

use super::folder;
use super::proposal::{FileState, Files, Proposal};
use super::refusal::Refusal;
use super::set::MappingSet;
use crate::plugin::{Engine, Mapping};
use crate::settings::{MappingPolicy, MappingSource, SettingError, Settings};

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
    quarantined: HashSet<String>,
}

impl Library {
    /// Nothing has been looked at yet. `default` is the embedded mapping.
    pub fn new(engine: Engine, default: Arc<Mapping>) -> Self {
        Self { engine, default, shelves: HashMap::new(), quarantined: HashSet::new() }
    }

    /// Looks into the folders of all targets, and loads what is new there. It reads and compiles:
    /// it belongs on a thread for blocking work.
    pub fn propose(&self, settings: &Settings, look: Look) -> Vec<Proposal> {
        let mut sources: Vec<&MappingSource> = vec![&settings.source];
        for target in &settings.targets {
            if !sources.contains(&&target.source) {
                sources.push(&target.source);
            }
        }
        let propose = |source: &MappingSource| self.propose_one(source, settings, look);
        sources.into_iter().filter_map(propose).collect()
    }

    fn propose_one(
        &self,
        source: &MappingSource,
        settings: &Settings,
        look: Look,
    ) -> Option<Proposal> {
        let shelf = self.shelves.get(source);
        let files = shelf.map(|shelf| shelf.files.clone()).unwrap_or_default();
        let set = shelf.map(|shelf| shelf.set.borrow().clone()).unwrap_or_default();
        let default = source.default.then(|| Arc::clone(&self.default));
        let mut proposal = Proposal::new(source.clone(), default, files, set);
        let found = match &source.folder {
            None => Vec::new(),
            Some(folder) => match folder::read(folder, settings.policy.max_file_bytes) {
                Ok(found) => found,
                Err(error) => {
                    proposal.refuse_folder(folder.clone(), error);
                    return Some(proposal);
                }
            },
        };
        let same = |found: &folder::Found| {
            proposal.files().get(&found.path).is_some_and(|state| state.content == found.content)
        };
        let unchanged = found.iter().all(same) && found.len() == proposal.files().len();
        if unchanged && look == Look::ForChanges && shelf.is_some() {
            return None;
        }
        let mut loaded = Vec::new();
        for file in &found {
            let known = proposal.files().get(&file.path);
            let known = known.filter(|state| state.content == file.content);
            let again = |refusal: &Refusal| match refusal {
                Refusal::Quarantined(_) => false,
                refusal => look == Look::Again || refusal.may_pass(),
            };
            match known {
                Some(FileState { refusal: None, .. }) => continue,
                Some(FileState { refusal: Some(refusal), .. }) if !again(refusal) => continue,
                _ => {}
            }
            proposal.see(&file.path, &file.content);
            match self.load(file, source) {
                Ok(mapping) => loaded.push((file.path.clone(), mapping)),
                Err(refusal) => proposal.refuse(&file.path, refusal),
            }
        }
        let paths: Vec<_> = found.into_iter().map(|file| file.path).collect();
        proposal.remove_all_but(&paths);
        // Where settings and mappings change together, neither is to blame before both are known.
        let targets = settings.targets.iter().filter(|target| target.source == *source);
        let fits = |set: &MappingSet| match look {
            Look::ForChanges => targets.clone().try_for_each(|target| target.check(set)),
            Look::Again => Ok(()),
        };
        proposal.add(loaded, &fits);
        Some(proposal)
    }

    /// Every gate that needs no document.
    fn load(&self, file: &folder::Found, source: &MappingSource) -> Result<Arc<Mapping>, Refusal> {
        let bytes = match &file.bytes {
            Ok(bytes) => bytes,
            Err(Refusal::TooLarge(length, most)) => return Err(Refusal::TooLarge(*length, *most)),
            Err(refusal) => {
                return Err(Refusal::Unreadable(std::io::Error::other(refusal.to_string())));
            }
        };
        check_digest(&file.content, &source.sha256)?;
        if self.quarantined.contains(&file.content) {
            return Err(Refusal::Quarantined(0));
        }
        match self.known(&file.content) {
            Some(mapping) => Ok(mapping),
            None => Ok(Arc::new(Mapping::load(&self.engine, bytes)?)),
        }
    }

    /// A mapping that is in use or was before: it need not be compiled again.
    fn known(&self, sha256: &str) -> Option<Arc<Mapping>> {
        let files = self.shelves.values().flat_map(|shelf| shelf.files.values());
        let mut mappings = files.flat_map(|state| state.in_use.iter().chain(&state.before));
        mappings.find(|mapping| mapping.sha256() == sha256).cloned()
    }

    /// Puts what is proposed in the place of what was.
    pub fn commit(&mut self, proposal: &Proposal) {
        let shelf = self.shelves.entry(proposal.source().clone()).or_default();
        shelf.files.clone_from(proposal.files());
        if !shelf.set.borrow().is_same(proposal.set()) {
            shelf.set.send_replace(Arc::clone(proposal.set()));
        }
        let shelves = self.shelves.values();
        let contents: HashSet<String> = shelves
            .flat_map(|shelf| shelf.files.values().map(|file| file.content.clone()))
            .collect();
        // Until the file changes.
        self.quarantined.retain(|digest| contents.contains(digest));
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
        &mut self,
        source: &MappingSource,
        sha256: &str,
        failures: u32,
    ) -> Option<Proposal> {
        let shelf = self.shelves.get(source)?;
        let default = source.default.then(|| Arc::clone(&self.default));
        let set = shelf.set.borrow().clone();
        let mut proposal = Proposal::new(source.clone(), default, shelf.files.clone(), set);
        proposal.roll_back(sha256, failures).then_some(())?;
        self.quarantined.insert(sha256.to_owned());
        Some(proposal)
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

    /// How many contents are quarantined.
    pub fn quarantined(&self) -> usize {
        self.quarantined.len()
    }

    /// Sets the limits of the runs that start from now on.
    pub fn set_policy(&self, policy: &MappingPolicy) {
        self.engine.set_limits(policy.limits.clone());
    }
}

/// Why folders are looked into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// They may have changed.
    ForChanges,
    /// At a start or a reload: what was refused is tried again, as the settings may be others.
    Again,
}

/// Whether a content is one of those that are named, if any are.
pub fn check_digest(sha256: &str, named: &[String]) -> Result<(), Refusal> {
    match named.is_empty() || named.iter().any(|digest| digest == sha256) {
        true => Ok(()),
        false => Err(Refusal::Digest(sha256.to_owned())),
    }
}

/// Whether the settings of all targets fit the mappings that are proposed for them.
pub fn check_settings(settings: &Settings, proposals: &[Proposal]) -> Result<(), SettingError> {
    let of = |source: &MappingSource| proposals.iter().find(|proposal| proposal.source() == source);
    let check = |proposal: Option<&Proposal>, check: &dyn Fn(&MappingSet) -> _| match proposal {
        Some(proposal) => match check(proposal.set()) {
            // It may be what the refused ones have.
            Err(error) if proposal.has_refused() => {
                tracing::warn!(%error, "a setting is for no mapping that is in use");
                Ok(())
            }
            checked => checked,
        },
        None => Ok(()),
    };
    check(of(&settings.source), &|set| settings.defaults.check(set))?;
    settings
        .targets
        .iter()
        .try_for_each(|target| check(of(&target.source), &|set| target.check(set)))
}
