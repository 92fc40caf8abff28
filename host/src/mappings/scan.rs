//! Scans the directories of mappings, and says what should be in use. Nothing changes by that.

use std::collections::HashMap;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use tracing::warn;

use super::candidate::CandidateSet;
use super::directory::{self, Found};
use super::file_state::{FileState, Files};
use super::pending::PendingFile;
use super::refusal::Refusal;
use super::registry::{Registry, check_digest};
use super::set::MappingSet;
use crate::config::{MappingSource, SettingError, Settings};
use crate::wasm::Mapping;

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

impl Registry {
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
            Some(path) => directory::scan(path, settings.policy.max_file_bytes)
                .map_err(|error| (path.clone(), error)),
        };
        let (files, set) = self.known(source);
        let candidate = |default: bool| {
            let default = (source.default && default).then(|| Arc::clone(&self.default));
            CandidateSet::new(source.clone(), default, files.clone(), Arc::clone(&set))
        };
        let mut found = match found {
            Ok(found) => found,
            Err((directory, error)) => {
                let mut candidate = candidate(true);
                let known = self.directories.get(source);
                let old = known.and_then(|known| known.unreadable.clone());
                candidate.refuse_directory(directory, error, old);
                scan.candidates.push(candidate);
                return Ok(());
            }
        };
        found.extend(self.pulled(source, settings.policy.max_file_bytes));
        let is_waiting = self.is_waiting(source);
        let is_known = |found: &Found| {
            let state = files.get(&found.path);
            state.is_some_and(|s| {
                let is_allowed_now = matches!(s.refusal.as_deref(), Some(Refusal::Digest(_)))
                    && check_digest(&s.content, &source.sha256).is_ok();
                s.content == found.content && !is_allowed_now && !self.has_other_limits(s)
            })
        };
        let is_unchanged = found.iter().all(is_known) && found.len() == files.len();
        let known = self.directories.get(source);
        let is_settled = known.is_some_and(|known| known.is_waiting == is_waiting);
        if is_unchanged && rescan == Rescan::Changes && is_settled {
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
        candidate.is_waiting = is_waiting;
        if !pending.is_empty() || is_waiting {
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
        // A file that is refused, not compiled or not pulled yet may be what the settings are about.
        let is_excused =
            candidate.has_refused() || !pending.is_empty() || self.lacks_artifact(source);
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
            location: file.location.clone(),
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
}
