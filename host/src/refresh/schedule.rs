//! When each document of a target is to be fetched, and how it went last.

use std::collections::HashMap;
use std::time::Duration;

use jiff::civil::Date;
use tokio::time::Instant;

use crate::github::FetchError;
use crate::model::{DocumentSpec, Need};
use crate::config::TargetSettings;

/// After a failure the next try comes after this, then twice this, and so on up to the usual time.
const FIRST_RETRY: Duration = Duration::from_secs(60);
/// Documents that are due within as large a part of their usual time are fetched together.
const TOGETHER: u32 = 20;

/// How asking for a document ended.
#[derive(Clone, Debug)]
pub(super) enum Outcome {
    /// There is a new one, or the old one is confirmed.
    Fresh,
    /// GitHub has none yet.
    Absent,
    /// It could not be had.
    Failed(FetchError),
    /// It came, and can't be mapped.
    Unmapped(String),
}

impl Outcome {
    /// Whether GitHub says that there is no such document.
    pub(super) fn is_not_found(&self) -> bool {
        matches!(self, Self::Failed(error) if error.is_not_found())
    }
}

/// The schedule of a target.
#[derive(Default)]
pub(super) struct Schedule(HashMap<String, State>);

struct State {
    due: Instant,
    outcome: Option<Outcome>,
    failures: u32,
    took: Option<Duration>,
    /// The day that it was asked for, where another document set it.
    day: Option<Date>,
}

impl Schedule {
    /// Sets a document that is there already, and how old it is. What is known of it stays known;
    /// but what another mapping could not use is asked for again.
    pub(super) fn adopt(&mut self, name: &str, ttl: Duration, age: Duration, now: Instant) {
        match self.0.get_mut(name) {
            Some(state) if matches!(state.outcome, Some(Outcome::Unmapped(_))) => {
                state.due = now;
                return;
            }
            Some(_) => return,
            None => {}
        }
        let due = now + ttl.saturating_sub(age);
        let outcome = (age < ttl).then_some(Outcome::Fresh);
        self.0.insert(name.to_owned(), State { due, outcome, failures: 0, took: None, day: None });
    }

    /// For which day another document had it asked for last.
    pub(super) fn day(&self, name: &str) -> Option<Date> {
        self.0.get(name)?.day
    }

    /// Notes for which day it is asked for.
    pub(super) fn set_day(&mut self, name: &str, day: Option<Date>) {
        if let Some(state) = self.0.get_mut(name) {
            state.day = day;
        }
    }

    /// How asking for it ended last, if it was asked for.
    pub(super) fn outcome(&self, name: &str) -> Option<&Outcome> {
        self.0.get(name)?.outcome.as_ref()
    }

    /// How long it took last.
    pub(super) fn took(&self, name: &str) -> Option<Duration> {
        self.0.get(name)?.took
    }

    /// Whether it is time for a document.
    pub(super) fn is_due(&self, name: &str, now: Instant) -> bool {
        self.0.get(name).is_none_or(|state| state.due <= now)
    }

    /// When the next refresh is due for any of these: not before each document's own time, and a
    /// little later where that is the time of others too.
    pub(super) fn next<'a>(
        &self,
        specs: impl Iterator<Item = &'a DocumentSpec>,
        settings: &TargetSettings,
        now: Instant,
    ) -> Instant {
        let dues: Vec<(Instant, Duration)> = specs
            .map(|spec| {
                let due = self.0.get(&spec.name).map_or(now, |state| state.due);
                (due, settings.ttl_of(&spec.name) / TOGETHER)
            })
            .collect();
        let Some((first, slack)) = dues.iter().min().copied() else {
            return now + settings.ttl;
        };
        let together = dues.iter().map(|(due, _)| *due).filter(|due| *due <= first + slack);
        together.max().unwrap_or(first)
    }

    /// Notes how asking for a document ended. It is due again only after [`Schedule::settle`].
    pub(super) fn note(&mut self, name: &str, outcome: Outcome, took: Option<Duration>) {
        let now = Instant::now();
        let state = self.0.entry(name.to_owned()).or_insert(State {
            due: now,
            outcome: None,
            failures: 0,
            took: None,
            day: None,
        });
        state.failures = match outcome {
            Outcome::Fresh | Outcome::Absent => 0,
            Outcome::Failed(_) | Outcome::Unmapped(_) => state.failures + 1,
        };
        state.outcome = Some(outcome);
        state.took = took.or(state.took);
    }

    /// Has documents asked for again as after a failure: what there is of them can't be mapped.
    pub(super) fn retry_all(&mut self, reason: &str, now: Instant) {
        for state in self.0.values_mut() {
            state.due = state.due.min(now + FIRST_RETRY);
            state.outcome = Some(Outcome::Unmapped(reason.to_owned()));
        }
    }

    /// Forgets a document that is not wanted any more.
    pub(super) fn forget(&mut self, name: &str) {
        self.0.remove(name);
    }

    /// Sets when a document that was asked for is due again. `stood_in`: another one is there for it.
    pub(super) fn settle(
        &mut self,
        spec: &DocumentSpec,
        ttl: Duration,
        stood_in: bool,
        now: Instant,
    ) {
        let Some(state) = self.0.get_mut(&spec.name) else { return };
        let backoff = FIRST_RETRY * 2u32.saturating_pow(state.failures.saturating_sub(1).min(16));
        let again = match &state.outcome {
            None | Some(Outcome::Fresh | Outcome::Absent) => ttl,
            Some(Outcome::Unmapped(_)) => backoff.min(ttl),
            // It is asked for again when it can be, even if that is later than usual.
            Some(Outcome::Failed(FetchError::RateLimited { wait, .. })) => {
                backoff.min(ttl).max(*wait)
            }
            // Nobody waits for what is optional and forbidden.
            Some(Outcome::Failed(error)) => {
                match !stood_in && (spec.need == Need::Required || !error.is_settled()) {
                    true => backoff.min(ttl),
                    false => ttl,
                }
            }
        };
        state.due = now + again;
    }
}
