//! Puts candidate sets of mappings in use: each new mapping is dry-run over the stored documents of
//! its targets first, and swapped in together with its samples in one step. No scrape waits for that,
//! and no refresh.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::stream::{self, StreamExt};
use tokio_util::task::TaskTracker;
use tracing::{info, warn};

use super::map::store_samples;
use super::shared::Shared;
use super::targets::TargetView;
use crate::mappings::{CandidateSet, Change, Member, Refusal, Registry, Swap};
use crate::model::{Documents, Manifest, Span, Target};
use crate::output::{Placement, Published};
use crate::runner::{Blame, Budget, Failure, Request, RunOutcome, fingerprint};
use crate::wasm::Mapping;

/// How often documents may change during the dry runs before the mappings are put in use all the same:
/// the task of each target then maps its newest documents.
const MAX_ROUNDS: usize = 3;
/// For how many targets a mapping is dry-run at once.
const CONCURRENT_TARGETS: usize = 2;

/// Why mappings are put in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    /// The exporter starts.
    Start,
    /// Files or settings have changed.
    Change,
    /// A mapping failed repeatedly.
    Rollback,
}

/// A dry run that ended well.
struct DryRun {
    /// Identifies what it was run over.
    input: String,
    /// What it returned, if there was anything to map.
    output: Option<Output>,
}

/// What a dry run returned.
struct Output {
    published: Published,
    /// Whether the samples are stored already.
    is_stored: bool,
    /// The peak memory of the run; 0 if none was needed.
    memory_bytes: usize,
}

/// The dry runs by target and SHA-256.
type DryRuns = HashMap<(Target, String), DryRun>;

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
            let Some(output) = run.and_then(|run| run.output) else { continue };
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
    report(shared, &candidate, &targets, cause);
    true
}

/// Dry-runs every mapping that is new, until all that are left have passed.
async fn run_all(
    shared: &Shared,
    candidate: &mut CandidateSet,
    targets: &[Target],
    cause: Cause,
    runs: &mut DryRuns,
) {
    'again: loop {
        let set = Arc::clone(candidate.set());
        for member in set.members().iter().filter(|member| is_new(candidate, member)) {
            // A predecessor and the embedded mapping do what they can.
            let is_lenient = cause == Cause::Rollback || candidate.is_default(&member.mapping);
            let pending = targets.iter().filter_map(|target| {
                let view = shared.targets.get(target)?;
                let input = fingerprint(member, target, &view.options, &view.documents);
                let key = (target.clone(), member.mapping.sha256().to_owned());
                let is_done = runs.get(&key).is_some_and(|run| run.input == input);
                (!is_done).then_some((view, input, key))
            });
            let pending: Vec<_> = pending.collect();
            let running = pending.into_iter().map(|(view, input, key)| async move {
                let run = run_one(shared, &view, member, &input, is_lenient, cause).await;
                (run.map(|output| DryRun { input, output }), key)
            });
            // The first failure ends it: a mapping that spins is not waited for once per target.
            let mut running = stream::iter(running).buffer_unordered(CONCURRENT_TARGETS);
            while let Some((run, key)) = running.next().await {
                match run {
                    Ok(run) => _ = runs.insert(key, run),
                    Err(Failure { reason, cause, .. }) => {
                        drop(running);
                        let target = key.0.to_string();
                        let refusal = Refusal::DryRun { target, reason, cause };
                        candidate.refuse_mapping(&member.mapping, refusal);
                        continue 'again;
                    }
                }
            }
        }
        return;
    }
}

/// Dry-runs a mapping over the stored documents of a target. `None`: there are none for it.
async fn run_one(
    shared: &Shared,
    view: &TargetView,
    member: &Member,
    input: &str,
    is_lenient: bool,
    cause: Cause,
) -> Result<Option<Output>, Failure> {
    let scope = view.target.scope();
    // After a restart, what was stored is served already.
    let served = shared.publisher.published(&view.target, member.mapping.sha256());
    let was_in_use = cause == Cause::Start && served.is_some();
    let of_last_good = fingerprint(member, &view.target, &view.options, &view.last_good);
    let is_current = |served: &Published| {
        served.fingerprint == input || (was_in_use && served.fingerprint == of_last_good)
    };
    if let Some(served) = served.filter(is_current) {
        return Ok(Some(Output { published: served, is_stored: true, memory_bytes: 0 }));
    }
    let no_documents = Documents::new();
    let request = |strict: bool| Request {
        member,
        target: &view.target,
        options: &view.options,
        documents: &view.documents,
        last_good: if strict { &no_documents } else { &view.last_good },
        span: Span::Latest,
        families: None,
        budget: Budget::Trial,
        strict,
        failure_label: None,
    };
    let tracker = TaskTracker::new();
    let publish = |outcome: RunOutcome| {
        let (result, used) = outcome.result?;
        let published = Published {
            mapping: member.mapping.id(),
            fingerprint: fingerprint(member, &view.target, &view.options, &used),
            samples: Arc::new(result.samples),
            unmapped: result.unmapped.into(),
        };
        Some(Output { published, is_stored: false, memory_bytes: result.memory_bytes })
    };
    if member.fed(scope, &view.documents).next().is_none() {
        return Ok(None);
    }
    if is_lenient {
        return Ok(publish(shared.runner.run(request(false), &tracker).await));
    }
    let outcome = shared.runner.run(request(true), &tracker).await;
    let Some(failure) = outcome.failure.clone() else { return Ok(publish(outcome)) };
    if was_in_use && failure.blame == Blame::Mapping {
        // As before the restart, it fails at the newest documents, and what it made of older ones is
        // served. If that continues, it is rolled back.
        let older = Request { documents: &view.last_good, ..request(false) };
        if let Some(output) = publish(shared.runner.run(older, &tracker).await) {
            return Ok(Some(output));
        }
    }
    // It lacks a document that has not been fetched yet, and may say so.
    if failure.blame == Blame::Document && outcome.malformed.is_empty() {
        return Ok(None);
    }
    // What the mapping in use rejects too is no reason to refuse this one; and at a start nothing else
    // could stay in use. GitHub's malformed documents never count against a mapping.
    let is_known = |document: &str| {
        let newest = view.documents.get(document);
        newest.is_some_and(|newest| {
            !view.last_good.get(document).is_some_and(|good| good.has_content_of(newest))
        })
    };
    let is_excused = !outcome.malformed.is_empty()
        && (cause == Cause::Start
            || outcome.malformed.iter().all(|malformed| is_known(&malformed.document)));
    if !is_excused {
        return Err(failure);
    }
    let outcome = shared.runner.run(request(false), &tracker).await;
    match outcome.failure.clone() {
        Some(failure) => Err(failure),
        None => Ok(publish(outcome)),
    }
}

/// Removes the stored samples of mappings that are no longer in use.
async fn remove_samples(shared: &Shared, candidate: &CandidateSet, targets: &[Target]) {
    let names: HashSet<&str> = candidate.set().members().iter().map(Member::name).collect();
    for target in targets {
        let keys = shared.store.list(target).await;
        let keys = shared.note_store_error(target, "load", keys).unwrap_or_default();
        for key in keys.iter().filter(|key| key.mapping().is_some_and(|of| !names.contains(of))) {
            let removed = shared.store.remove(key).await;
            shared.note_store_error(target, "save", removed);
        }
    }
}

/// Whether every new mapping was dry-run for every target, and each run satisfies a condition.
fn all_runs(
    shared: &Shared,
    candidate: &CandidateSet,
    targets: &[Target],
    runs: &DryRuns,
    is_satisfied: impl Fn(&Member, &TargetView, &DryRun) -> bool,
) -> bool {
    targets.iter().all(|target| {
        let Some(view) = shared.targets.get(target) else { return true };
        let members = candidate.set().members().iter();
        members.filter(|member| is_new(candidate, member)).all(|member| {
            let key = (target.clone(), member.mapping.sha256().to_owned());
            runs.get(&key).is_some_and(|run| is_satisfied(member, &view, run))
        })
    })
}

/// Whether a mapping is not in use yet.
fn is_new(candidate: &CandidateSet, member: &Member) -> bool {
    let is_same = |old: &Member| old.mapping.sha256() == member.mapping.sha256();
    !candidate.old_set().members().iter().any(is_same)
}

/// Reports what changed, in the log and in the metrics.
fn report(shared: &Shared, candidate: &CandidateSet, targets: &[Target], cause: Cause) {
    let metrics = &shared.mapping_metrics;
    for change in candidate.changes() {
        match change {
            Change::Added(path, mapping) => {
                let (Manifest { name, version, .. }, sha256) =
                    (mapping.manifest(), mapping.sha256());
                let file = path.display();
                info!(%file, name, version, sha256, targets = targets.len(), "mapping in use");
                let reason = if cause == Cause::Start { "start" } else { "added" };
                metrics.count_swap(Swap::Success(reason));
            }
            Change::Removed(path, mapping) => {
                let (file, name) = (path.display(), mapping.name());
                info!(%file, name, "mapping no longer in use");
                metrics.count_swap(Swap::Success("removed"));
            }
            Change::RolledBack(path, mapping) => {
                let (file, now) = (path.display(), successor_version(candidate, &mapping));
                let (Manifest { name, version, .. }, sha256) =
                    (mapping.manifest(), mapping.sha256());
                warn!(%file, name, version, sha256, now, "mapping rolled back: it failed repeatedly and is not tried again until the file changes");
                metrics.count_swap(Swap::Success("rollback"));
                metrics.count_rollback(name);
            }
            Change::Refused(path, refusal) => {
                let (file, reason) = (path.display(), refusal.cause());
                warn!(%file, reason, error = %refusal, "mapping refused; its predecessor stays in use");
                metrics.count_swap(Swap::Failure(reason));
            }
        }
    }
}

/// The version of the mapping that replaced one.
fn successor_version(candidate: &CandidateSet, mapping: &Mapping) -> String {
    let mut members = candidate.set().members().iter();
    let now = members.find(|member| member.name() == mapping.name());
    now.map(|member| member.mapping.manifest().version.clone()).unwrap_or_default()
}
