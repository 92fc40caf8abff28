//! Maps the documents of a target.

use std::sync::Arc;
use std::time::Instant;

use tokio::task::JoinError;
use tokio_util::task::TaskTracker;

use super::Shared;
use crate::cache::Documents;
use crate::pipeline::{self, MapError, Mapped};
use crate::plugin::wit::{self, Span};
use crate::plugin::{RunError, documents_of};
use crate::settings::TargetSettings;

/// What came of mapping documents.
#[derive(Default)]
pub(super) struct Attempt {
    /// The samples, if there are any.
    pub mapped: Option<Mapped>,
    /// The documents that had to be left out, or replaced by those of before, and why.
    pub malformed: Vec<(String, String)>,
    /// What is wrong with the mapping as a whole.
    pub failure: Option<String>,
}

impl Shared {
    /// Maps the documents. One that is malformed is replaced by what was there before, or left
    /// out, and the rest is mapped without it: it can't take the others down.
    pub(super) async fn map_what_can_be(
        &self,
        settings: &TargetSettings,
        blocking: &TaskTracker,
        documents: &mut Documents,
        before: &Documents,
    ) -> Attempt {
        let mut attempt = Attempt::default();
        // Each document fails at most twice: as it came, and as it was before.
        for _ in 0..=2 * documents.len() {
            if documents.is_empty() {
                return attempt;
            }
            let error = match self.map(settings, blocking, documents.clone()).await {
                Ok(Ok(mapped)) => {
                    attempt.mapped = Some(mapped);
                    return attempt;
                }
                Ok(Err(error)) => error,
                Err(error) => {
                    attempt.failure = Some(format!("the run of the mapping ended: {error}"));
                    return attempt;
                }
            };
            let target = &settings.target;
            self.telemetry.count_mapping_failure(target, error.cause());
            let MapError::Run(RunError::Malformed(wit::Malformed { document: name, .. })) = &error
            else {
                attempt.failure = Some(error.to_string());
                return attempt;
            };
            // A mapping that blames a document it was not given gets no second try.
            let Some(failed) = documents.remove(name) else {
                attempt.failure = Some(error.to_string());
                return attempt;
            };
            self.telemetry.count_document_failure(target, name, "malformed");
            attempt.malformed.push((name.clone(), error.to_string()));
            if let Some(old) = before.get(name).filter(|old| old.parts != failed.parts) {
                documents.insert(name.clone(), old.clone());
            }
        }
        attempt
    }

    async fn map(
        &self,
        settings: &TargetSettings,
        blocking: &TaskTracker,
        documents: Documents,
    ) -> Result<Result<Mapped, MapError>, JoinError> {
        // It is never closed. The run keeps it, even when nobody waits for the run any more.
        let permit = Arc::clone(&self.runs).acquire_owned().await;
        let mapping = Arc::clone(&self.mapping);
        let (options, target) = (settings.mapping.to_wit(), settings.target.clone());
        let started = Instant::now();
        // Mappings compute: on tokio's own threads they would hold up scrapes.
        let mapped = blocking
            .spawn_blocking(move || {
                let _permit = permit;
                let specs = documents_of(mapping.manifest(), target.scope().to_wit());
                let bodies = specs
                    .filter_map(|spec| Some((&spec.name, documents.get(&spec.name)?)))
                    .flat_map(|(name, document)| {
                        (0..).zip(&document.parts).map(move |(part, of)| {
                            let fetched_at = document.fetched_at.as_second();
                            let document = wit::Document { name: name.clone(), part, fetched_at };
                            (document, of.body.reader())
                        })
                    });
                pipeline::map(&mapping, &target.to_wit(), Span::Latest, &options, bodies)
            })
            .await;
        self.telemetry.observe_mapping(started.elapsed());
        mapped
    }
}
