//! Publishes and keeps what the mappings of a target make of its documents.

use std::collections::HashSet;
use std::sync::Arc;

use tracing::error;

use super::schedule::Outcome;
use super::target::Refresh;
use super::{Misbehaved, mapping::Attempt};
use crate::store::{Documents, Samples, StoreError, fingerprint};
use crate::mappings::Member;
use crate::runner::pipeline::Mapped;
use crate::model::DocumentSpec;

/// What a mapping made of which documents.
struct Made<'a> {
    member: &'a Member,
    mapped: Mapped,
    of: Documents,
}

impl Refresh {
    /// Publishes what mappings made of the same documents before, where it is kept. Answers the
    /// SHA-256 of these mappings.
    pub(super) async fn publish_stored(
        &mut self,
        documents: &Documents,
        done: &HashSet<String>,
    ) -> HashSet<String> {
        let set = Arc::clone(&self.set);
        let mut made = Vec::new();
        let left = set.members().iter().filter(|of| !done.contains(of.mapping.sha256()));
        for member in left {
            let loaded =
                self.shared.stored(&self.settings, &self.blocking, member, documents).await;
            match loaded {
                Ok(Some(mapped)) => made.push(Made { member, mapped, of: documents.clone() }),
                Ok(None) => {}
                Err(error) => self.count_store_errors("load", vec![error]),
            }
        }
        let stored = made.iter().map(|made| made.member.mapping.sha256().to_owned()).collect();
        self.publish(made).await;
        stored
    }

    /// Maps the documents with every mapping but those that are `done`, and publishes and keeps
    /// what works. `asked` are the documents that may be new. Answers whether there is something
    /// to serve.
    pub(super) async fn map_and_publish(
        &mut self,
        asked: &[DocumentSpec],
        documents: &mut Documents,
        before: &Documents,
        done: &HashSet<String>,
    ) -> bool {
        let shared = Arc::clone(&self.shared);
        // From here on the mappings don't change until their samples are out.
        let _no_swap = shared.swapping.read().await;
        self.adopt();
        let set = Arc::clone(&self.set);
        let mut made: Vec<Made<'_>> = Vec::new();
        let mut accepted: HashSet<String> = HashSet::new();
        for member in set.members().iter().filter(|of| !done.contains(of.mapping.sha256())) {
            let good = self.good.get(member.name()).unwrap_or(before);
            let attempt = shared
                .map_what_can_be(&self.settings, &self.blocking, member, documents, good)
                .await;
            self.judge(member, &attempt, asked);
            if let Some((mapped, of)) = attempt.mapped {
                let malformed = |name: &String| attempt.malformed.iter().any(|(m, _)| m == name);
                accepted.extend(of.keys().filter(|name| !malformed(name)).cloned());
                self.good.insert(member.name().to_owned(), of.clone());
                made.push(Made { member, mapped, of });
            }
        }
        if made.is_empty() {
            // As far as anybody knows the new documents are what the mappings fail at: they are not kept.
            return false;
        }
        // What came from the store stays there, whatever the mappings make of it.
        if !asked.is_empty() {
            self.reject(documents, before, &accepted);
            let (shared, target) = (Arc::clone(&self.shared), self.target().clone());
            let kept = documents.clone();
            let saved = self.blocking.spawn_blocking(move || shared.cache.replace(&target, &kept));
            self.count_store_errors("save", saved.await.unwrap_or_default());
        }
        let samples = made.iter().map(|Made { member, mapped, of }| {
            let fingerprint = fingerprint(member, &self.settings, of);
            (member.name().to_owned(), Samples::new(fingerprint, mapped))
        });
        let samples: Vec<_> = samples.collect();
        self.publish(made).await;
        let (shared, target) = (Arc::clone(&self.shared), self.target().clone());
        let saved = self.blocking.spawn_blocking(move || {
            let save = |(name, samples): &(String, Samples)| {
                shared.cache.save_samples(&target, name, samples).err()
            };
            samples.iter().filter_map(save).collect::<Vec<_>>()
        });
        self.count_store_errors("save", saved.await.unwrap_or_default());
        true
    }

    /// Documents that no mapping could use are those of before, or none.
    fn reject(&self, documents: &mut Documents, before: &Documents, accepted: &HashSet<String>) {
        let wanted = self.specs.iter().map(|spec| &spec.name);
        for name in wanted.filter(|name| !accepted.contains(*name)) {
            let Some(rejected) = documents.remove(name) else { continue };
            if let Some(old) = before.get(name).filter(|old| old.parts != rejected.parts) {
                documents.insert(name.clone(), old.clone());
            }
        }
    }

    /// Notes how a run of a mapping went.
    fn judge(&mut self, member: &Member, attempt: &Attempt, asked: &[DocumentSpec]) {
        let name = member.name();
        for (document, reason) in &attempt.malformed {
            self.schedule.note(document, Outcome::Unmapped(reason.clone()), None);
        }
        let failure = attempt.failure.as_ref().map(|failure| format!("mapping {name}: {failure}"));
        if let Some(failure) = &failure {
            let fed = member.feeds(self.target().scope());
            for spec in asked.iter().filter(|spec| fed.iter().any(|f| f.document == spec.name)) {
                if matches!(self.schedule.outcome(&spec.name), Some(Outcome::Fresh)) {
                    self.schedule.note(&spec.name, Outcome::Unmapped(failure.clone()), None);
                }
            }
        }
        match failure {
            Some(failure) => self.mapping_failures.insert(name.to_owned(), failure),
            None => self.mapping_failures.remove(name),
        };
        let sha256 = member.mapping.sha256().to_owned();
        if !attempt.misbehaved {
            self.misbehaved.remove(&sha256);
            return;
        }
        let times = self.misbehaved.entry(sha256.clone()).or_default();
        *times += 1;
        let (source, times) = (self.settings.source.clone(), *times);
        // Nobody listens any more when the exporter stops.
        self.shared.misbehaved.send(Misbehaved { source, sha256, times }).ok();
    }

    async fn publish(&self, made: Vec<Made<'_>>) {
        if made.is_empty() {
            return;
        }
        for Made { member, mapped, .. } in &made {
            self.shared.telemetry.mappings.set_samples(self.target(), member.name(), mapped);
        }
        let families = made
            .into_iter()
            .map(|made| (made.member.mapping.sha256().to_owned(), made.mapped.families));
        let families = families.collect();
        let (publisher, target) = (Arc::clone(&self.shared.publisher), self.target().clone());
        // It compresses everything there is: no work for the threads that answer scrapes.
        let published = self.blocking.spawn_blocking(move || publisher.publish(&target, families));
        if let Err(error) = published.await {
            error!(%error, "the snapshot was not made anew");
        }
    }

    pub(super) fn count_store_errors(&self, operation: &str, errors: Vec<StoreError>) {
        for error in errors {
            self.shared.count_store_error(self.target(), operation, &error);
        }
    }
}
