//! The refresh of one target.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, error, info, warn};

use super::Shared;
use super::schedule::{Outcome, Schedule};
use crate::cache::{Documents, Samples, StoreError, fingerprint};
use crate::github::{Client, FetchError, Fetched};
use crate::pipeline::Mapped;
use crate::plugin::documents_of;
use crate::plugin::wit::{DocumentSpec, FetchKind, Need};
use crate::publisher::Status;
use crate::settings::TargetSettings;
use crate::target::Target;

/// The time that one document may take, with all of its pages or files and all waiting.
const DOCUMENT_TIMEOUT: Duration = Duration::from_secs(3 * 3600);
/// A list that takes longer is fetched last, after the rest has been published.
const LONG: Duration = Duration::from_secs(10);

/// Refreshes a target.
pub struct Refresh {
    shared: Arc<Shared>,
    client: Client,
    settings: Arc<TargetSettings>,
    specs: Vec<DocumentSpec>,
    schedule: Schedule,
    /// Why the last mapping as a whole failed.
    mapping_failure: Option<String>,
    /// What runs on other threads, and goes on when the refresh is cancelled.
    blocking: TaskTracker,
}

impl Refresh {
    /// A refresh that has not begun.
    pub fn new(shared: &Arc<Shared>, client: Client, settings: Arc<TargetSettings>) -> Self {
        let scope = settings.target.scope().to_wit();
        let specs = documents_of(shared.mapping.manifest(), scope)
            .filter(|spec| spec.need != Need::Offline && settings.wants(&spec.name));
        Self {
            specs: specs.cloned().collect(),
            shared: Arc::clone(shared),
            client,
            settings,
            schedule: Schedule::default(),
            mapping_failure: None,
            blocking: TaskTracker::new(),
        }
    }

    /// Publishes what is in the cache, without a request to GitHub.
    pub async fn restore(&mut self) {
        let (shared, settings) = (Arc::clone(&self.shared), Arc::clone(&self.settings));
        let loaded = self.blocking.spawn_blocking(move || {
            let specs = documents_of(shared.mapping.manifest(), settings.target.scope().to_wit());
            let names = specs.map(|spec| spec.name.as_str());
            let (wanted, off): (Vec<_>, Vec<_>) = names.partition(|name| settings.wants(name));
            shared.cache.add(&settings, &wanted, &off)
        });
        self.count_store_errors("load", loaded.await.unwrap_or_default());
        let before = self.shared.cache.documents(self.target());
        if before.is_empty() {
            return;
        }
        let (now, time) = (Instant::now(), Timestamp::now());
        for (name, document) in &before {
            let age = time.duration_since(document.fetched_at).try_into().unwrap_or_default();
            self.schedule.restore(name, self.settings.ttl_of(name), age, now);
        }
        if !self.publish_stored(&before).await
            && !self.map_and_publish(&[], &mut before.clone(), &Documents::new()).await
        {
            let failure = self.mapping_failure.clone();
            let failure = failure.as_deref().unwrap_or("none of it can be mapped");
            error!(target = %self.target(), failure, "cached data is not served");
            self.schedule.retry_all(failure, Instant::now());
            let status = Status::Failed(failure.to_owned());
            self.shared.publisher.set_status(self.target(), status);
            return;
        }
        let (target, problems) = (self.target(), self.problems());
        if problems.is_empty() {
            self.shared.publisher.set_status(target, Status::Fresh);
            self.shared.telemetry.set_up(target, true);
        }
        info!(%target, documents = before.len(), "cached data is served");
    }

    /// Refreshes again and again, until cancelled.
    pub async fn run(mut self, cancel: CancellationToken) {
        cancel
            .run_until_cancelled_owned(async move {
                loop {
                    let now = Instant::now();
                    if self.specs.iter().any(|spec| self.is_due(spec, now)) {
                        self.refresh().await;
                    }
                    tokio::time::sleep_until(self.next()).await;
                }
            })
            .await;
    }

    /// What goes on for a moment when it is cancelled.
    pub fn blocking(&self) -> &TaskTracker {
        &self.blocking
    }

    /// The settings of its target.
    pub fn settings(&self) -> &Arc<TargetSettings> {
        &self.settings
    }

    fn target(&self) -> &Target {
        &self.settings.target
    }

    /// Whether a document is to be asked for. One that stands in for another is only where that
    /// is not found.
    fn is_due(&self, spec: &DocumentSpec, now: Instant) -> bool {
        self.is_asked_for(spec) && self.schedule.is_due(&spec.name, now)
    }

    fn is_asked_for(&self, spec: &DocumentSpec) -> bool {
        let original = spec.fallback_for.as_deref();
        original.is_none_or(|name| {
            self.schedule.outcome(name).is_some_and(Outcome::is_not_found)
                || !self.settings.wants(name)
        })
    }

    fn next(&self) -> Instant {
        let asked_for = self.specs.iter().filter(|spec| self.is_asked_for(spec));
        self.schedule.next(asked_for, &self.settings, Instant::now())
    }

    /// Refreshes once: what is due.
    async fn refresh(&mut self) {
        let started = Instant::now();
        let before = self.shared.cache.documents(self.target());
        let mut documents = before.clone();
        let mut asked = Vec::new();
        let mut fetched = 0;
        let (long, short): (Vec<_>, Vec<_>) =
            self.specs.clone().into_iter().partition(|spec| self.takes_long(spec));
        for spec in short {
            fetched += self.fetch_if_due(&spec, started, &mut asked, &mut documents).await;
        }
        let mut new = fetched > 0;
        let mut mapped = 0;
        // The first data is not held back by a thousand pages of seats.
        if new && long.iter().any(|spec| self.is_due(spec, started)) {
            self.map_and_publish(&asked, &mut documents, &before).await;
            (new, mapped) = (false, asked.len());
        }
        for spec in long {
            let one = self.fetch_if_due(&spec, started, &mut asked, &mut documents).await;
            fetched += one;
            new |= one > 0;
        }
        if new {
            let asked = asked.get(mapped..).unwrap_or_default();
            self.map_and_publish(asked, &mut documents, &before).await;
        }
        let now = Instant::now();
        for spec in &asked {
            let stood_in = self.stood_in(&spec.name);
            self.schedule.settle(spec, self.settings.ttl_of(&spec.name), stood_in, now);
        }
        self.report(asked.len(), fetched, started.elapsed());
    }

    /// Says how a refresh went, in one line of the log and in the metrics.
    fn report(&self, asked: usize, fetched: usize, took: Duration) {
        let (target, problems) = (self.target(), self.problems());
        self.shared.telemetry.set_refreshed(target, problems.is_empty(), took);
        let (seconds, left_out) = (took.as_secs_f64(), self.left_out().join("; "));
        if problems.is_empty() {
            self.shared.publisher.set_status(target, Status::Fresh);
            match left_out.is_empty() {
                true => info!(%target, seconds, asked, fetched, "refreshed"),
                false => info!(%target, seconds, asked, fetched, left_out, "refreshed"),
            }
        } else {
            let problems = problems.join("; ");
            warn!(%target, seconds, asked, fetched, problems, left_out, "refresh failed; the last good data stays");
            self.shared.publisher.set_status(target, Status::Failed(problems));
        }
    }

    fn takes_long(&self, spec: &DocumentSpec) -> bool {
        spec.fetch == FetchKind::Paged
            && self.schedule.took(&spec.name).is_none_or(|took| took > LONG)
    }

    /// Fetches a document if it is due. Answers how many are new: 0 or 1.
    async fn fetch_if_due(
        &mut self,
        spec: &DocumentSpec,
        started: Instant,
        asked: &mut Vec<DocumentSpec>,
        documents: &mut Documents,
    ) -> usize {
        if !self.is_asked_for(spec) {
            // What stood in for another has no say beside it.
            let original =
                spec.fallback_for.as_deref().and_then(|name| self.schedule.outcome(name));
            if matches!(original, Some(Outcome::Fresh)) {
                self.schedule.forget(&spec.name);
                return usize::from(documents.remove(&spec.name).is_some());
            }
            return 0;
        }
        // A day that is not news any more would hold this document back with it.
        let other = spec.same_day_as.as_deref();
        let other =
            other.filter(|name| matches!(self.schedule.outcome(name), Some(Outcome::Fresh)));
        let day = other.and_then(|name| documents.get(name)?.report_day);
        // Another day is another request; one that was asked for in vain is not.
        let other_day = day.is_some()
            && self.schedule.day(&spec.name) != day
            && documents.get(&spec.name).is_some_and(|document| document.report_day != day);
        if !self.schedule.is_due(&spec.name, started) && !other_day {
            return 0;
        }
        asked.push(spec.clone());
        let began = Instant::now();
        self.shared.telemetry.set_attempted(self.target(), &spec.name);
        let outcome = self.fetch(spec, day, documents).await;
        let is_fresh = matches!(outcome, Outcome::Fresh);
        self.schedule.note(&spec.name, outcome, Some(began.elapsed()));
        self.schedule.set_day(&spec.name, day);
        usize::from(is_fresh)
    }

    async fn fetch(
        &self,
        spec: &DocumentSpec,
        day: Option<Date>,
        documents: &mut Documents,
    ) -> Outcome {
        let fetch = self.client.fetch(spec, day, documents.get(&spec.name));
        let fetched = tokio::time::timeout(DOCUMENT_TIMEOUT, fetch).await.unwrap_or_else(|_| {
            let reason = format!("it took longer than {} hours", DOCUMENT_TIMEOUT.as_secs() / 3600);
            Err(FetchError::Request { what: spec.name.clone(), reason, passing: false })
        });
        let target = self.target();
        match fetched {
            Ok(Fetched::Fresh(document)) => {
                debug!(%target, document = spec.name, parts = document.parts.len(), "fetched");
                documents.insert(spec.name.clone(), document);
                Outcome::Fresh
            }
            Ok(Fetched::Kept) => {
                // As good as confirmed: GitHub does not change it any more.
                if let Some(document) = documents.get_mut(&spec.name) {
                    document.fetched_at = Timestamp::now();
                }
                Outcome::Fresh
            }
            Ok(Fetched::Absent) => Outcome::Absent,
            Err(error) => {
                self.shared.telemetry.count_failure(&error.status_code());
                self.shared.telemetry.count_document_failure(target, &spec.name, &error.cause());
                debug!(%target, document = spec.name, %error, "not fetched");
                Outcome::Failed(error)
            }
        }
    }

    /// Publishes the samples that were made of the same documents before, if they are kept.
    async fn publish_stored(&self, documents: &Documents) -> bool {
        let (shared, target) = (Arc::clone(&self.shared), self.target().clone());
        let fingerprint = fingerprint(&shared.mapping, &self.settings, documents);
        let loaded = self.blocking.spawn_blocking(move || shared.cache.load_samples(&target));
        match loaded.await {
            Ok(Ok(samples)) => {
                let mapped = samples.and_then(|samples| samples.into_mapped(&fingerprint));
                let Some(mapped) = mapped else { return false };
                self.publish(mapped).await;
                true
            }
            Ok(Err(error)) => {
                self.count_store_errors("load", vec![error]);
                false
            }
            Err(_) => false,
        }
    }

    /// Maps the documents, and publishes and keeps them if that works. `asked` are those that may
    /// be new. Answers whether there is something to serve.
    async fn map_and_publish(
        &mut self,
        asked: &[DocumentSpec],
        documents: &mut Documents,
        before: &Documents,
    ) -> bool {
        let attempt =
            self.shared.map_what_can_be(&self.settings, &self.blocking, documents, before).await;
        for (name, reason) in attempt.malformed {
            self.schedule.note(&name, Outcome::Unmapped(reason), None);
        }
        if let Some(failure) = &attempt.failure {
            // What was new is not kept: as far as anybody knows it is what the mapping fails at.
            for spec in asked {
                if matches!(self.schedule.outcome(&spec.name), Some(Outcome::Fresh)) {
                    self.schedule.note(&spec.name, Outcome::Unmapped(failure.clone()), None);
                }
            }
        }
        self.mapping_failure = attempt.failure;
        let Some(mapped) = attempt.mapped else { return false };
        // What came from the store stays there, whatever this mapping makes of it.
        if !asked.is_empty() {
            let (shared, target) = (Arc::clone(&self.shared), self.target().clone());
            let kept = documents.clone();
            let saved = self.blocking.spawn_blocking(move || shared.cache.replace(&target, &kept));
            self.count_store_errors("save", saved.await.unwrap_or_default());
        }
        let fingerprint = fingerprint(&self.shared.mapping, &self.settings, documents);
        let samples = Samples::new(fingerprint, &mapped);
        self.publish(mapped).await;
        let (shared, target) = (Arc::clone(&self.shared), self.target().clone());
        let saved =
            self.blocking.spawn_blocking(move || shared.cache.save_samples(&target, &samples));
        if let Ok(Err(error)) = saved.await {
            self.count_store_errors("save", vec![error]);
        }
        true
    }

    async fn publish(&self, mapped: Mapped) {
        self.shared.telemetry.set_samples(self.target(), mapped.series, &mapped.unmapped);
        let families = mapped.families;
        let (publisher, target) = (Arc::clone(&self.shared.publisher), self.target().clone());
        // It compresses everything there is: no work for the threads that answer scrapes.
        let published = self.blocking.spawn_blocking(move || publisher.publish(&target, families));
        if let Err(error) = published.await {
            error!(%error, "the snapshot was not made anew");
        }
    }

    fn count_store_errors(&self, operation: &str, errors: Vec<StoreError>) {
        for error in errors {
            self.shared.telemetry.count_store_failure(operation, error.cause());
            warn!(target = %self.target(), operation, %error, "the cache's folder failed; memory has what there is");
        }
    }

    /// What is wrong with the documents that the target can't do without.
    fn problems(&self) -> Vec<String> {
        let mut problems: Vec<String> = self.mapping_failure.iter().cloned().collect();
        for spec in self.specs.iter().filter(|spec| self.is_required(&spec.name)) {
            let name = &spec.name;
            let original = spec.fallback_for.as_deref();
            let stands_in = original.is_some_and(|name| self.settings.wants(name));
            let problem = match self.schedule.outcome(name) {
                Some(Outcome::Fresh) => None,
                Some(Outcome::Unmapped(reason)) => Some(reason.clone()),
                // What it stands in for is what counts.
                _ if stands_in || self.stood_in(name) => None,
                Some(Outcome::Failed(error)) => Some(format!("{name}: {error}")),
                Some(Outcome::Absent) => Some(format!("{name}: GitHub has none yet")),
                None => Some(format!("{name}: not fetched yet")),
            };
            problems.extend(problem.filter(|problem| !problems.contains(problem)));
        }
        problems
    }

    /// What is wrong with the others.
    fn left_out(&self) -> Vec<String> {
        let optional = self.specs.iter().filter(|spec| !self.is_required(&spec.name));
        // A server that has the closed API only has none of the reports: nobody misses them.
        let no_reports = self.specs.iter().any(|spec| self.stood_in(&spec.name));
        optional
            .filter_map(|spec| match self.schedule.outcome(&spec.name)? {
                Outcome::Failed(error) if no_reports && error.is_not_found() => None,
                Outcome::Failed(error) => Some(format!("{}: {error}", spec.name)),
                Outcome::Unmapped(reason) => Some(reason.clone()),
                Outcome::Fresh | Outcome::Absent => None,
            })
            .collect()
    }

    /// Whether another document is there in the place of one that is not found.
    fn stood_in(&self, name: &str) -> bool {
        let stands_in = |spec: &&DocumentSpec| spec.fallback_for.as_deref() == Some(name);
        self.schedule.outcome(name).is_some_and(Outcome::is_not_found)
            && self
                .specs
                .iter()
                .filter(stands_in)
                .any(|spec| matches!(self.schedule.outcome(&spec.name), Some(Outcome::Fresh)))
    }

    /// Whether the target is down without the document: it is required, or stands in for one that is.
    fn is_required(&self, name: &str) -> bool {
        let spec = |name: &str| self.specs.iter().find(|spec| spec.name == name);
        let need = |name: &str| spec(name).map(|spec| spec.need);
        let stands_in_for = spec(name).and_then(|spec| spec.fallback_for.as_deref());
        need(name) == Some(Need::Required)
            || stands_in_for.is_some_and(|original| match need(original) {
                // It is off: what stands in for it is all there is.
                None => true,
                Some(need) => need == Need::Required,
            })
    }
}
