//! Runs new mappings over the stored documents of their targets, before they are put in use.

use std::collections::HashMap;
use std::sync::Arc;

use futures_util::stream::{self, StreamExt};
use tokio_util::task::TaskTracker;
use tracing::debug;

use super::shared::Shared;
use super::targets::TargetView;
use crate::mappings::{CandidateSet, Member, Refusal};
use crate::model::{Documents, Span, Target};
use crate::output::Published;
use crate::runner::{Blame, Budget, Failure, Request, RunOutcome, fingerprint};

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
pub(super) struct DryRun {
    /// Identifies what it was run over.
    pub(super) input: String,
    /// What it returned, if there was anything to map.
    pub(super) output: Option<Output>,
}

/// What a dry run returned.
pub(super) struct Output {
    pub(super) published: Published,
    /// Whether the samples are stored already.
    pub(super) is_stored: bool,
    /// The peak memory of the run; 0 if none was needed.
    pub(super) memory_bytes: usize,
}

/// The dry runs by target and SHA-256.
pub(super) type DryRuns = HashMap<(Target, String), DryRun>;

/// Dry-runs every mapping that is new, until all that are left have passed.
pub(super) async fn run_all(
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
    let ([org, scope], name) = (view.target.labels(), member.name());
    debug!(org, scope, name, "starting a dry run");
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

/// Whether every new mapping was dry-run for every target, and each run satisfies a condition.
pub(super) fn all_runs(
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
pub(super) fn is_new(candidate: &CandidateSet, member: &Member) -> bool {
    let is_same = |old: &Member| old.mapping.sha256() == member.mapping.sha256();
    !candidate.old_set().members().iter().any(is_same)
}
