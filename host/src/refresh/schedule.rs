//! When each document of a target is due. The time is handed in: nothing here reads a clock.

use std::collections::HashMap;
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;
use tokio::time::Instant;

pub(super) use super::outcome::Outcome;
use super::stored_schedule::{StoredOutcome, StoredSchedule, StoredState};
use crate::github::FetchError;
use crate::model::{DocumentSpec, Need};

/// After a failure, a document is due again after this long, then after twice as long, and so on up to
/// its TTL.
const FIRST_RETRY: Duration = Duration::from_secs(60);
/// Documents that are due within this fraction of their TTL are fetched together.
const SLACK: u32 = 20;

/// The schedule of a target.
#[derive(Default)]
pub(super) struct Schedule(HashMap<String, State>);

struct State {
    due: Instant,
    outcome: Option<Outcome>,
    /// How often in a row it could not be fetched or mapped.
    failures: u32,
    took: Option<Duration>,
    /// The day it was last joined on.
    joined_day: Option<Date>,
}

impl State {
    fn new(due: Instant) -> Self {
        Self { due, outcome: None, failures: 0, took: None, joined_day: None }
    }
}

impl Schedule {
    /// Adds a document that is stored, with its age. What is known about it stays.
    pub(super) fn adopt(&mut self, name: &str, ttl: Duration, age: Duration, now: Instant) {
        self.0.entry(name.to_owned()).or_insert_with(|| State {
            outcome: (age < ttl).then_some(Outcome::Fresh),
            ..State::new(now + ttl.saturating_sub(age))
        });
    }

    /// Replaces what is known about a document, because another replica has fetched it.
    pub(super) fn renew(&mut self, name: &str, ttl: Duration, age: Duration, now: Instant) {
        self.forget(name);
        self.adopt(name, ttl, age, now);
    }

    /// What is known, for other replicas.
    pub(super) fn to_stored(&self, now: Instant, time: Timestamp) -> StoredSchedule {
        let stored = self.0.iter().map(|(name, state)| {
            let wait = state.due.saturating_duration_since(now);
            let stored = StoredState {
                due: time.checked_add(wait).unwrap_or(Timestamp::MAX),
                outcome: state.outcome.as_ref().map(StoredOutcome::from),
                failures: state.failures,
                took: state.took,
                joined_day: state.joined_day,
            };
            (name.clone(), stored)
        });
        StoredSchedule { mappings: Vec::new(), documents: stored.collect(), revised: 0 }
    }

    /// Replaces what is known about a document by what another replica knows.
    pub(super) fn take(&mut self, name: &str, stored: StoredState, now: Instant, time: Timestamp) {
        // Zero if it is past.
        let wait = stored.due.duration_since(time).try_into().unwrap_or_default();
        let state = State {
            due: now.checked_add(wait).unwrap_or(now),
            outcome: stored.outcome.map(StoredOutcome::into_outcome),
            failures: stored.failures,
            took: stored.took,
            joined_day: stored.joined_day,
        };
        self.0.insert(name.to_owned(), state);
    }

    /// When a document is due. One that is not known is due at once.
    pub(super) fn due(&self, name: &str) -> Option<Instant> {
        Some(self.0.get(name)?.due)
    }

    /// The day that a document was last joined on.
    pub(super) fn joined_day(&self, name: &str) -> Option<Date> {
        self.0.get(name)?.joined_day
    }

    /// Sets the day that a document is joined on.
    pub(super) fn set_joined_day(&mut self, name: &str, day: Option<Date>) {
        if let Some(state) = self.0.get_mut(name) {
            state.joined_day = day;
        }
    }

    /// How the last attempt to get a document ended.
    pub(super) fn outcome(&self, name: &str) -> Option<&Outcome> {
        self.0.get(name)?.outcome.as_ref()
    }

    /// How long the last attempt took.
    pub(super) fn took(&self, name: &str) -> Option<Duration> {
        self.0.get(name)?.took
    }

    /// Whether a document is due.
    pub(super) fn is_due(&self, name: &str, now: Instant) -> bool {
        self.0.get(name).is_none_or(|state| state.due <= now)
    }

    /// When the next cycle is due for these documents, given with their TTLs: never before a document is due,
    /// and a little later if others are due then.
    pub(super) fn next<'a>(
        &self,
        documents: impl Iterator<Item = (&'a str, Duration)>,
        idle: Duration,
        now: Instant,
    ) -> Instant {
        let due: Vec<(Instant, Duration)> = documents
            .map(|(name, ttl)| (self.0.get(name).map_or(now, |state| state.due), ttl / SLACK))
            .collect();
        let Some((first, slack)) = due.iter().min().copied() else { return now + idle };
        let together = due.iter().map(|(due, _)| *due).filter(|due| *due <= first + slack);
        together.max().unwrap_or(first)
    }

    /// Notes how fetching a document ended. A document that was fetched may still turn out to be
    /// malformed, so the failures before it are not forgotten until [`Schedule::note_mapped`].
    pub(super) fn note_fetched(
        &mut self,
        name: &str,
        outcome: Outcome,
        took: Duration,
        now: Instant,
    ) {
        let state = self.0.entry(name.to_owned()).or_insert_with(|| State::new(now));
        match outcome {
            Outcome::Fresh => {}
            Outcome::Absent => state.failures = 0,
            Outcome::Failed(_) | Outcome::Unmapped(_) => state.failures += 1,
        }
        state.outcome = Some(outcome);
        state.took = Some(took);
    }

    /// A document that was fetched was mapped.
    pub(super) fn note_mapped(&mut self, name: &str) {
        if let Some(state) = self.0.get_mut(name)
            && matches!(state.outcome, Some(Outcome::Fresh))
        {
            state.failures = 0;
        }
    }

    /// A document that was fetched can't be mapped. It counts once, however many mappings reject it.
    pub(super) fn note_unmapped(&mut self, name: &str, reason: &str) {
        if let Some(state) = self.0.get_mut(name) {
            if !matches!(state.outcome, Some(Outcome::Unmapped(_))) {
                state.failures += 1;
            }
            state.outcome = Some(Outcome::Unmapped(reason.to_owned()));
        }
    }

    /// A document that could not be mapped can be mapped now, by another mapping.
    pub(super) fn note_usable(&mut self, name: &str) {
        if let Some(state) = self.0.get_mut(name)
            && matches!(state.outcome, Some(Outcome::Unmapped(_)))
        {
            state.outcome = Some(Outcome::Fresh);
            state.failures = 0;
        }
    }

    /// Forgets a document that is not wanted any more.
    pub(super) fn forget(&mut self, name: &str) {
        self.0.remove(name);
    }

    /// Forgets a document that was fetched and is lost, but not why one could not be fetched.
    pub(super) fn forget_fetched(&mut self, name: &str) {
        if self.outcome(name).is_some_and(Outcome::is_fresh) {
            self.forget(name);
        }
    }

    /// Sets when a document that was fetched in this cycle is due again. `is_replaced`: a fallback
    /// was fetched instead.
    pub(super) fn reschedule(
        &mut self,
        spec: &DocumentSpec,
        ttl: Duration,
        is_replaced: bool,
        now: Instant,
    ) {
        let Some(state) = self.0.get_mut(&spec.name) else { return };
        let exponent = state.failures.saturating_sub(1).min(16);
        let backoff = (FIRST_RETRY * 2u32.saturating_pow(exponent)).min(ttl);
        let again = match &state.outcome {
            None | Some(Outcome::Fresh | Outcome::Absent) => ttl,
            Some(Outcome::Unmapped(_)) => backoff,
            // As soon as the rate limit allows, even if that is later than usual.
            Some(Outcome::Failed(FetchError::RateLimited { wait, .. })) => backoff.max(*wait),
            // There is no hurry for what is optional and forbidden.
            Some(Outcome::Failed(error)) => {
                match !is_replaced && (spec.need == Need::Required || !error.is_settled()) {
                    true => backoff,
                    false => ttl,
                }
            }
        };
        state.due = now + again;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{FetchKind, Scope};

    const TTL: Duration = Duration::from_secs(3600);

    fn spec(name: &str, need: Need) -> DocumentSpec {
        DocumentSpec {
            name: name.to_owned(),
            scope: Scope::Organization,
            path: format!("/orgs/{{org}}/{name}"),
            fetch: FetchKind::Plain,
            need,
            fallback_for: None,
            same_day_as: vec![],
            only_with: vec![],
            permission: None,
        }
    }

    /// One cycle over a document: fetched, and mapped or not. Returns how long until it is due again.
    fn cycle(schedule: &mut Schedule, now: Instant, outcome: Outcome, mapped: bool) -> Duration {
        let seats = spec("seats", Need::Required);
        let is_fresh = matches!(outcome, Outcome::Fresh);
        schedule.note_fetched("seats", outcome, Duration::ZERO, now);
        match (is_fresh, mapped) {
            (true, true) => schedule.note_mapped("seats"),
            (true, false) => schedule.note_unmapped("seats", "malformed"),
            (false, _) => {}
        }
        schedule.reschedule(&seats, TTL, false, now);
        let next = schedule.next([("seats", TTL)].into_iter(), TTL, now);
        assert!(!schedule.is_due("seats", next - Duration::from_millis(1)));
        assert!(schedule.is_due("seats", next));
        next - now
    }

    fn minutes(minutes: u64) -> Duration {
        Duration::from_secs(60 * minutes)
    }

    #[test]
    fn a_document_that_cannot_be_mapped_is_fetched_again_after_1_2_4_minutes_up_to_its_ttl() {
        let (mut schedule, now) = (Schedule::default(), Instant::now());
        let delays = (0..8).map(|_| cycle(&mut schedule, now, Outcome::Fresh, false));
        let delays: Vec<_> = delays.collect();
        assert_eq!(delays, [1, 2, 4, 8, 16, 32, 60, 60].map(minutes));
        // Once it can be mapped, it starts over.
        assert_eq!(cycle(&mut schedule, now, Outcome::Fresh, true), TTL);
        assert_eq!(cycle(&mut schedule, now, Outcome::Fresh, false), minutes(1));
    }

    #[test]
    fn a_failed_request_backs_off_and_starts_over_after_a_success() {
        let (mut schedule, now) = (Schedule::default(), Instant::now());
        let failed = || {
            let (what, reason) = ("seats".to_owned(), "no connection".to_owned());
            Outcome::Failed(FetchError::Request { host: None, what, reason, passing: true })
        };
        assert_eq!(cycle(&mut schedule, now, failed(), false), minutes(1));
        assert_eq!(cycle(&mut schedule, now, failed(), false), minutes(2));
        assert_eq!(cycle(&mut schedule, now, Outcome::Fresh, true), TTL);
        assert_eq!(cycle(&mut schedule, now, failed(), false), minutes(1));
    }

    #[test]
    fn a_rate_limit_is_waited_for_even_beyond_the_ttl() {
        let (mut schedule, now) = (Schedule::default(), Instant::now());
        let limited = |wait| {
            let what = "seats".to_owned();
            Outcome::Failed(FetchError::RateLimited { what, wait })
        };
        assert_eq!(cycle(&mut schedule, now, limited(minutes(90)), false), minutes(90));
        assert_eq!(cycle(&mut schedule, now, limited(minutes(1)), false), minutes(2));
    }

    #[test]
    fn a_stored_document_is_due_when_its_ttl_is_over() {
        let (mut schedule, now) = (Schedule::default(), Instant::now());
        schedule.adopt("new", TTL, minutes(20), now);
        schedule.adopt("old", TTL, minutes(90), now);
        assert!(!schedule.is_due("new", now + minutes(39)));
        assert!(schedule.is_due("new", now + minutes(40)));
        assert!(schedule.is_due("old", now));
        assert!(schedule.is_due("unknown", now));
        assert!(schedule.outcome("old").is_none());
    }

    #[test]
    fn documents_that_are_due_at_nearly_the_same_time_are_fetched_together() {
        let (mut schedule, now) = (Schedule::default(), Instant::now());
        schedule.adopt("first", TTL, minutes(59), now);
        schedule.adopt("second", TTL, minutes(57), now);
        schedule.adopt("third", TTL, minutes(30), now);
        let next = |names: &[&'static str]| {
            let documents = names.iter().map(|name| (*name, TTL));
            schedule.next(documents, TTL, now) - now
        };
        assert_eq!(next(&["first", "second", "third"]), minutes(3));
        assert_eq!(next(&["first", "third"]), minutes(1));
        assert_eq!(next(&[]), TTL);
    }
}
