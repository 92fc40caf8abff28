//! The refresh of a target: fetch its documents, map them, publish the samples.
//!
//! It runs on a timer, one task a target, and never because of a scrape. Whatever fails, the
//! documents and samples of before stay.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::civil::Date;
use tokio::sync::Semaphore;
use tokio::task::JoinError;
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, info, warn};

use crate::cache::{Cache, Documents};
use crate::exposition::encode::EncodedFamily;
use crate::github::{Client, FetchError};
use crate::pipeline::{self, MapError, Mapped};
use crate::plugin::wit::{self, DocumentSpec, Need, OptionValue, Span};
use crate::plugin::{Mapping, RunError, documents_of};
use crate::publisher::{Publisher, Status};
use crate::target::Target;
use crate::telemetry::Telemetry;

/// After a failure the next try comes after this, then twice this, and so on up to the usual time.
const FIRST_RETRY: Duration = Duration::from_secs(60);

/// The time that one document may take, with all of its pages or files.
const FETCH_TIMEOUT: Duration = Duration::from_secs(15 * 60);

/// What a refresh needs; shared by all targets.
pub struct Refresher {
    /// Gets documents.
    pub client: Client,
    /// The mapping in use.
    pub mapping: Arc<Mapping>,
    /// Its options.
    pub options: Vec<OptionValue>,
    /// Keeps documents.
    pub cache: Arc<Cache>,
    /// Serves samples.
    pub publisher: Arc<Publisher>,
    /// Counts.
    pub telemetry: Arc<Telemetry>,
    /// As many runs of mappings at once as there are permits: each takes a core and memory.
    pub runs: Arc<Semaphore>,
    /// The time from one refresh to the next.
    pub ttl: Duration,
}

/// How the fetching of a document ended.
enum Fetched {
    /// It is fresh in the cache-to-be.
    Fresh,
    /// GitHub has none yet.
    Absent,
    /// It could not be had.
    Failed(FetchError),
}

impl Refresher {
    /// Refreshes a target again and again, until cancelled.
    pub async fn run(self: Arc<Self>, target: Target, cancel: CancellationToken) {
        let mut failures = 0;
        loop {
            let refresh = self.refresh(&target);
            let succeeded = tokio::select! {
                () = cancel.cancelled() => return,
                succeeded = refresh => succeeded,
            };
            failures = if succeeded { 0 } else { failures + 1 };
            let wait = match failures {
                0 => self.ttl,
                n => (FIRST_RETRY * 2u32.saturating_pow(n - 1)).min(self.ttl),
            };
            tokio::select! {
                () = cancel.cancelled() => return,
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    /// Refreshes a target once. Answers whether its data is fresh.
    pub async fn refresh(&self, target: &Target) -> bool {
        let started = Instant::now();
        let before = self.cache.documents(target);
        let mut documents = before.clone();
        let mut problems = self.fetch_all(target, &mut documents).await;
        let mapped = self.map_what_can_be(target, &mut documents, &before, &mut problems).await;
        match mapped {
            Some(mapped) => {
                self.cache.replace(target, documents);
                self.telemetry.set_samples(target, mapped.series, &mapped.unmapped);
                self.publish(target, mapped.families).await;
            }
            None if problems.is_empty() => problems.push("GitHub has no data yet".to_owned()),
            None => {}
        }
        let up = problems.is_empty();
        let took = started.elapsed();
        self.telemetry.set_refreshed(target, up, took);
        let seconds = took.as_secs_f64();
        if up {
            self.publisher.set_status(target, Status::Fresh);
            info!(%target, seconds, "refreshed");
        } else {
            let problems = problems.join("; ");
            self.publisher.set_status(target, Status::Failed(problems.clone()));
            warn!(%target, seconds, problems, "refresh failed; the last good data stays");
        }
        up
    }

    async fn publish(&self, target: &Target, families: Vec<EncodedFamily>) {
        let (publisher, target) = (Arc::clone(&self.publisher), target.clone());
        // It compresses everything there is: no work for the threads that answer scrapes.
        let published = tokio::task::spawn_blocking(move || publisher.publish(&target, families));
        if let Err(error) = published.await {
            error!(%error, "the snapshot was not made anew");
        }
    }

    /// Fetches every document that the mapping wants, one after the other as GitHub prefers.
    /// Answers what is wrong with the required ones.
    async fn fetch_all(&self, target: &Target, documents: &mut Documents) -> Vec<String> {
        let mut outcomes: HashMap<&str, Fetched> = HashMap::new();
        let specs: Vec<&DocumentSpec> =
            documents_of(self.mapping.manifest(), target.scope().to_wit())
                .filter(|spec| spec.need != Need::Offline)
                .collect();
        for spec in &specs {
            if let Some(first) = &spec.fallback_for {
                match outcomes.get(first.as_str()) {
                    Some(Fetched::Failed(error)) if error.is_not_found() => {}
                    // What stood in for the other has no say beside it.
                    Some(Fetched::Fresh) => {
                        documents.remove(&spec.name);
                        continue;
                    }
                    _ => continue,
                }
            }
            // A day that is not news any more would hold this document back with it.
            let other = spec
                .same_day_as
                .as_deref()
                .filter(|other| matches!(outcomes.get(other), Some(Fetched::Fresh)));
            let day = other.and_then(|other| documents.get(other)?.report_day);
            let mut fetched = self.fetch(target, spec, day, documents).await;
            if day.is_some() && matches!(fetched, Fetched::Absent) {
                fetched = self.fetch(target, spec, None, documents).await;
            }
            outcomes.insert(&spec.name, fetched);
        }
        let stood_in = |name: &str| {
            let fallbacks = specs.iter().filter(|spec| spec.fallback_for.as_deref() == Some(name));
            fallbacks
                .into_iter()
                .any(|f| matches!(outcomes.get(f.name.as_str()), Some(Fetched::Fresh)))
        };
        let mut problems = Vec::new();
        for spec in specs.iter().filter(|spec| spec.need == Need::Required) {
            match outcomes.get(spec.name.as_str()) {
                Some(Fetched::Failed(_)) if stood_in(&spec.name) => {}
                Some(Fetched::Failed(error)) => problems.push(format!("{}: {error}", spec.name)),
                Some(Fetched::Absent) => {
                    problems.push(format!("{}: GitHub has none yet", spec.name))
                }
                Some(Fetched::Fresh) | None => {}
            }
        }
        problems
    }

    async fn fetch(
        &self,
        target: &Target,
        spec: &DocumentSpec,
        day: Option<Date>,
        documents: &mut Documents,
    ) -> Fetched {
        let fetch = tokio::time::timeout(FETCH_TIMEOUT, self.client.fetch(target, spec, day));
        let fetched = fetch.await.unwrap_or_else(|_| {
            let reason = format!("it took longer than {} minutes", FETCH_TIMEOUT.as_secs() / 60);
            Err(FetchError::Request { what: spec.name.clone(), reason })
        });
        match fetched {
            Ok(Some(document)) => {
                debug!(%target, document = spec.name, parts = document.parts.len(), "fetched");
                documents.insert(spec.name.clone(), document);
                Fetched::Fresh
            }
            Ok(None) => Fetched::Absent,
            Err(error) => {
                self.telemetry.count_failure(&error.cause());
                self.telemetry.count_document_failure(target, &spec.name, &error.cause());
                match spec.need {
                    Need::Required => debug!(%target, document = spec.name, %error, "not fetched"),
                    _ => {
                        info!(%target, document = spec.name, %error, "optional document not fetched")
                    }
                }
                Fetched::Failed(error)
            }
        }
    }

    /// Maps the documents. One that is malformed is replaced by what was there before, or left
    /// out, and the rest is mapped without it: it can't take the others down.
    async fn map_what_can_be(
        &self,
        target: &Target,
        documents: &mut Documents,
        before: &Documents,
        problems: &mut Vec<String>,
    ) -> Option<Mapped> {
        // Each document fails at most twice: as it came, and as it was before.
        for _ in 0..=2 * documents.len() {
            if documents.is_empty() {
                return None;
            }
            let error = match self.map(target, documents.clone()).await {
                Ok(Ok(mapped)) => return Some(mapped),
                Ok(Err(error)) => error,
                Err(error) => {
                    problems.push(format!("the run of the mapping ended: {error}"));
                    return None;
                }
            };
            self.telemetry.count_mapping_failure(target, error.cause());
            let MapError::Run(RunError::Malformed(wit::Malformed { document: name, .. })) = &error
            else {
                problems.push(error.to_string());
                return None;
            };
            // A mapping that blames a document it was not given gets no second try.
            let Some(failed) = documents.remove(name) else {
                problems.push(error.to_string());
                return None;
            };
            self.telemetry.count_document_failure(target, name, "malformed");
            if self.is_required(target, name) {
                problems.push(error.to_string());
            } else {
                warn!(%target, %error, "an optional document is left out");
            }
            let name = name.clone();
            match before.get(&name) {
                Some(old) if old.fetched_at != failed.fetched_at => {
                    documents.insert(name, old.clone());
                }
                _ => {}
            }
        }
        None
    }

    /// Whether the target is down without the document: it is required, or stands in for one that is.
    fn is_required(&self, target: &Target, name: &str) -> bool {
        let specs = || documents_of(self.mapping.manifest(), target.scope().to_wit());
        let need = |name: &str| specs().find(|spec| spec.name == name).map(|spec| spec.need);
        let original = specs().find(|spec| spec.name == name);
        let stands_in_for = original.and_then(|spec| spec.fallback_for.as_deref());
        need(name) == Some(Need::Required) || stands_in_for.and_then(need) == Some(Need::Required)
    }

    async fn map(
        &self,
        target: &Target,
        documents: Documents,
    ) -> Result<Result<Mapped, MapError>, JoinError> {
        let _permit = self.runs.acquire().await;
        let mapping = Arc::clone(&self.mapping);
        let (options, target) = (self.options.clone(), target.clone());
        let started = Instant::now();
        // Mappings compute: on tokio's own threads they would hold up scrapes.
        let mapped = tokio::task::spawn_blocking(move || {
            let specs = documents_of(mapping.manifest(), target.scope().to_wit());
            let bodies = specs
                .filter_map(|spec| Some((&spec.name, documents.get(&spec.name)?)))
                .flat_map(|(name, document)| {
                    (0..).zip(&document.parts).map(move |(part, body)| {
                        let fetched_at = document.fetched_at.as_second();
                        (wit::Document { name: name.clone(), part, fetched_at }, body.reader())
                    })
                });
            pipeline::map(&mapping, &target.to_wit(), Span::Latest, &options, bodies)
        })
        .await;
        self.telemetry.observe_mapping(started.elapsed());
        mapped
    }
}
