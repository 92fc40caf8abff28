//! Switches a target to the mappings that are in use: what they want is fetched, what none wants goes.

use std::sync::Arc;

use jiff::Timestamp;
use tokio::time::Instant;

use super::target::{TargetTask, age};
use crate::model::day::{is_final, today};
use crate::model::{Document, DocumentSpec};

/// Whether a document of a day is about one for which GitHub has had newer days by now.
pub(super) fn is_outdated(spec: &DocumentSpec, document: &Document) -> bool {
    spec.is_of_day() && document.report_day.is_some_and(|day| is_final(day, today()))
}

impl TargetTask {
    /// Switches to the mappings that are in use now, if they have changed. What they need and is not
    /// stored is due. Returns whether they have changed.
    pub(super) fn adopt(&mut self) -> bool {
        let set = self.mappings.borrow_and_update().clone();
        if Arc::ptr_eq(&set, &self.set) {
            return false;
        }
        let wanted = set.documents(self.target().scope()).iter();
        let specs: Vec<_> = wanted.filter(|spec| self.settings.fetches(spec)).cloned().collect();
        // A document of the same name may be another one.
        let is_same = |one: &DocumentSpec, other: &DocumentSpec| {
            one.name == other.name && one.source() == other.source()
        };
        for gone in self.specs.iter().filter(|old| !specs.iter().any(|new| is_same(old, new))) {
            self.schedule.forget(&gone.name);
            if !specs.iter().any(|new| new.name == gone.name) {
                self.shared.metrics.remove_document(self.target(), &gone.name);
            }
        }
        (self.set, self.specs) = (set, specs);
        let now = Instant::now();
        for spec in &self.specs {
            match self.versions.newest().get(&spec.name) {
                Some(document) if document.is_of_the_future(Timestamp::now()) => {
                    self.schedule.forget(&spec.name);
                }
                // A backfill of days long ago may have stored it: there are newer ones.
                Some(document) if is_outdated(spec, document) => self.schedule.forget(&spec.name),
                Some(document) if document.is_of(spec) => {
                    let ttl = self.settings.ttl_of(&spec.name);
                    self.schedule.adopt(&spec.name, ttl, age(document.confirmed_at), now);
                }
                Some(_) => self.schedule.forget(&spec.name),
                None => {}
            }
        }
        let names: Vec<&str> = self.set.members().iter().map(|member| member.name()).collect();
        self.mapping_failures.retain(|name, _| names.contains(&name.as_str()));
        let runs = |sha256: &str| self.set.members().iter().any(|of| of.mapping.sha256() == sha256);
        self.blamed.retain(|sha256, _| runs(sha256));
        self.mapped.retain(|sha256, _| runs(sha256));
        self.shared.runner.metrics().keep_of_target(self.target(), &names);
        true
    }

    /// A document that no mapping wants is kept for its TTL, in case a mapping comes back.
    pub(super) async fn remove_unwanted(&mut self) {
        // A mapping that is still being compiled may want it.
        if !self.shared.targets.has_all_mappings() {
            return;
        }
        let is_unwanted = |name: &String| !self.specs.iter().any(|spec| spec.name == *name);
        let newest = self.versions.newest().iter();
        let expired = newest.filter(|(name, document)| {
            is_unwanted(name) && age(document.confirmed_at) >= self.settings.ttl_of(name)
        });
        let expired: Vec<String> = expired.map(|(name, _)| name.clone()).collect();
        for name in expired {
            self.remove_document(&name).await;
        }
    }
}
