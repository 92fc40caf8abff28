//! Pushes what is due, target by target, oldest day first.

use std::sync::Arc;
use std::time::Duration;

use jiff::civil::Date;
use tokio::time::Instant;
use tracing::{debug, info, warn};

use super::days::TargetDays;
use super::due::{Known, Version, is_due, is_revision, may_be_stored};
use super::failure::{Concern, concern};
use super::problems::Problems;
use super::state::{EndpointState, TargetState, is_pushed};
use crate::history::Days;
use crate::model::{Samples, Target};
use crate::refresh::TargetView;
use crate::remote_write::{Deadline, EncodeError, Request, encode, hint};

/// How long a day is tried in a round.
const DAY_TIMEOUT: Duration = Duration::from_secs(60);

/// How a round ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// All days are pushed, or refused.
    Complete,
    /// The endpoint does not respond.
    Outage,
    /// The endpoint refuses everything.
    Settings,
}

/// A day in the form in which it is sent.
struct Encoded {
    samples: Vec<Samples>,
    requests: Result<Vec<Request>, EncodeError>,
}

impl EndpointState {
    /// Pushes what is due. The first failure that concerns the endpoint ends the round.
    pub(super) async fn round(&mut self) -> End {
        let mut views = self.environment.targets.all();
        views.sort_by(|one, other| one.target.labels().cmp(&other.target.labels()));
        views.retain(|view| is_pushed(view));
        self.keep_targets();
        loop {
            let mut is_repeated = false;
            for view in &views {
                if !self.begin(view) {
                    continue;
                }
                while self.unverified.is_full() {
                    if let Some(next) = self.unverified.next() {
                        tokio::time::sleep_until(next).await;
                    }
                    is_repeated |= self.verify_due().await;
                }
                let end = self.push_target(view).await;
                if end != End::Complete {
                    return end;
                }
                if let Some(state) = self.targets.get_mut(&view.target) {
                    state.is_settled = true;
                }
            }
            // A target before may have days that were not stored.
            if !is_repeated {
                break;
            }
        }
        self.note_success();
        End::Complete
    }

    /// Notes that a target is tried. Returns whether it has to be.
    fn begin(&mut self, view: &TargetView) -> bool {
        let input = view.daily_input();
        let state = self.targets.entry(view.target.clone()).or_default();
        if state.tried.as_ref().is_some_and(|tried| tried.prefix != input.prefix) {
            // All of its series are new.
            *state = TargetState::default();
        }
        if state.is_settled && state.tried.as_ref() == Some(&input) {
            return false;
        }
        (state.tried, state.is_settled) = (Some(input), false);
        true
    }

    /// Pushes the days of a target that are due.
    async fn push_target(&mut self, view: &TargetView) -> End {
        let target = &view.target;
        let [org, scope] = target.labels();
        let kept = Days::list(&*self.environment.store, target).await;
        let kept = kept.inspect_err(|error| debug!(org, scope, %error, "the store failed"));
        let parts = (&*self.environment.runner, &*self.environment.store);
        let mapped = view.map_days(parts, &kept.unwrap_or_default(), &self.runs).await;
        let days = match mapped {
            Ok(samples) => Arc::new(TargetDays::new(samples)),
            Err(failure) => {
                let endpoint = self.endpoint.name();
                warn!(endpoint, org, scope, %failure, "no new daily samples to push");
                return End::Complete;
            }
        };
        self.learn(view, &days).await;
        let mut problems = Problems::default();
        let end = self.push_days(target, &days, &mut problems).await;
        let message =
            "the endpoint refused these days; they are not pushed again until they are revised";
        problems.log(self.endpoint.name(), message);
        if let Some(state) = self.targets.get_mut(target).filter(|_| end == End::Complete) {
            state.is_known = true;
        }
        self.show_newest_day(target);
        end
    }

    /// Pushes the days that are due, oldest first.
    async fn push_days(
        &mut self,
        target: &Target,
        days: &Arc<TargetDays>,
        problems: &mut Problems,
    ) -> End {
        let Some(state) = self.targets.get_mut(target) else { return End::Complete };
        if let Some((first, _)) = days.versions().next() {
            state.days.retain(|day, _| *day >= first);
        }
        let due: Vec<(Date, Version)> = days
            .versions()
            .filter(|(day, version)| is_due(*version, state.days.get(day)))
            .collect();
        let (endpoint, [org, scope]) = (self.endpoint.name(), target.labels());
        debug!(endpoint, org, scope, due = due.len(), "days that are due");
        let (mut pushed, mut samples) = (0, 0);
        let mut end = End::Complete;
        for (day, version) in due {
            let known = self.targets.get(target).and_then(|state| state.days.get(&day));
            if may_be_stored(version, known) && self.has_day(days, day).await {
                if let Some(state) = self.targets.get_mut(target) {
                    state.days.insert(day, Known::accepted(version, None));
                }
                continue;
            }
            self.set_pending(true);
            match self.push_day(target, days, (day, version), problems).await {
                Ok(count) => (pushed, samples) = (pushed + u32::from(count > 0), samples + count),
                Err(failed) => {
                    end = failed;
                    break;
                }
            }
        }
        // What the log says is in the metrics.
        self.show_newest_day(target);
        if pushed > 0 {
            let endpoint = self.endpoint.name();
            info!(endpoint, org, scope, days = pushed, samples, "daily samples pushed");
        }
        end
    }

    /// Pushes a day. Returns how many samples the endpoint has accepted.
    async fn push_day(
        &mut self,
        target: &Target,
        days: &Arc<TargetDays>,
        (day, version): (Date, Version),
        problems: &mut Problems,
    ) -> Result<usize, End> {
        let Encoded { samples, requests } = self.encode(days, day).await.ok_or(End::Outage)?;
        let requests = match requests {
            Ok(requests) => requests,
            Err(error) => {
                problems.add((target, day), "labels", (error.to_string(), None));
                self.refuse(target, (day, version), "labels");
                return Ok(0);
            }
        };
        let written = match self.endpoint.write(&requests, Deadline::after(DAY_TIMEOUT)).await {
            Ok(written) => written,
            Err(error) => {
                match concern(&error) {
                    Concern::Day(reason) => {
                        problems.add((target, day), &reason, (error.to_string(), hint(&error)));
                        self.refuse(target, (day, version), &reason);
                        return Ok(0);
                    }
                    Concern::Outage => {
                        self.note_failure(&error);
                        return Err(End::Outage);
                    }
                    Concern::Settings => {
                        self.note_failure(&error);
                        return Err(End::Settings);
                    }
                };
            }
        };
        let (endpoint, [org, scope]) = (self.endpoint.name(), target.labels());
        debug!(endpoint, org, scope, %day, samples = written.samples, "day pushed");
        if let Some(state) = self.targets.get_mut(target) {
            let previous = state.days.get(&day);
            // If the rules drop all samples, nothing was sent.
            if written.samples > 0 {
                let is_revision = is_revision(version, previous);
                self.environment.metrics.count_pushed(endpoint, is_revision);
            }
            state.days.insert(day, Known::accepted(version, previous));
        }
        if written.samples > 0 && self.endpoint.settings().query_url.is_some() {
            self.unverified.add(target, (day, version), samples, Instant::now());
        }
        Ok(written.samples)
    }

    /// Encodes a day, on a thread for blocking work. `None` if that is aborted: the exporter stops.
    async fn encode(&self, days: &Arc<TargetDays>, day: Date) -> Option<Encoded> {
        let (days, endpoint) = (Arc::clone(days), Arc::clone(&self.endpoint));
        let encoding = tokio::task::spawn_blocking(move || {
            let samples = days.of_day(day);
            let requests = encode(&samples, endpoint.settings());
            Encoded { samples, requests }
        });
        encoding.await.ok()
    }
}
