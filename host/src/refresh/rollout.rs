//! Puts candidate sets of mappings in use: each new mapping is dry-run over the stored documents of
//! its targets first, and swapped in together with its samples in one step. No scrape waits for that,
//! and no refresh.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use super::changes::report_changes;
use super::dry_run::{Cause, DryRun, DryRuns, all_runs, is_new, run_all};
use super::map::store_samples;
use super::shared::Shared;
use super::targets::TargetView;
use crate::mappings::{CandidateSet, Member, Registry};
use crate::model::Target;
use crate::output::Placement;
use crate::runner::fingerprint;

/// How often documents may change during the dry runs before the mappings are put in use all the same:
/// the task of each target then maps its newest documents.
const MAX_ROUNDS: usize = 3;
/// A candidate set whose dry runs have ended.
pub(super) struct Checked {
    candidate: CandidateSet,
    targets: Vec<Target>,
    runs: DryRuns,
    cause: Cause,
}

impl Checked {
    /// Why it was checked.
    pub(super) fn cause(&self) -> Cause {
        self.cause
    }
}

/// Dry-runs the new mappings of a candidate set, and refuses those that fail. Nothing is changed by
/// that, so that it can be cancelled.
pub(super) async fn check(
    shared: Arc<Shared>,
    mut candidate: CandidateSet,
    targets: Vec<Target>,
    cause: Cause,
) -> Checked {
    let mut runs = DryRuns::new();
    for _ in 0..MAX_ROUNDS {
        run_all(&shared, &mut candidate, &targets, cause, &mut runs).await;
        let is_current = all_runs(&shared, &candidate, &targets, &runs, |member, view, run| {
            let input = fingerprint(member, &view.target, &view.options, &view.documents);
            run.input == input
        });
        if is_current {
            break;
        }
    }
    Checked { candidate, targets, runs, cause }
}

/// Puts a checked candidate set in use. Returns whether it was: a rollback only is if the predecessor
/// maps what its successor fails at.
pub(super) async fn commit(shared: &Shared, registry: &Mutex<Registry>, checked: Checked) -> bool {
    let Checked { candidate, targets, mut runs, cause } = checked;
    let maps_everything = |member: &Member, view: &TargetView, run: &DryRun| {
        let scope = view.target.scope();
        run.output.is_some() || member.fed(scope, &view.documents).next().is_none()
    };
    if cause == Cause::Rollback && !all_runs(shared, &candidate, &targets, &runs, maps_everything) {
        return false;
    }
    let members = candidate.set().members();
    for member in members.iter().filter(|member| is_new(&candidate, member)) {
        let of_member = runs.iter().filter(|((_, sha256), _)| sha256 == member.mapping.sha256());
        let outputs = of_member.filter_map(|(_, run)| run.output.as_ref());
        let memory_bytes = outputs.map(|output| output.memory_bytes).max().unwrap_or(0);
        shared.runner.metrics().reset_memory(member.name(), memory_bytes);
    }
    let mappings: Vec<_> = members
        .iter()
        .map(|member| (member.mapping.id(), member.mapping.manifest().families.clone()))
        .collect();
    let (mut placements, mut unstored) = (Vec::new(), Vec::new());
    for target in &targets {
        let mut published = Vec::new();
        for (mapping, _) in &mappings {
            let run = runs.remove(&(target.clone(), mapping.sha256.clone()));
            // Of other targets, what the leader stores is published: all replicas change together.
            let output = run.and_then(|run| run.output).filter(|_| shared.decides_on(target));
            let Some(output) = output else { continue };
            if !output.is_stored {
                unstored.push((target.clone(), output.published.clone()));
            }
            published.push(output.published);
        }
        let (target, mappings) = (target.clone(), mappings.clone());
        let is_complete = candidate.is_complete();
        placements.push(Placement { target, mappings, published, is_complete });
    }
    let changed = !candidate.set().is_same(candidate.old_set());
    if changed || !candidate.is_complete() || cause == Cause::Start {
        shared.publisher.place(placements).await;
    }
    let metrics = &shared.mapping_metrics;
    let names = {
        let mut registry = registry.lock().unwrap_or_else(PoisonError::into_inner);
        registry.commit(&candidate);
        metrics.set_quarantined(registry.quarantined());
        let has_refused = registry.has_refused() || candidate.has_refused();
        metrics.set_last_swap(!has_refused, changed);
        shared.targets.set_refused(registry.refused());
        registry.names()
    };
    if candidate.is_complete() {
        shared.runner.metrics().keep(&names);
        remove_samples(shared, &candidate, &targets).await;
    }
    for (target, published) in unstored {
        store_samples(shared, &target, published).await;
    }
    report_changes(shared, &candidate, &targets, cause);
    true
}

/// Removes the stored samples of mappings that are no longer in use.
async fn remove_samples(shared: &Shared, candidate: &CandidateSet, targets: &[Target]) {
    let names: HashSet<&str> = candidate.set().members().iter().map(Member::name).collect();
    for target in targets.iter().filter(|target| shared.decides_on(target)) {
        let keys = shared.store.list(target).await;
        let keys = shared.note_store_error(target, "load", keys).unwrap_or_default();
        for key in keys.iter().filter(|key| key.mapping().is_some_and(|of| !names.contains(of))) {
            let removed = shared.store.remove(key).await;
            shared.note_store_error(target, "save", removed);
        }
    }
}
