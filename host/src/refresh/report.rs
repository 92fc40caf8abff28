//! Says how a refresh went, and what is missing.

use std::time::Duration;

use jiff::Timestamp;
use tracing::{info, warn};

use super::schedule;
use super::target::Refresh;
use crate::model::{DocumentSpec, Need};
use crate::output::publisher::{Outcome, Status};

impl Refresh {
    /// Says how a refresh went, in one line of the log and in the metrics.
    pub(super) fn report(&self, asked: usize, fetched: usize, took: Duration) {
        let (target, problems) = (self.target(), self.problems());
        self.shared.telemetry.set_refreshed(target, problems.is_empty(), took);
        let fresh = problems.is_empty();
        self.shared.publisher.set_outcome(
            target,
            Outcome {
                status: if fresh { Status::Fresh } else { Status::Failed(problems.clone()) },
                left_out: self.left_out(),
                succeeded_at: fresh.then(Timestamp::now),
                next: self.next_time(),
            },
        );
        let (seconds, left_out) = (took.as_secs_f64(), self.left_out().join("; "));
        if fresh {
            match left_out.is_empty() {
                true => info!(%target, seconds, asked, fetched, "refreshed"),
                false => info!(%target, seconds, asked, fetched, left_out, "refreshed"),
            }
        } else {
            let problems = problems.join("; ");
            warn!(%target, seconds, asked, fetched, problems, left_out, "refresh failed; the last good data stays");
        }
    }

    /// What is wrong with the documents that the target can't do without.
    pub(super) fn problems(&self) -> Vec<String> {
        let mut problems: Vec<String> = self.mapping_failures.values().cloned().collect();
        for spec in self.specs.iter().filter(|spec| self.is_required(&spec.name)) {
            let name = &spec.name;
            let original = spec.fallback_for.as_deref();
            let stands_in = original.is_some_and(|name| self.settings.wants(name));
            let problem = match self.schedule.outcome(name) {
                Some(schedule::Outcome::Fresh) => None,
                Some(schedule::Outcome::Unmapped(reason)) => Some(reason.clone()),
                // What it stands in for is what counts.
                _ if stands_in || self.stood_in(name) => None,
                Some(schedule::Outcome::Failed(error)) => Some(format!("{name}: {error}")),
                Some(schedule::Outcome::Absent) => Some(format!("{name}: GitHub has none yet")),
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
                schedule::Outcome::Failed(error) if no_reports && error.is_not_found() => None,
                schedule::Outcome::Failed(error) => Some(format!("{}: {error}", spec.name)),
                schedule::Outcome::Unmapped(reason) => Some(reason.clone()),
                schedule::Outcome::Fresh | schedule::Outcome::Absent => None,
            })
            .collect()
    }

    /// Whether another document is there in the place of one that is not found.
    pub(super) fn stood_in(&self, name: &str) -> bool {
        let stands_in = |spec: &&DocumentSpec| spec.fallback_for.as_deref() == Some(name);
        self.schedule.outcome(name).is_some_and(schedule::Outcome::is_not_found)
            && self.specs.iter().filter(stands_in).any(|spec| {
                matches!(self.schedule.outcome(&spec.name), Some(schedule::Outcome::Fresh))
            })
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
