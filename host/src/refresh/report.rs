//! Reports how a refresh ended, and what is missing.

use std::time::Duration;

use jiff::Timestamp;
use tracing::{info, warn};

use super::fetch::Fetching;
use super::schedule;
use super::target::TargetTask;
use crate::model::Need;
use crate::output::{Outcome, Status};

impl TargetTask {
    /// Reports how a refresh ended: in one line of the log, in the metrics and on the page.
    pub(super) fn report(&self, fetching: &Fetching, took: Duration) {
        let (target, problems) = (self.target(), self.problems());
        let left_out = self.left_out();
        let is_fresh = problems.is_empty();
        self.shared.metrics.observe_refresh(target, took);
        let (attempted, fetched) = (fetching.attempted.len(), fetching.fetched);
        let (seconds, optional) = (took.as_secs_f64(), left_out.join("; "));
        match (is_fresh, left_out.is_empty()) {
            (true, true) => info!(%target, seconds, attempted, fetched, "refreshed"),
            (true, false) => {
                info!(%target, seconds, attempted, fetched, left_out = optional, "refreshed");
            }
            (false, _) => {
                let problems = problems.join("; ");
                warn!(%target, seconds, attempted, fetched, problems, left_out = optional, "refresh failed; keeping the last good data");
            }
        }
        self.publish_outcome();
    }

    /// Publishes whether the target has what it needs, in the metrics and on the page.
    pub(super) fn publish_outcome(&self) {
        let (target, problems) = (self.target(), self.problems());
        let is_fresh = problems.is_empty();
        self.shared.metrics.set_up(target, is_fresh);
        let status = if is_fresh { Status::Fresh } else { Status::Failed(problems) };
        let succeeded_at = is_fresh.then(Timestamp::now);
        let (left_out, next) = (self.left_out(), self.next_time());
        let outcome = Outcome { status, left_out, succeeded_at, next };
        self.shared.publisher.set_outcome(target, outcome);
    }

    /// Problems with required documents and with mappings.
    pub(super) fn problems(&self) -> Vec<String> {
        let mut problems: Vec<String> = self.mapping_failures.values().cloned().collect();
        for spec in self.specs.iter().filter(|spec| self.is_required(&spec.name)) {
            let name = &spec.name;
            let original = spec.fallback_for.as_deref();
            let is_fallback = original.is_some_and(|name| self.settings.wants(name));
            let problem = match self.schedule.outcome(name) {
                Some(schedule::Outcome::Fresh) => None,
                Some(schedule::Outcome::Unmapped(reason)) => Some(reason.clone()),
                // The original counts, or the fallback that was fetched instead.
                _ if is_fallback || self.is_replaced(name) => None,
                Some(schedule::Outcome::Failed(error)) => Some(format!("{name}: {error}")),
                Some(schedule::Outcome::Absent) => {
                    Some(format!("{name}: GitHub does not have it yet"))
                }
                None => Some(format!("{name}: not fetched yet")),
            };
            problems.extend(problem.filter(|problem| !problems.contains(problem)));
        }
        problems
    }

    /// Problems with optional documents.
    fn left_out(&self) -> Vec<String> {
        let optional = self.specs.iter().filter(|spec| !self.is_required(&spec.name));
        // A server that only has the fallbacks has none of the other documents: they are not missed.
        let has_only_fallbacks = self.specs.iter().any(|spec| self.is_replaced(&spec.name));
        optional
            .filter_map(|spec| match self.schedule.outcome(&spec.name)? {
                schedule::Outcome::Failed(error) if has_only_fallbacks && error.is_not_found() => {
                    None
                }
                schedule::Outcome::Failed(error) => Some(format!("{}: {error}", spec.name)),
                schedule::Outcome::Unmapped(reason) => Some(reason.clone()),
                schedule::Outcome::Fresh | schedule::Outcome::Absent => None,
            })
            .collect()
    }

    /// Whether the target is down without a document: it is required, or the fallback for one that is.
    fn is_required(&self, name: &str) -> bool {
        let spec = |name: &str| self.specs.iter().find(|spec| spec.name == name);
        let need = |name: &str| spec(name).map(|spec| spec.need);
        let original = spec(name).and_then(|spec| spec.fallback_for.as_deref());
        need(name) == Some(Need::Required)
            || original.is_some_and(|original| match need(original) {
                // The original is turned off: the fallback is all there is.
                None => true,
                Some(need) => need == Need::Required,
            })
    }
}
