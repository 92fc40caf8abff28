//! Maps the documents of a target and publishes the samples.

use std::collections::HashSet;
use std::sync::Arc;

use tracing::warn;

use super::shared::FailureReport;
use super::target::TargetTask;
use crate::mappings::Member;
use crate::model::{DocumentSpec, Span};
use crate::output::Published;
use crate::runner::{Budget, Request, RunOutcome, fingerprint};
use crate::store::{Key, Slot, StoredSamples};

impl TargetTask {
    /// Runs the mappings whose input has changed, and publishes what they return. `attempted` are the
    /// documents that were requested in this cycle. Returns whether anything ran.
    pub(super) async fn map_and_publish(&mut self, attempted: &[DocumentSpec]) -> bool {
        let set = Arc::clone(&self.set);
        let mut ran = false;
        let mut accepted: HashSet<String> = HashSet::new();
        for member in set.members() {
            let sha256 = member.mapping.sha256();
            let newest = self.versions.newest();
            let input = fingerprint(member, self.target(), &self.options, newest);
            if self.mapped.get(sha256) == Some(&input) {
                continue;
            }
            let scope = self.target().scope();
            if member.fed(scope, newest).next().is_none() {
                continue;
            }
            let served = self.shared.publisher.fingerprint(self.target(), sha256);
            if served.as_ref() == Some(&input) {
                // A dry run has mapped the same documents, or a run before a restart.
                accepted.extend(member.fed(scope, newest).map(|(feed, _)| feed.document.clone()));
                self.mapped.insert(sha256.to_owned(), input);
                self.mapping_failures.remove(member.name());
                self.blamed.remove(sha256);
                continue;
            }
            ran = true;
            let request = Request {
                member,
                target: &self.settings.target,
                options: &self.options,
                documents: newest,
                last_good: self.versions.good(),
                span: Span::Latest,
                families: None,
                budget: Budget::Refresh,
                strict: false,
                failure_label: None,
            };
            let outcome = self.shared.runner.run(request, &self.tracker).await;
            self.judge(member, &outcome, attempted);
            let malformed: Vec<_> =
                outcome.malformed.iter().map(|malformed| malformed.document.clone()).collect();
            let Some((result, used)) = outcome.result else {
                if outcome.failure.is_none() {
                    // All documents are malformed: they would be again.
                    self.mapped.insert(sha256.to_owned(), input);
                }
                continue;
            };
            let made_of = fingerprint(member, self.target(), &self.options, &used);
            accepted.extend(used.into_keys().filter(|name| !malformed.contains(name)));
            self.mapped.insert(sha256.to_owned(), input);
            let published = Published {
                mapping: member.mapping.id(),
                fingerprint: made_of,
                samples: Arc::new(result.samples),
                unmapped: result.unmapped.into(),
            };
            self.publish(published).await;
        }
        self.accept(accepted).await;
        ran
    }

    /// Publishes the samples of a mapping, and stores them.
    async fn publish(&self, published: Published) {
        let target = self.target().clone();
        self.shared.publisher.publish(&target, vec![published.clone()]);
        store_samples(&self.shared, &target, published).await;
    }

    /// Moves the documents that a mapping accepted to where the good ones are.
    async fn accept(&mut self, accepted: HashSet<String>) {
        for name in accepted {
            self.schedule.note_mapped(&name);
            self.schedule.note_usable(&name);
            self.rejected.remove(&name);
            let previous = self.versions.good().get(&name).cloned();
            if !self.versions.accept(&name) {
                continue;
            }
            let Some(document) = self.versions.good().get(&name) else { continue };
            let key = self.key(&name, document, Slot::Good);
            let accepted = self.shared.store.accept(&key).await;
            self.shared.note_store_error(self.target(), "save", accepted);
            // The document of an earlier day, unless it is kept.
            if !self.shared.store.is_durable()
                && let Some(old) = previous.map(|old| self.key(&name, &old, Slot::Good))
                && old != key
            {
                let removed = self.shared.store.remove(&old).await;
                self.shared.note_store_error(self.target(), "save", removed);
            }
        }
    }

    /// Notes how the run of a mapping ended, and who is to blame.
    fn judge(&mut self, member: &Member, outcome: &RunOutcome, attempted: &[DocumentSpec]) {
        let name = member.name();
        for malformed in &outcome.malformed {
            let document = &malformed.document;
            // A cycle may map twice, and several mappings may reject it.
            if self.malformed_in_cycle.insert(document.clone()) {
                self.shared.metrics.count_document_failure(self.target(), document, "malformed");
            }
            self.schedule.note_unmapped(document, &malformed.reason);
            self.rejected.insert(document.clone(), malformed.reason.clone());
        }
        match &outcome.failure {
            Some(failure) => {
                let reason = format!("mapping {name}: {}", failure.reason);
                let fed = member.feeds(self.target().scope());
                let is_malformed = |name: &str| {
                    outcome.malformed.iter().any(|malformed| malformed.document == name)
                };
                for spec in attempted.iter().filter(|spec| {
                    fed.iter().any(|feed| feed.document == spec.name) && !is_malformed(&spec.name)
                }) {
                    self.schedule.note_unmapped(&spec.name, &reason);
                }
                self.mapping_failures.insert(name.to_owned(), reason);
            }
            None => _ = self.mapping_failures.remove(name),
        }
        let sha256 = member.mapping.sha256().to_owned();
        if !outcome.blames_mapping() {
            self.blamed.remove(&sha256);
            return;
        }
        // A cycle may map twice.
        if !self.blamed_in_cycle.insert(sha256.clone()) {
            return;
        }
        let times = self.blamed.entry(sha256.clone()).or_default();
        *times += 1;
        let (source, times) = (self.settings.source.clone(), *times);
        self.shared.report_failure(FailureReport { source, sha256, times });
    }
}

/// Stores the samples of a mapping, so that a restart serves them.
pub(super) async fn store_samples(
    shared: &super::shared::Shared,
    target: &crate::model::Target,
    published: Published,
) {
    if !shared.store.is_durable() {
        return;
    }
    let key = Key::samples(target, &published.mapping.name);
    let stored = StoredSamples {
        mapping: published.mapping,
        fingerprint: published.fingerprint,
        samples: Arc::unwrap_or_clone(published.samples),
        unmapped: published.unmapped.to_vec(),
    };
    // It compresses.
    let document = tokio::task::spawn_blocking(move || stored.to_document()).await;
    match document.unwrap_or_else(|error| Err(std::io::Error::other(error))) {
        Ok(document) => {
            let saved = shared.store.put(&key, &document).await;
            shared.note_store_error(target, "save", saved);
        }
        Err(error) => {
            let [org, scope] = target.labels();
            warn!(org, scope, %error, "failed to store the samples");
        }
    }
}
