//! The WebAssembly engine: one for the process.

use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use arc_swap::ArcSwap;
use thiserror::Error;
use tracing::warn;
use wasmtime::Config;

use super::compiled;
use super::limits::Limits;

/// How often the clock of running mappings ticks: the precision of time limits.
pub(super) const TICK: Duration = Duration::from_millis(10);

/// The engine could not be set up on this machine.
#[derive(Debug, Error)]
pub enum EngineError {
    /// wasmtime refused the configuration.
    #[error("the WebAssembly engine does not work on this machine: {0}")]
    Wasmtime(String),
    /// The thread of the clock could not be started.
    #[error("failed to start the clock of the WebAssembly engine: {0}")]
    Ticker(#[from] std::io::Error),
}

/// The engine, with the limits that every run on it has. Clones are the same engine.
#[derive(Clone)]
pub struct Engine {
    wasmtime: wasmtime::Engine,
    limits: Arc<ArcSwap<Limits>>,
}

impl Engine {
    /// Sets up the engine and starts its clock. Nothing that it compiles is kept.
    pub fn new(limits: Limits) -> Result<Self, EngineError> {
        Self::with_cache(limits, None)
    }

    /// The same, with a directory that keeps what was compiled. If it can't be used, that only costs time.
    pub fn with_cache(limits: Limits, directory: Option<&Path>) -> Result<Self, EngineError> {
        let mut config = Config::new();
        config.wasm_component_model(true).epoch_interruption(true);
        match directory.map(compiled::open).transpose() {
            Ok(cache) => _ = config.cache(cache),
            Err(error) => {
                let directory = directory.unwrap_or(Path::new("")).display();
                warn!(%directory, %error, "cannot keep compiled mappings: every start compiles them");
            }
        }
        let wasmtime = wasmtime::Engine::new(&config)
            .map_err(|error| EngineError::Wasmtime(format!("{error:#}")))?;
        // A thread of its own: a mapping that spins must not be able to stop its clock by occupying
        // tokio's threads. It ends when the engine is dropped.
        let weak = wasmtime.weak();
        thread::Builder::new().name("mapping-clock".to_owned()).spawn(move || {
            while let Some(engine) = weak.upgrade() {
                engine.increment_epoch();
                drop(engine);
                thread::sleep(TICK);
            }
        })?;
        Ok(Self { wasmtime, limits: Arc::new(ArcSwap::from_pointee(limits)) })
    }

    pub(super) fn wasmtime(&self) -> &wasmtime::Engine {
        &self.wasmtime
    }

    /// The limits of every run.
    pub fn limits(&self) -> Arc<Limits> {
        self.limits.load_full()
    }

    /// Sets the limits of the runs that start from now on.
    pub fn set_limits(&self, limits: Limits) {
        self.limits.store(Arc::new(limits));
    }
}
