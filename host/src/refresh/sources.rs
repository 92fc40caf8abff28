//! Brings what the sources in OCI registries have into the registry of mappings.

use std::sync::{Mutex, PoisonError};

use tracing::warn;

use super::shared::Shared;
use crate::mappings::{Registry, Swap};
use crate::oci::Update;

/// Notes the result of a check. The mappings that are in use do not change by that.
pub(super) fn note_update(shared: &Shared, registry: &Mutex<Registry>, update: Update) {
    let metrics = &shared.mapping_metrics;
    let refusal = update.problem.clone().filter(|of| update.is_news && of.is_refusal());
    if let Some(error) = &refusal {
        metrics.count_swap(Swap::Failure(error.cause()));
    }
    let source = update.reference.clone();
    let mut registry = registry.lock().unwrap_or_else(PoisonError::into_inner);
    registry.set_artifact(update);
    metrics.set_last_swap(!registry.has_refused(), false);
    shared.targets.set_refused(registry.refused());
    // What the log says is in the metrics and on the page.
    if let Some(error) = refusal {
        warn!(%source, cause = error.cause(), %error, "mapping refused; its predecessor stays in use");
    }
}
