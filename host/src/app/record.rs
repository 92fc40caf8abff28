//! Records the documents of targets.

use thiserror::Error;
use tracing::warn;

use super::error::StartError;
use super::mappings::{CompiledMappings, pull_and_compile};
use super::metrics::Metrics;
use super::open::spool;
use crate::config::Settings;
use crate::github::{Client, Credentials, Transport};
use crate::offline::{self, OfflineError, RecordArgs, RecordJob, Summary};
use crate::wasm::{Compiler, Engine};

/// Why a recording did not end.
#[derive(Debug, Error)]
pub enum RecordError {
    /// It could not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// An invalid argument, or files that can't be written.
    #[error(transparent)]
    Offline(#[from] OfflineError),
}

/// Records the targets of the settings: what their mappings want.
pub async fn record(args: &RecordArgs, settings: Settings) -> Result<Summary, RecordError> {
    if let Some(missing) = &settings.missing {
        return Err(OfflineError::Usage(missing.clone()).into());
    }
    let metrics = Metrics::new().map_err(StartError::from)?;
    let spool = spool(&settings);
    let compiler = Compiler::in_child_process(None);
    let engine = Engine::with_compiler(settings.policy.limits.clone(), compiler);
    let (settings, compiled) =
        pull_and_compile(engine.map_err(StartError::from)?, settings).await?;
    let CompiledMappings { mut registry, candidates, warnings } = compiled;
    warnings.iter().for_each(|warning| warn!("{warning}"));
    candidates.iter().for_each(|candidate| registry.commit(candidate));
    let github = settings.github.clone();
    let transport = Transport::new(github, spool, metrics.github).map_err(StartError::from)?;
    let credentials = Credentials::default();
    let jobs = settings.targets.into_iter().map(|settings| {
        let (credential, api, target) = (&settings.credential, &settings.api, &settings.target);
        let client = Client::new(transport.clone(), &credentials, credential, api, target);
        // A serving exporter may have the same credential.
        let client = client.leaving_reserve();
        RecordJob { set: registry.set(&settings.source), client, settings }
    });
    Ok(offline::record(args, jobs.collect()).await?)
}
