//! The refresh of one target.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, error, info};

use super::Shared;
use super::schedule::{Outcome, Schedule};
use crate::model::Documents;
use crate::github::{Client, Document, FetchError, Fetched};
use crate::mappings::MappingSet;
use crate::model::{DocumentSpec, FetchKind};
use crate::output::publisher::{self, Status};
use crate::config::TargetSettings;
use crate::model::Target;

/// The time that one document may take, with all of its pages or files and all waiting.
const DOCUMENT_TIMEOUT: Duration = Duration::from_secs(3 * 3600);
/// A list that takes longer is fetched last, after the rest has been published.
const LONG: Duration = Duration::from_secs(10);

/// Refreshes a target.
pub struct Refresh {
    pub(super) shared: Arc<Shared>,
    client: Client,
    pub(super) settings: Arc<TargetSettings>,
    mappings: watch::Receiver<Arc<MappingSet>>,
    /// The mappings that the rest is about.
    pub(super) set: Arc<MappingSet>,
    pub(super) specs: Vec<DocumentSpec>,
    pub(super) schedule: Schedule,
    /// Of what each mapping made its last samples.
    pub(super) good: HashMap<String, Documents>,
    /// Why the last run of a mapping as a whole failed.
    pub(super) mapping_failures: BTreeMap<String, String>,
    /// How often in a row a mapping did what it may not, by its SHA-256.
    pub(super) misbehaved: HashMap<String, u32>,
    /// What runs on other threads, and goes on when the refresh is cancelled.
    pub(super) blocking: TaskTracker,
}

impl Refresh {
    /// A refresh that has not begun, with the mappings as they are and as they become.
    pub fn new(
        shared: &Arc<Shared>,
        client: Client,
        settings: Arc<TargetSettings>,
        mappings: watch::Receiver<Arc<MappingSet>>,
    ) -> Self {
        let mut refresh = Self {
            shared: Arc::clone(shared),
            client,
            settings,
            mappings,
            set: Arc::default(),
            specs: Vec::new(),
            schedule: Schedule::default(),
            good: HashMap::new(),
            mapping_failures: BTreeMap::new(),
            misbehaved: HashMap::new(),
            blocking: TaskTracker::new(),
        };
        refresh.adopt();
        refresh
    }

    /// Turns to the mappings that are in use now, if they are others. What they want and is not
    /// there is due.
    pub(super) fn adopt(&mut self) {
        let set = self.mappings.borrow_and_update().clone();
        if Arc::ptr_eq(&set, &self.set) {
            return;
        }
        let wanted = set.documents(self.target().scope()).iter();
        let specs: Vec<_> =
            wanted.filter(|spec| self.settings.wants(&spec.name)).cloned().collect();
        // Another document under the same name is another document.
        let same = |one: &DocumentSpec, other: &DocumentSpec| {
            one.name == other.name && Document::source_of(one) == Document::source_of(other)
        };
        for gone in self.specs.iter().filter(|old| !specs.iter().any(|new| same(old, new))) {
            self.schedule.forget(&gone.name);
            if !specs.iter().any(|new| new.name == gone.name) {
                self.shared.telemetry.forget_document(self.target(), &gone.name);
            }
        }
        (self.set, self.specs) = (set, specs);
        let names = self.specs.iter().map(|spec| spec.name.clone());
        self.shared.cache.want(self.target(), names);
        let cached = self.shared.cache.documents(self.target());
        for spec in &self.specs {
            match cached.get(&spec.name).filter(|document| document.is_of(spec)) {
                Some(document) => {
                    let (name, ttl) = (&spec.name, self.settings.ttl_of(&spec.name));
                    self.schedule.adopt(name, ttl, age_of(document.fetched_at), Instant::now());
                }
                // Another document of the same name may be there.
                None if cached.contains_key(&spec.name) => self.schedule.forget(&spec.name),
                None => {}
            }
        }
        let has = |name: &str| self.set.members().iter().any(|member| member.name() == name);
        self.good.retain(|name, _| has(name));
        self.mapping_failures.retain(|name, _| has(name));
        let runs = |sha256: &str| self.set.members().iter().any(|of| of.mapping.sha256() == sha256);
        self.misbehaved.retain(|sha256, _| runs(sha256));
        let names: Vec<&str> = self.set.members().iter().map(|member| member.name()).collect();
        self.shared.telemetry.mappings.keep_only(self.target(), &names);
    }

    /// Publishes what is in the cache, without a request to GitHub. `done`: the mappings that have
    /// been tried over it, whose samples are out.
    pub async fn restore(&mut self, done: HashSet<String>) {
        let before = self.shared.cache.documents(self.target());
        if before.is_empty() {
            return;
        }
        let stored = self.publish_stored(&before, &done).await;
        let done: HashSet<String> = done.into_iter().chain(stored).collect();
        let all = self.set.members().iter().all(|of| done.contains(of.mapping.sha256()));
        let mapped =
            !all && self.map_and_publish(&[], &mut before.clone(), &Documents::new(), &done).await;
        if !mapped && done.is_empty() {
            let failures: Vec<_> = self.mapping_failures.values().cloned().collect();
            let failures = match failures.is_empty() {
                true => vec!["none of the cached documents can be mapped".to_owned()],
                false => failures,
            };
            let failure = failures.join("; ");
            error!(target = %self.target(), failure, "cached data is not served");
            self.schedule.retry_all(&failure, Instant::now());
            let outcome = publisher::Outcome {
                status: Status::Failed(failures),
                next: self.next_time(),
                ..Default::default()
            };
            self.shared.publisher.set_outcome(self.target(), outcome);
            return;
        }
        let (target, problems) = (self.target(), self.problems());
        if problems.is_empty() {
            let succeeded_at = before.values().map(|document| document.fetched_at).max();
            let outcome = publisher::Outcome {
                status: Status::Fresh,
                succeeded_at,
                next: self.next_time(),
                ..Default::default()
            };
            self.shared.publisher.set_outcome(target, outcome);
            self.shared.telemetry.set_up(target, true);
        }
        info!(%target, documents = before.len(), "cached data is served");
    }

    /// Refreshes again and again, until cancelled.
    pub async fn run(mut self, cancel: CancellationToken) {
        cancel
            .run_until_cancelled_owned(async move {
                loop {
                    self.adopt();
                    let now = Instant::now();
                    if self.specs.iter().any(|spec| self.is_due(spec, now)) {
                        self.refresh().await;
                    }
                    let next = self.next();
                    tokio::select! {
                        () = tokio::time::sleep_until(next) => {}
                        // What the new ones lack is fetched at once.
                        changed = self.mappings.changed() => {
                            if changed.is_err() {
                                // Nobody can change them any more.
                                tokio::time::sleep_until(next).await;
                            }
                        }
                    }
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

    pub(super) fn target(&self) -> &Target {
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

    /// When the next refresh is due, by the clock on the wall.
    pub(super) fn next_time(&self) -> Option<Timestamp> {
        Timestamp::now().checked_add(self.next() - Instant::now()).ok()
    }

    /// Refreshes once: what is due.
    async fn refresh(&mut self) {
        let started = Instant::now();
        let before = self.shared.cache.documents(self.target());
        let mut documents = before.clone();
        self.drop_old(&mut documents);
        let none = HashSet::new();
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
            self.map_and_publish(&asked, &mut documents, &before, &none).await;
            (new, mapped) = (false, asked.len());
        }
        for spec in long {
            let one = self.fetch_if_due(&spec, started, &mut asked, &mut documents).await;
            fetched += one;
            new |= one > 0;
        }
        if new {
            let asked = asked.get(mapped..).unwrap_or_default();
            self.map_and_publish(asked, &mut documents, &before, &none).await;
        }
        let now = Instant::now();
        for spec in &asked {
            let stood_in = self.stood_in(&spec.name);
            self.schedule.settle(spec, self.settings.ttl_of(&spec.name), stood_in, now);
        }
        self.report(asked.len(), fetched, started.elapsed());
    }

    /// What no mapping wants any more is kept for as long as it would do for one that comes back.
    fn drop_old(&self, documents: &mut Documents) {
        documents.retain(|name, document| {
            self.specs.iter().any(|spec| spec.name == *name)
                || age_of(document.fetched_at) < self.settings.ttl_of(name)
        });
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
}

/// How old a document is.
fn age_of(fetched_at: Timestamp) -> Duration {
    Timestamp::now().duration_since(fetched_at).try_into().unwrap_or_default()
}
