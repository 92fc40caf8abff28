//! Adds what was loaded to a candidate set, and removes what is gone: all of it, or as much as fits
//! together.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::candidate::CandidateSet;
use super::file_state::Files;
use super::refusal::Refusal;
use super::set::MappingSet;
use crate::config::SettingError;
use crate::wasm::Mapping;

/// Checks that the settings fit a set of mappings.
pub(super) type Fits<'a> = &'a dyn Fn(&MappingSet) -> Result<(), SettingError>;

/// The content of a removed file whose mapping has to stay.
const GONE: &str = "gone";

impl CandidateSet {
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
}

/// Puts a file's mapping in use, instead of its predecessor.
fn put(files: &mut Files, path: &Path, mapping: &Arc<Mapping>) {
    let state = files.entry(path.to_owned()).or_default();
    let old = state.in_use.replace(Arc::clone(mapping));
    if let Some(old) = old.filter(|old| old.sha256() != mapping.sha256()) {
        state.before = Some(old);
    }
}
