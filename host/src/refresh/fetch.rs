//! Fetches the documents of a target that are due.

use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;
use tokio::time::Instant;
use tracing::debug;

use super::documents::Fetched as Change;
use super::fetching::Fetching;
use super::schedule::Outcome;
use super::target::TargetTask;
use crate::github::{FetchError, Fetched};
use crate::model::{Document, DocumentSpec, FetchKind};
use crate::store::Slot;

/// The time that one document may take, with all of its pages or files and all waiting.
const DOCUMENT_TIMEOUT: Duration = Duration::from_secs(3 * 3600);
/// A list that takes longer is fetched last, after the rest has been published.
const LONG: Duration = Duration::from_secs(10);

impl TargetTask {
    /// Whether a document may take long: a list whose last fetch did, or that was not fetched yet.
    pub(super) fn takes_long(&self, spec: &DocumentSpec) -> bool {
        spec.fetch == FetchKind::Paged
            && self.schedule.took(&spec.name).is_none_or(|took| took > LONG)
    }

    /// Fetches a document if it is due.
    pub(super) async fn fetch_if_due(
        &mut self,
        spec: &DocumentSpec,
        started: Instant,
        fetching: &mut Fetching,
    ) {
        if !self.is_needed(spec) {
            // The original is available again: its fallback must not be mapped next to it.
            let original = spec.fallback_for.as_deref();
            let original = original.and_then(|name| self.schedule.outcome(name));
            if matches!(original, Some(Outcome::Fresh)) {
                self.schedule.forget(&spec.name);
                fetching.changed |= self.remove_document(&spec.name).await;
            }
            return;
        }
        let joined_day = self.joined_day(spec);
        let is_other_day =
            joined_day.is_some()
                && self.schedule.joined_day(&spec.name) != joined_day
                && self.versions.newest().get(&spec.name).is_some_and(|document| {
                    !document.parts.iter().any(|part| part.day == joined_day)
                });
        let is_due = self.schedule.is_due(&spec.name, started) || is_other_day;
        // Another replica may have become the leader meanwhile.
        if !is_due || self.wait(spec) != Some(Duration::ZERO) {
            return;
        }
        fetching.attempted.push(spec.clone());
        self.shared.metrics.set_attempted(self.target(), &spec.name);
        let began = Instant::now();
        let (outcome, changed) = self.fetch(spec, joined_day).await;
        fetching.fetched += usize::from(matches!(outcome, Outcome::Fresh));
        fetching.changed |= changed;
        self.schedule.note_fetched(&spec.name, outcome, began.elapsed(), Instant::now());
        self.schedule.set_joined_day(&spec.name, joined_day);
    }

    /// The day of the documents that this one is joined with, if it is news.
    fn joined_day(&self, spec: &DocumentSpec) -> Option<Date> {
        let fresh = spec
            .same_day_as
            .iter()
            .filter(|name| matches!(self.schedule.outcome(name), Some(Outcome::Fresh)));
        let mut days = fresh.filter_map(|name| self.versions.newest().get(name)?.report_day);
        days.next()
    }

    /// Fetches a document. Returns how that ended, and whether its content changed.
    async fn fetch(&mut self, spec: &DocumentSpec, joined_day: Option<Date>) -> (Outcome, bool) {
        let old = self.versions.newest().get(&spec.name);
        let fetch = self.client.fetch(spec, joined_day, old);
        let fetched = tokio::time::timeout(DOCUMENT_TIMEOUT, fetch).await.unwrap_or_else(|_| {
            let reason = format!("it took longer than {} hours", DOCUMENT_TIMEOUT.as_secs() / 3600);
            let (what, host) = (spec.name.clone(), None);
            Err(FetchError::Request { host, what, reason, passing: false })
        });
        let target = self.target();
        let [org, scope] = target.labels();
        match fetched {
            Ok(Fetched::Fresh(document)) => {
                debug!(org, scope, document = spec.name, parts = document.parts.len(), "fetched");
                self.take(spec, document).await
            }
            Ok(Fetched::Final) => {
                // As good as confirmed: GitHub does not change it any more.
                if let Some(old) = self.versions.newest().get(&spec.name).cloned() {
                    let confirmed_at = Timestamp::now();
                    return self.take(spec, Document { confirmed_at, ..old }).await;
                }
                (Outcome::Fresh, false)
            }
            Ok(Fetched::Absent) => (Outcome::Absent, false),
            Err(error) if error.is_expected() => (Outcome::Failed(error), false),
            Err(error) => {
                self.shared.github_metrics.count_failure(&error.status_code());
                self.shared.metrics.count_document_failure(target, &spec.name, &error.cause());
                debug!(org, scope, document = spec.name, %error, "failed to fetch");
                self.attempts.gave_up(&error);
                (Outcome::Failed(error), false)
            }
        }
    }

    /// Takes a document that GitHub sent or confirmed. Returns how that ended, and whether its content
    /// changed.
    async fn take(&mut self, spec: &DocumentSpec, document: Document) -> (Outcome, bool) {
        let changed = self.keep(spec, document).await;
        match self.rejected.get(&spec.name).filter(|_| !changed) {
            // The same malformed content again: mapping it again would not help.
            Some(reason) => (Outcome::Unmapped(reason.clone()), false),
            None => (Outcome::Fresh, changed),
        }
    }

    /// Stores a document, before anything maps it. Returns whether its content changed.
    async fn keep(&mut self, spec: &DocumentSpec, mut document: Document) -> bool {
        let (name, now) = (&spec.name, Timestamp::now());
        let previous = self.versions.newest().get(name).cloned();
        // A clock was wrong when it was stored. Now it is known when it was confirmed.
        let had_wrong_time = previous.as_ref().is_some_and(|of| of.is_of_the_future(now));
        if document.is_of_the_future(now) {
            (document.fetched_at, document.confirmed_at) = (now, now);
        }
        let change = self.versions.fetched(name, document.clone());
        let store = &self.shared.store;
        let good = self.key(name, &document, Slot::Good);
        let pending = self.key(name, &document, Slot::Pending);
        let key = match change {
            Change::ConfirmedPending => &pending,
            Change::New if self.versions.is_pending(name) => &pending,
            // A new one may be the last good version again.
            Change::ConfirmedGood | Change::New => &good,
        };
        let stored = match change == Change::New || had_wrong_time {
            true => store.put(key, &document).await.map(|_| ()),
            false => store.confirm(key, &document, document.confirmed_at).await,
        };
        self.shared.note_store_error(self.target(), "save", stored);
        // A pending version of another day is replaced by this one.
        if change == Change::New {
            self.rejected.remove(name);
        }
        if let Some(previous) = previous.filter(|_| change == Change::New) {
            let old = self.key(name, &previous, Slot::Pending);
            if old != pending || !self.versions.is_pending(name) {
                let removed = self.shared.store.remove(&old).await;
                self.shared.note_store_error(self.target(), "save", removed);
            }
        }
        change == Change::New
    }
}
