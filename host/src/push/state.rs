//! What the task of an endpoint knows.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use jiff::civil::Date;
use tokio_util::task::TaskTracker;
use tracing::{debug, info, warn};

use super::due::{Known, Version};
use super::environment::Environment;
use super::queue::Queue;
use crate::model::Target;
use crate::refresh::{DailyInput, TargetView};
use crate::remote_write::{Endpoint, VerifyError, WriteError, hint};

/// What the task of an endpoint knows.
pub(super) struct EndpointState {
    pub(super) environment: Environment,
    pub(super) endpoint: Arc<Endpoint>,
    pub(super) targets: HashMap<Target, TargetState>,
    /// What is still to be compared with what the endpoint has.
    pub(super) unverified: Queue,
    /// Runs that continue on their threads when the task is cancelled.
    pub(super) runs: TaskTracker,
    /// The last failure, until a round succeeds.
    failing: Option<String>,
    /// Whether the last query failed.
    is_query_failing: bool,
    /// Whether days are waiting.
    is_pending: bool,
}

/// What is known of a target at the endpoint.
#[derive(Default)]
pub(super) struct TargetState {
    /// What the last round found, or tried to push.
    pub(super) tried: Option<DailyInput>,
    /// Whether all of that was pushed or refused.
    pub(super) is_settled: bool,
    /// Whether it is known which days the endpoint had at the start.
    pub(super) is_known: bool,
    /// What is known of each day.
    pub(super) days: BTreeMap<Date, Known>,
}

impl EndpointState {
    /// Nothing is known yet.
    pub(super) fn new(environment: Environment, endpoint: Endpoint) -> Self {
        let is_verified = endpoint.settings().query_url.is_some();
        environment.metrics.initialize(endpoint.name(), is_verified);
        Self {
            environment,
            endpoint: Arc::new(endpoint),
            targets: HashMap::new(),
            unverified: Queue::default(),
            runs: TaskTracker::new(),
            failing: None,
            is_query_failing: false,
            is_pending: false,
        }
    }

    /// Whether a target has changed since it was tried, or is gone.
    pub(super) fn has_news(&self) -> bool {
        let views = self.environment.targets.all();
        let is_gone =
            |target: &Target| !views.iter().any(|view| view.target == *target && view.is_leader);
        let is_new = |view: &TargetView| {
            let tried = self.targets.get(&view.target).and_then(|state| state.tried.as_ref());
            tried != Some(&view.daily_input())
        };
        self.targets.keys().any(is_gone) || views.iter().any(|view| is_pushed(view) && is_new(view))
    }

    /// Looks at all targets again in the next round.
    pub(super) fn unsettle(&mut self) {
        self.targets.values_mut().for_each(|state| state.is_settled = false);
    }

    /// Forgets the targets that are no longer exported, or pushed by another replica.
    pub(super) fn keep_targets(&mut self) {
        let views = self.environment.targets.all();
        let (metrics, name) = (&self.environment.metrics, self.endpoint.name());
        self.targets.retain(|target, _| {
            let is_here = views.iter().any(|view| view.target == *target && view.is_leader);
            if !is_here {
                metrics.set_newest_day(name, target, None);
            }
            is_here
        });
    }

    /// A day was refused, for this reason.
    pub(super) fn refuse(&mut self, target: &Target, day: (Date, Version), reason: &str) {
        self.environment.metrics.count_refused(self.endpoint.name(), reason);
        if let Some(state) = self.targets.get_mut(target) {
            let (day, version) = day;
            state.days.insert(day, Known::refused(version));
        }
    }

    /// The result of a query. A failure is logged once.
    pub(super) fn note_query<T>(&mut self, result: Result<T, VerifyError>) -> Option<T> {
        let endpoint = self.endpoint.name();
        match result {
            Ok(value) => {
                self.is_query_failing = false;
                Some(value)
            }
            Err(error) if self.is_query_failing => {
                debug!(endpoint, %error, "the query failed again");
                None
            }
            Err(error) => {
                warn!(endpoint, %error, "failed to query what the endpoint has; pushing without that");
                self.is_query_failing = true;
                None
            }
        }
    }

    /// The endpoint failed. Each cause is logged once.
    pub(super) fn note_failure(&mut self, error: &WriteError) {
        let endpoint = self.endpoint.name();
        let cause = match error {
            // The number of attempts differs each time.
            WriteError::GaveUp { failure, .. } => failure.to_string(),
            error => error.to_string(),
        };
        if self.failing.as_ref() == Some(&cause) {
            debug!(endpoint, %error, "the endpoint still fails");
            return;
        }
        let hint = hint(error);
        warn!(endpoint, %error, hint, "failed to push to the endpoint; retrying later");
        self.failing = Some(cause);
    }

    /// A round has pushed everything.
    pub(super) fn note_success(&mut self) {
        self.set_pending(false);
        if self.failing.take().is_some() {
            info!(endpoint = self.endpoint.name(), "the endpoint works again");
        }
    }

    /// Whether days are waiting, in the metrics.
    pub(super) fn set_pending(&mut self, is_pending: bool) {
        if self.is_pending != is_pending {
            self.is_pending = is_pending;
            self.environment.metrics.set_pending(self.endpoint.name(), is_pending);
        }
    }

    /// Shows the newest complete day of a target in the metrics.
    pub(super) fn show_newest_day(&self, target: &Target) {
        let days = self.targets.get(target).map(|state| &state.days);
        let newest = days.into_iter().flatten().rfind(|(_, known)| known.is_complete());
        let day = newest.map(|(day, _)| *day);
        self.environment.metrics.set_newest_day(self.endpoint.name(), target, day);
    }
}

/// Whether a target may have daily samples, which this replica pushes.
pub(super) fn is_pushed(view: &TargetView) -> bool {
    view.is_leader && !view.documents.is_empty() && !view.set.members().is_empty()
}
