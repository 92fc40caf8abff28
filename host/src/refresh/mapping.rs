//! Maps the documents of a target.

use std::io::Read;
use std::sync::Arc;
use std::time::Instant;

use tokio::task::JoinError;
use tokio_util::task::TaskTracker;

use super::Shared;
use crate::cache::Documents;
use crate::github::Body;
use crate::mappings::Member;
use crate::pipeline::{self, MapError, Mapped};
use crate::plugin::wit::{self, OptionValue, Span};
use crate::plugin::{Mapping, RunError};
use crate::settings::TargetSettings;

/// How often a mapping runs over ever fewer documents: one that finds fault with all of them, one
/// at a time, must not take an hour.
pub(crate) const MAX_RUNS: usize = 6;

/// What came of a mapping and documents.
#[derive(Default)]
pub(crate) struct Attempt {
    /// The samples, if there are any, and of what they were made.
    pub mapped: Option<(Mapped, Documents)>,
    /// The documents that had to be left out, or replaced by those of before, and why.
    pub malformed: Vec<(String, String)>,
    /// What is wrong with the mapping as a whole.
    pub failure: Option<String>,
    /// Whether it is the mapping that is to blame: it trapped, or made what can't be served.
    pub misbehaved: bool,
}

/// A mapping, and what it runs over for a target.
pub(crate) struct Feeding {
    /// The mapping.
    pub mapping: Arc<Mapping>,
    /// The target.
    pub target: wit::Target,
    /// Those of the target's options that are its own.
    pub options: Vec<OptionValue>,
    bodies: Vec<(wit::Document, Body)>,
}

impl Feeding {
    /// The bodies, in the order in which the mapping wants them.
    pub fn readers(&self) -> impl Iterator<Item = (wit::Document, impl Read + use<>)> {
        self.bodies.iter().map(|(document, body)| (document.clone(), body.reader()))
    }
}

impl Shared {
    /// Maps the documents. One that is malformed is replaced by what was good before, or left
    /// out, and the rest is mapped without it: it can't take the others down.
    pub(crate) async fn map_what_can_be(
        &self,
        settings: &TargetSettings,
        blocking: &TaskTracker,
        member: &Member,
        documents: &Documents,
        good: &Documents,
    ) -> Attempt {
        let scope = settings.target.scope();
        let mut own = member.own(scope, documents);
        let mut attempt = Attempt::default();
        // Each document fails at most twice: as it came, and as it was before.
        for _ in 0..MAX_RUNS.min(2 * own.len() + 1) {
            if own.is_empty() {
                return attempt;
            }
            let error = match self.map(settings, blocking, member, &own).await {
                Ok(Ok(mapped)) => {
                    attempt.mapped = Some((mapped, own));
                    return attempt;
                }
                Ok(Err(error)) => error,
                Err(error) => {
                    attempt.failure = Some(format!("the run of the mapping ended: {error}"));
                    return attempt;
                }
            };
            let target = &settings.target;
            self.telemetry.mappings.count_failure(target, member.name(), error.cause());
            attempt.misbehaved =
                matches!(error, MapError::Run(RunError::Trapped { .. }) | MapError::Samples(_));
            let MapError::Run(RunError::Malformed(wit::Malformed { document, .. })) = &error else {
                attempt.failure = Some(error.to_string());
                return attempt;
            };
            // A mapping that blames a document it was not given gets no second try.
            let Some((feed, failed)) = member.take(scope, &mut own, document) else {
                attempt.failure = Some(error.to_string());
                return attempt;
            };
            let name = &feed.document;
            self.telemetry.count_document_failure(target, name, "malformed");
            attempt.malformed.push((name.clone(), error.to_string()));
            let old = good.get(name).filter(|old| old.source == feed.source);
            if let Some(old) = old.filter(|old| old.parts != failed.parts) {
                own.insert(name.clone(), old.clone());
            }
        }
        if !own.is_empty() {
            attempt.failure = Some(format!("it found {MAX_RUNS} documents malformed"));
            attempt.misbehaved = true;
        }
        attempt
    }

    /// Maps those of the documents that the mapping is fed, once.
    pub(crate) async fn map(
        &self,
        settings: &TargetSettings,
        blocking: &TaskTracker,
        member: &Member,
        documents: &Documents,
    ) -> Result<Result<Mapped, MapError>, JoinError> {
        let timed = |feeding: Feeding| {
            let (started, Feeding { mapping, target, options, .. }) = (Instant::now(), &feeding);
            let bodies = feeding.readers();
            let mapped = pipeline::map(mapping, target, Span::Latest, options, bodies);
            (mapped, started.elapsed())
        };
        let (mapped, took) = self.run(settings, blocking, member, documents, timed).await?;
        self.telemetry.mappings.observe_run(member.name(), took);
        Ok(mapped)
    }

    /// Has a mapping run: hands over what it is to run over, on a thread for that.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        settings: &TargetSettings,
        blocking: &TaskTracker,
        member: &Member,
        documents: &Documents,
        run: impl FnOnce(Feeding) -> T + Send + 'static,
    ) -> Result<T, JoinError> {
        // It is never closed. The run keeps it, even when nobody waits for the run any more.
        let permit = Arc::clone(&self.runs).acquire_owned().await;
        let fed = member.fed(settings.target.scope(), documents);
        let bodies = fed.flat_map(|(feed, document)| {
            (0..).zip(&document.parts).map(|(part, of)| {
                let (name, fetched_at) = (feed.name.clone(), document.fetched_at.as_second());
                (wit::Document { name, part, fetched_at }, of.body.clone())
            })
        });
        let feeding = Feeding {
            mapping: Arc::clone(&member.mapping),
            target: settings.target.to_wit(),
            options: member.options(settings),
            bodies: bodies.collect(),
        };
        // Mappings compute: on tokio's own threads they would hold up scrapes.
        blocking
            .spawn_blocking(move || {
                let _permit = permit;
                run(feeding)
            })
            .await
    }
}
