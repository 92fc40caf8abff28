//! Reports what changed of the mappings in use, in the log and in the metrics.

use std::path::PathBuf;
use std::sync::Arc;

use tracing::{info, warn};

use super::dry_run::Cause;
use super::shared::Shared;
use crate::mappings::{CandidateSet, Change, Refusal, Swap};
use crate::model::{Manifest, Target};
use crate::wasm::Mapping;

/// The number of refused files that are logged with their reasons: a list of them says no more.
const MAX_NAMED: usize = 10;

/// Reports what changed, in the log and in the metrics. What the log says is counted already.
pub(super) fn report_changes(
    shared: &Shared,
    candidate: &CandidateSet,
    targets: &[Target],
    cause: Cause,
) {
    let metrics = &shared.mapping_metrics;
    let mut refused = Vec::new();
    for change in candidate.changes() {
        match change {
            Change::Added(path, mapping) => {
                let (Manifest { name, version, .. }, sha256) =
                    (mapping.manifest(), mapping.sha256());
                let file = path.display();
                let reason = if cause == Cause::Start { "start" } else { "added" };
                metrics.count_swap(Swap::Success(reason));
                info!(%file, name, version, sha256, targets = targets.len(), "mapping in use");
            }
            Change::Removed(path, mapping) => {
                let (file, name) = (path.display(), mapping.name());
                metrics.count_swap(Swap::Success("removed"));
                info!(%file, name, "mapping no longer in use");
            }
            Change::RolledBack(path, mapping) => {
                let (file, now) = (path.display(), successor_version(candidate, &mapping));
                let (Manifest { name, version, .. }, sha256) =
                    (mapping.manifest(), mapping.sha256());
                metrics.count_swap(Swap::Success("rollback"));
                metrics.count_rollback(name);
                warn!(%file, name, version, sha256, now, "mapping rolled back: it failed repeatedly and is not tried again until the file changes");
            }
            Change::Refused(path, refusal) => {
                metrics.count_swap(Swap::Failure(refusal.cause()));
                refused.push((path, refusal));
            }
        }
    }
    report_refused(&refused);
}

/// Logs the refused files: the first ones each with its reason, and how many more there are.
fn report_refused(refused: &[(PathBuf, Arc<Refusal>)]) {
    let (named, more) = refused.split_at(refused.len().min(MAX_NAMED));
    for (path, refusal) in named {
        let (file, reason) = (path.display(), refusal.cause());
        warn!(%file, reason, error = %refusal, "mapping refused; its predecessor stays in use");
    }
    if !more.is_empty() {
        let mut reasons: Vec<&str> = more.iter().map(|(_, refusal)| refusal.cause()).collect();
        reasons.sort_unstable();
        reasons.dedup();
        let (files, reasons) = (more.len(), reasons.join(", "));
        warn!(files, reasons, "more mapping files refused; the page lists them all");
    }
}

/// The version of the mapping that replaced one.
fn successor_version(candidate: &CandidateSet, mapping: &Mapping) -> String {
    let mut members = candidate.set().members().iter();
    let now = members.find(|member| member.name() == mapping.name());
    now.map(|member| member.mapping.manifest().version.clone()).unwrap_or_default()
}
