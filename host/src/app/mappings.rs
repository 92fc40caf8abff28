//! Compiles the mappings of settings, for commands that do not serve.

use std::path::Path;
use std::sync::Arc;

use super::error::StartError;
use crate::config::Settings;
use crate::mappings::{CandidateSet, Change, Refusal, Registry, Rescan};
use crate::model::text::sanitize;
use crate::oci::{self, Update};
use crate::wasm::{Engine, Mapping};

/// The mappings of settings.
pub(super) struct CompiledMappings {
    /// All of them.
    pub registry: Registry,
    /// What should be in use, for each source.
    pub candidates: Vec<CandidateSet>,
    /// The files that are refused, and why.
    pub warnings: Vec<String>,
}

/// Compiles every mapping that the settings name. Those in OCI registries have been pulled. It blocks.
pub(super) fn compile_all(
    engine: &Engine,
    settings: &Settings,
    artifacts: Vec<Update>,
) -> Result<CompiledMappings, StartError> {
    let missing: Vec<String> = artifacts.iter().filter_map(not_pulled).collect();
    let default = Arc::new(Mapping::load_default_blocking(engine)?);
    let mut registry = Registry::new(engine.clone(), default);
    artifacts.into_iter().for_each(|update| registry.set_artifact(update));
    loop {
        let scan = registry.rescan(settings, Rescan::All, &Default::default())?;
        if scan.pending.is_empty() {
            let candidates = scan.candidates;
            let changes = candidates.iter().flat_map(CandidateSet::changes);
            let refused = changes.filter_map(|change| match change {
                Change::Refused(path, refusal) => Some(refused_file(&path, &refusal)),
                _ => None,
            });
            let warnings = missing.into_iter().chain(refused).collect();
            return Ok(CompiledMappings { registry, candidates, warnings });
        }
        for file in scan.pending {
            let result = file.compile_blocking(engine);
            // A file that can't be read any more would be pending for ever.
            if let Err(refusal @ Refusal::Unreadable(_)) = &result {
                let warnings = vec![refused_file(&file.path, refusal)];
                return Ok(CompiledMappings { registry, candidates: Vec::new(), warnings });
            }
            registry.add_compiled(&file.sha256, result, engine.limits());
        }
    }
}

/// Pulls the mappings that the settings name, and compiles them.
pub(super) async fn pull_and_compile(
    engine: Engine,
    settings: Settings,
) -> Result<(Settings, CompiledMappings), StartError> {
    let kept = tokio::task::spawn_blocking(move || {
        let kept = oci::kept(&settings);
        (settings, kept)
    });
    let (settings, kept) = kept.await.map_err(|_| StartError::ReadTimeout)?;
    let artifacts = oci::pull(&settings, kept).await.map_err(StartError::Registry)?;
    let compiled = tokio::task::spawn_blocking(move || {
        let compiled = compile_all(&engine, &settings, artifacts);
        compiled.map(|compiled| (settings, compiled))
    });
    compiled.await.map_err(|_| StartError::ReadTimeout)?
}

/// What is wrong with a mapping in an OCI registry, if it was checked.
fn not_pulled(update: &Update) -> Option<String> {
    let (reference, error) = (&update.reference, update.problem.as_ref()?);
    let instead = match &update.pulled {
        Some(_) => "what was pulled before is used",
        None => "the mapping is left out",
    };
    Some(sanitize(&format!("cannot pull {reference}, {instead}: {error}")))
}

/// A refused mapping file, and why.
fn refused_file(path: &Path, refusal: &Refusal) -> String {
    sanitize(&format!("the mapping file {} is refused: {refusal}", path.display()))
}
