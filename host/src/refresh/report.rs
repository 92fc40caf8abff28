//! Reports how a refresh ended, and what is missing.

use std::time::Duration;

use jiff::Timestamp;
use tracing::{info, warn};

use super::fetching::Fetching;
use super::schedule;
use super::target::TargetTask;
use crate::github::FetchError;
use crate::model::Need;
use crate::output::{Outcome, Status};

impl TargetTask {
    /// Reports how a refresh ended: in one line of the log, in the metrics and on the page.
    pub(super) fn report(&self, fetching: &Fetching, took: Duration) {
        let (target, problems) = (self.target(), self.problems());
        let (mut left_out, mut unexpected) =
            (self.left_out(|_| true), self.left_out(|error| !error.is_expected()));
        for texts in [&mut left_out, &mut unexpected] {
            texts.extend(self.shared.publisher.left_out_of(target));
        }
        let is_news = self.attempts.is_news(&unexpected);
        let is_fresh = problems.is_empty();
        self.shared.metrics.observe_refresh(target, took);
        // The metrics and the page have it when the log says so.
        self.publish_outcome();
        let (attempted, fetched) = (fetching.attempted.len(), fetching.fetched);
        let (seconds, optional) = (took.as_secs_f64(), left_out.join("; "));
        let [org, scope] = target.labels();
        // A field without a value is not logged.
        let optional = (!left_out.is_empty()).then_some(optional);
        if is_fresh && is_news {
            warn!(
                org,
                scope,
                seconds,
                attempted,
                fetched,
                left_out = optional,
                "refreshed without some optional data"
            );
        } else if is_fresh {
            info!(org, scope, seconds, attempted, fetched, left_out = optional, "refreshed");
        } else {
            let (problems, left_out) = (problems.join("; "), optional);
            let kept = match self.shared.publisher.has_data_of(target) {
                true => "keeping the last good data",
                false => "no data yet",
            };
            warn!(
                org,
                scope, seconds, attempted, fetched, problems, left_out, "refresh failed; {kept}"
            );
        }
        self.attempts.ended();
    }

    /// Publishes whether the target has what it needs, in the metrics and on the page.
    pub(super) fn publish_outcome(&self) {
        let (target, problems) = (self.target(), self.problems());
        let is_fresh = problems.is_empty();
        self.shared.metrics.set_up(target, is_fresh);
        let status = if is_fresh { Status::Fresh } else { Status::Failed(problems) };
        let succeeded_at = is_fresh.then(Timestamp::now);
        let (left_out, next) = (self.left_out(|_| true), self.next_time());
        let outcome = Outcome { status, left_out, succeeded_at, next, attempt: None };
        self.shared.publisher.set_outcome(target, outcome);
    }

    /// Problems with required documents and with mappings.
    pub(super) fn problems(&self) -> Vec<String> {
        let mut problems: Vec<String> = self.mapping_failures.values().cloned().collect();
        let mut failed = Vec::new();
        for spec in self.specs.iter().filter(|spec| self.is_required(&spec.name)) {
            let name = &spec.name;
            let original = spec.fallback_for.as_deref();
            let is_fallback = original.is_some_and(|name| self.settings.wants(name));
            let problem = match self.schedule.outcome(name) {
                Some(schedule::Outcome::Fresh) => None,
                Some(schedule::Outcome::Unmapped(reason)) => Some(reason.clone()),
                // The original counts, or the fallback that was fetched instead.
                _ if is_fallback || self.is_replaced(name) => None,
                Some(schedule::Outcome::Failed(error)) => {
                    failed.push((name.as_str(), error));
                    None
                }
                Some(schedule::Outcome::Absent) => {
                    Some(format!("{name}: GitHub does not have it yet"))
                }
                None => Some(format!("{name}: not fetched yet")),
            };
            problems.extend(problem.filter(|problem| !problems.contains(problem)));
        }
        problems.extend(by_cause(&failed));
        problems
    }

    /// What is missing of optional documents: those of which the error counts, and those that can't be mapped.
    fn left_out(&self, counts: impl Fn(&FetchError) -> bool) -> Vec<String> {
        let optional = self.specs.iter().filter(|spec| !self.is_required(&spec.name));
        // A server that only has the fallbacks has none of the other documents: they are not missed.
        let has_only_fallbacks = self.specs.iter().any(|spec| self.is_replaced(&spec.name));
        let (mut failed, mut unmapped) = (Vec::new(), Vec::new());
        for spec in optional {
            match self.schedule.outcome(&spec.name) {
                Some(schedule::Outcome::Failed(error)) => {
                    if counts(error) && !(has_only_fallbacks && error.is_not_found()) {
                        failed.push((spec.name.as_str(), error));
                    }
                }
                Some(schedule::Outcome::Unmapped(reason)) => {
                    // The failure of a mapping is a problem of its own, not one of each document.
                    let mut known = self.mapping_failures.values().chain(&unmapped);
                    if !known.any(|known| known == reason) {
                        unmapped.push(reason.clone());
                    }
                }
                Some(schedule::Outcome::Fresh | schedule::Outcome::Absent) | None => {}
            }
        }
        unmapped.extend(by_cause(&failed));
        unmapped
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

/// The failures in words: documents that failed for the same cause share a text.
fn by_cause(failed: &[(&str, &FetchError)]) -> Vec<String> {
    let mut causes: Vec<(String, Vec<(&str, &FetchError)>)> = Vec::new();
    for (name, error) in failed {
        let cause = error.about("these documents").to_string();
        match causes.iter_mut().find(|(known, _)| *known == cause) {
            Some((_, of_cause)) => of_cause.push((name, error)),
            None => causes.push((cause, vec![(name, error)])),
        }
    }
    let text = |(cause, of_cause): (String, Vec<(&str, &FetchError)>)| match of_cause.as_slice() {
        [(name, error)] => format!("{name}: {error}"),
        many => {
            let names: Vec<_> = many.iter().map(|(name, _)| *name).collect();
            format!("{}: {cause}", names.join(", "))
        }
    };
    causes.into_iter().map(text).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(status: u16, what: &str) -> FetchError {
        let what = what.to_owned();
        let (permission, message, refusal, retry_after) = (None, None, None, None);
        FetchError::Status { status, what, permission, message, refusal, retry_after }
    }

    #[test]
    fn documents_that_failed_for_the_same_cause_share_a_text() {
        let errors = [status(503, "/seats"), status(404, "/billing"), status(503, "/reports")];
        let failed: Vec<_> = ["seats", "billing", "reports"].into_iter().zip(&errors).collect();
        assert_eq!(
            by_cause(&failed),
            [
                "seats, reports: GitHub returned 503 for these documents",
                "billing: GitHub returned 404 for /billing"
            ]
        );
    }
}
