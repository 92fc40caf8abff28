//! Opens what the settings name: the engine, the spool and the store.

use std::io;
use std::path::Path;
use std::sync::Arc;

use tracing::{info, warn};

use crate::body::Spool;
use crate::config::{SettingError, Settings};
use crate::store::{self, CompiledCode, Disk, Memory, Store, Tiered, Valkey, ValkeyMetrics};
use crate::wasm::{Compiler, Engine, EngineError};

/// The engine, with the cache of compiled code if a directory is set.
pub(super) fn engine(settings: &Settings, metrics: store::Metrics) -> Result<Engine, EngineError> {
    let directory = settings.cache_dir.as_ref().map(|directory| directory.join("compiled"));
    let cache = directory.and_then(|directory| {
        let opened = CompiledCode::open(&directory, Some(metrics));
        let failed = |error: &io::Error| {
            let directory = directory.display();
            warn!(%directory, %error, "cannot keep compiled mappings: every start compiles them");
        };
        opened.inspect_err(failed).ok()
    });
    Engine::with_compiler(settings.policy.limits.clone(), Compiler::in_child_process(cache))
}

/// Where the bodies of responses go: to the cache directory, or else the directory for temporary files.
pub(super) fn spool(settings: &Settings) -> Spool {
    let budget = settings.github.document_memory_bytes;
    // The store checks it.
    if let Some(directory) = &settings.cache_dir {
        return Spool::new(directory.clone(), budget);
    }
    let directory = std::env::temp_dir();
    // Creating a file needs no room.
    if let Err(error) = tempfile::tempfile_in(&directory) {
        let directory = directory.display();
        warn!(%error, "all documents stay in memory: {directory} can't be written to");
        return Spool::default();
    }
    Spool::new(directory, budget)
}

/// The store: in memory, and in Valkey or on disk if one of them is set.
pub(super) fn store(
    settings: &Settings,
    spool: &Spool,
    metrics: &ValkeyMetrics,
) -> Result<Arc<dyn Store>, SettingError> {
    if let Some(valkey) = &settings.valkey {
        if let Some(directory) = &settings.cache_dir {
            let (directory, server) = (directory.display(), &valkey.url);
            info!(%directory, %server, "documents and samples are kept in Valkey; CACHE_DIR keeps only compiled mappings");
        }
        let valkey = Valkey::new(valkey.clone(), spool.clone(), metrics.clone());
        return Ok(Arc::new(Tiered::new(valkey)));
    }
    let Some(directory) = &settings.cache_dir else { return Ok(Arc::new(Memory::default())) };
    Ok(Arc::new(Tiered::new(open_disk(directory, spool)?)))
}

/// The store in a directory.
pub(super) fn open_disk(directory: &Path, spool: &Spool) -> Result<Disk, SettingError> {
    Disk::open(directory, spool.clone()).map_err(|error| unusable_cache_dir(directory, &error))
}

/// The error of a cache directory that can't be used.
pub(super) fn unusable_cache_dir(directory: &Path, error: &io::Error) -> SettingError {
    let right = "it should be a directory that this process can write to";
    let problem = format!("{}: {error}; {right}", directory.display());
    SettingError { setting: "--cache-dir (CACHE_DIR)".to_owned(), problem }
}
