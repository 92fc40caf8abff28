//! Brings what the sources in OCI registries have into the registry of mappings.

use std::sync::{Mutex, PoisonError};

use super::shared::Shared;
use crate::mappings::{Registry, Swap};
use crate::oci::Update;

/// Notes the result of a check. The mappings that are in use do not change by that.
pub(super) fn note_update(shared: &Shared, registry: &Mutex<Registry>, update: Update) {
    let metrics = &shared.mapping_metrics;
    if let Some(error) = update.problem.as_ref().filter(|of| update.is_news && of.is_refusal()) {
        metrics.count_swap(Swap::Failure(error.cause()));
    }
    let mut registry = registry.lock().unwrap_or_else(PoisonError::into_inner);
    registry.set_artifact(update);
    metrics.set_last_swap(!registry.has_refused(), false);
    shared.targets.set_refused(registry.refused());
}
