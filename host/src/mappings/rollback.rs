//! Takes mappings out of a candidate set: those whose dry run failed, and those that are rolled back.

use std::sync::Arc;

use super::candidate::CandidateSet;
use super::refusal::Refusal;
use crate::wasm::Mapping;

impl CandidateSet {
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
