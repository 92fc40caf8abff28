//! The dry runs of candidate sets that are in progress: one for each source at most, the newest.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::task::{AbortHandle, JoinSet};

use super::dry_run::Cause;
use super::rollout::{self, Checked};
use super::shared::Shared;
use crate::config::MappingSource;
use crate::mappings::CandidateSet;
use crate::model::{Limits, Target};

/// The checks in progress.
#[derive(Default)]
pub(super) struct Checks {
    running: JoinSet<Checked>,
    newest: HashMap<MappingSource, Check>,
}

/// What is being checked.
struct Check {
    candidate: CandidateSet,
    targets: Vec<Target>,
    limits: Arc<Limits>,
    cause: Cause,
    task: AbortHandle,
}

impl Check {
    /// Whether it finds out what another check would.
    fn covers(&self, candidate: &CandidateSet, targets: &[Target], cause: Cause) -> bool {
        let is_rollback = |cause| cause == Cause::Rollback;
        is_rollback(self.cause) == is_rollback(cause)
            && self.targets == targets
            && self.candidate.is_same(candidate)
    }
}

impl Checks {
    /// Dry-runs a candidate set for these targets. If the same is being checked already, that
    /// continues: a dry run that takes long would never end if every reload started it again. Another
    /// one of the same source is outdated.
    pub(super) fn start(
        &mut self,
        shared: &Arc<Shared>,
        candidate: CandidateSet,
        targets: Vec<Target>,
        limits: Arc<Limits>,
        cause: Cause,
    ) {
        let source = candidate.source().clone();
        let same = self
            .newest
            .get(&source)
            .filter(|check| check.limits == limits && check.covers(&candidate, &targets, cause));
        if same.is_some() {
            return;
        }
        let check = rollout::check(Arc::clone(shared), candidate.clone(), targets.clone(), cause);
        let task = self.running.spawn(check);
        let check = Check { candidate, targets, limits, cause, task };
        if let Some(outdated) = self.newest.insert(source, check) {
            outdated.task.abort();
        }
    }

    /// The next check that ends and is not outdated. `None`: there are none. It is safe to cancel.
    pub(super) async fn next(&mut self) -> Option<Checked> {
        while let Some(ended) = self.running.join_next_with_id().await {
            let id = ended.as_ref().map_or_else(|error| error.id(), |(id, _)| *id);
            // One that had already ended when it was outdated could not be aborted.
            let mut newest = self.newest.iter();
            let current = newest.find(|(_, check)| check.task.id() == id);
            let Some(source) = current.map(|(source, _)| source.clone()) else { continue };
            self.newest.remove(&source);
            if let Ok((_, checked)) = ended {
                return Some(checked);
            }
        }
        None
    }

    /// Whether none are in progress.
    pub(super) fn is_empty(&self) -> bool {
        self.newest.is_empty()
    }

    /// Aborts all of them.
    pub(super) fn abort_all(&mut self) {
        self.running.abort_all();
        self.newest.clear();
    }
}
