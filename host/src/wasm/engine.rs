//! The WebAssembly engine: one for the process.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use arc_swap::ArcSwap;
use thiserror::Error;

use super::compiler::{Compiler, configuration};
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
    compiler: Arc<Compiler>,
}

impl Engine {
    /// Sets up the engine and starts its clock. It compiles in this process, and keeps nothing.
    pub fn new(limits: Limits) -> Result<Self, EngineError> {
        Self::with_compiler(limits, Compiler::default())
    }

    /// The same, with another way to compile.
    pub fn with_compiler(limits: Limits, compiler: Compiler) -> Result<Self, EngineError> {
        let wasmtime = wasmtime::Engine::new(&configuration())
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
        let limits = Arc::new(ArcSwap::from_pointee(limits));
        Ok(Self { wasmtime, limits, compiler: Arc::new(compiler) })
    }

    pub(super) fn compiler(&self) -> &Compiler {
        &self.compiler
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
