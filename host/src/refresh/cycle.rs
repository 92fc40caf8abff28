//! One refresh of a target.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use super::fetching::Fetching;
use super::role::Role;
use super::schedule::Outcome;
use super::target::{TargetTask, age};
use crate::model::DocumentSpec;

impl TargetTask {
    /// One refresh: fetches what is due, maps what is new, publishes it.
    pub(super) async fn cycle(&mut self) {
        let started = Instant::now();
        self.blamed_in_cycle.clear();
        self.malformed_in_cycle.clear();
        let mut is_adopted = self.adopt();
        let role = self.role();
        let due = self.specs.iter().any(|spec| self.is_due(spec, started));
        let mut fetched = Fetching::default();
        if due {
            let admission = self.admission.clone();
            admission.take(self.fetch_due(started, &mut fetched)).await;
        }
        self.fetched_alone |= role == Role::Alone && fetched.fetched > 0;
        let mut mapped = false;
        loop {
            // Mappings may have been put in use while documents were fetched, or while others ran.
            is_adopted |= self.adopt();
            mapped |= role.maps() && self.map_and_publish(&fetched.attempted).await;
            if !self.mappings.has_changed().unwrap_or_default() {
                break;
            }
        }
        if is_adopted {
            // What is stored may be for the new mappings, and was not taken.
            self.followed = None;
        }
        let now = Instant::now();
        let is_wanted = |spec: &&DocumentSpec| self.specs.iter().any(|own| own.name == spec.name);
        let attempted: Vec<_> = fetched.attempted.iter().filter(is_wanted).collect();
        for spec in attempted {
            if !self.versions.is_pending(&spec.name) {
                // One that GitHub confirmed was mapped before.
                self.schedule.note_mapped(&spec.name);
            }
            let is_replaced = self.is_replaced(&spec.name);
            let ttl = self.settings.ttl_of(&spec.name);
            self.schedule.reschedule(spec, ttl, is_replaced, now);
        }
        if role == Role::Leader {
            self.remove_unwanted().await;
            if due {
                self.fetch_revisions().await;
            }
            self.remove_old_days().await;
            if due || is_adopted {
                self.store_schedule().await;
            }
        }
        self.publish_view();
        if due || mapped {
            let took = started.elapsed();
            // The samples are there when the log says so.
            self.shared.publisher.served().await;
            self.report(&fetched, took);
        } else if is_adopted && (role.maps() || self.shared.publisher.has_data_of(self.target())) {
            // A dry run has mapped what is stored.
            self.publish_outcome();
        }
    }

    /// Fetches what is due.
    async fn fetch_due(&mut self, started: Instant, fetched: &mut Fetching) {
        self.learn_limit().await;
        // The first data is not delayed by a thousand pages of seats.
        let (long, short): (Vec<_>, Vec<_>) =
            self.specs.clone().into_iter().partition(|spec| self.takes_long(spec));
        for spec in &short {
            self.fetch_if_due(spec, started, fetched).await;
        }
        if fetched.changed && long.iter().any(|spec| self.is_due(spec, started)) {
            self.map_and_publish(&fetched.attempted).await;
        }
        for spec in &long {
            self.fetch_if_due(spec, started, fetched).await;
        }
        self.share_limit().await;
    }

    /// Whether a document is to be fetched now. A fallback only is if the original is not found.
    pub(super) fn is_due(&self, spec: &DocumentSpec, now: Instant) -> bool {
        self.is_needed(spec)
            && self.schedule.is_due(&spec.name, now)
            && self.wait(spec) == Some(Duration::ZERO)
    }

    /// How long a document that is due must still wait, because another replica should fetch it.
    pub(super) fn wait(&self, spec: &DocumentSpec) -> Option<Duration> {
        let document = self.versions.newest().get(&spec.name);
        let age = document.map(|document| age(document.confirmed_at));
        self.role().wait(self.settings.ttl_of(&spec.name), age)
    }

    pub(super) fn is_needed(&self, spec: &DocumentSpec) -> bool {
        let original = spec.fallback_for.as_deref();
        original.is_none_or(|name| {
            self.schedule.outcome(name).is_some_and(Outcome::is_not_found)
                || !self.settings.wants(name)
        })
    }

    /// Whether a fallback was fetched instead of a document that is not found.
    pub(super) fn is_replaced(&self, name: &str) -> bool {
        let is_fallback = |spec: &&DocumentSpec| spec.fallback_for.as_deref() == Some(name);
        self.schedule.outcome(name).is_some_and(Outcome::is_not_found)
            && self
                .specs
                .iter()
                .filter(is_fallback)
                .any(|spec| self.schedule.outcome(&spec.name).is_some_and(Outcome::is_fresh))
    }

    pub(super) fn next_cycle(&self) -> Instant {
        let now = Instant::now();
        if self.role() != Role::Leader {
            let needed = self.specs.iter().filter(|spec| self.is_needed(spec));
            let times = needed.filter_map(|spec| {
                let due = self.schedule.due(&spec.name).unwrap_or(now);
                now.checked_add(self.wait(spec)?).map(|time| time.max(due))
            });
            return times.min().unwrap_or(now + self.settings.ttl);
        }
        let needed = self.specs.iter().filter(|spec| self.is_needed(spec));
        let documents = needed.map(|spec| (&*spec.name, self.settings.ttl_of(&spec.name)));
        self.schedule.next(documents, self.settings.ttl, now)
    }

    /// When the next cycle is due, by the wall clock.
    pub(super) fn next_time(&self) -> Option<Timestamp> {
        let wait = self.next_cycle().saturating_duration_since(Instant::now());
        Timestamp::now().checked_add(wait).ok()
    }
}
