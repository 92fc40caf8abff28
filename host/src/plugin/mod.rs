//! Mappings: sandboxed WebAssembly components that turn GitHub's JSON into samples.
//!
//! A [`Mapping`] is compiled and checked once; every [`Run`] has a fresh instance of it, so that
//! nothing leaks from one target or refresh into the next. `wit/mapping.wit` is the contract.

mod bindings;
mod engine;
mod imports;
mod limits;
mod manifest;
mod run;

pub use bindings::wit;
pub use engine::{Engine, EngineError};
pub use limits::Limits;
pub use manifest::{ManifestError, documents_of};
pub use run::{Run, RunError, TrapCause};

use thiserror::Error;
use wasmtime::component::Component;

use crate::digest::sha256;

/// The default mapping, built from `guest/` by this crate's build script.
pub static DEFAULT_MAPPING: &[u8] = include_bytes!(env!("DEFAULT_MAPPING"));

/// Why a file is not a mapping that can be used.
#[derive(Debug, Error)]
pub enum LoadError {
    /// It is not a component: text, a core module, cut off.
    #[error("not a WebAssembly component: {0}")]
    NotAComponent(String),
    /// It imports more than a mapping may have.
    #[error(
        "it imports {0}, which mappings don't get: they have no files, sockets, clocks or environment"
    )]
    Import(String),
    /// It does not export what a mapping must.
    #[error("not a mapping for this exporter: {0}")]
    World(String),
    /// `describe` did not return.
    #[error("`describe` failed: {0}")]
    Describe(#[source] Box<RunError>),
    /// `describe` returned something that makes no sense.
    #[error("`describe` returned a manifest that can't be used: {0}")]
    Manifest(#[from] ManifestError),
}

/// A mapping: compiled, checked, ready to run any number of times.
pub struct Mapping {
    engine: Engine,
    pre: bindings::MappingPre<run::State>,
    manifest: wit::Manifest,
    sha256: String,
}

impl Mapping {
    /// Compiles a component, checks what it imports and exports, and asks it to describe itself.
    ///
    /// This takes the time of a compilation: half a second and more.
    pub fn load(engine: &Engine, bytes: &[u8]) -> Result<Self, LoadError> {
        // `from_binary` reads WebAssembly only, never precompiled machine code, which could do anything.
        let component = Component::from_binary(engine.wasmtime(), bytes)
            .map_err(|error| LoadError::NotAComponent(format!("{error:#}")))?;
        imports::check(engine, &component)?;
        let linker =
            imports::linker(engine).map_err(|error| LoadError::World(error.to_string()))?;
        let pre = linker
            .instantiate_pre(&component)
            .and_then(bindings::MappingPre::new)
            .map_err(|error| LoadError::World(format!("{error:#}")))?;
        let manifest =
            run::describe(engine, &pre).map_err(|error| LoadError::Describe(Box::new(error)))?;
        manifest::check(&manifest)?;
        let sha256 = sha256([bytes]);
        Ok(Self { engine: engine.clone(), pre, manifest, sha256 })
    }

    /// What the mapping says of itself.
    pub fn manifest(&self) -> &wit::Manifest {
        &self.manifest
    }

    /// The limits of every run.
    pub fn limits(&self) -> &Limits {
        self.engine.limits()
    }

    /// The SHA-256 of the component's bytes, in hexadecimal.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// Whether the mapping takes the values of these options: it is asked by a run over nothing.
    /// What else it has to say of nothing does not count.
    pub fn check_options(&self, options: &[wit::OptionValue]) -> Result<(), String> {
        let target = wit::Target { scope: wit::Scope::Organization, name: String::new() };
        let run = self.start(&target, wit::Span::Latest, options);
        match run.and_then(Run::finish) {
            Err(RunError::Refused(reason)) => Err(reason),
            _ => Ok(()),
        }
    }

    /// Starts a run for a target, in a fresh instance.
    pub fn start(
        &self,
        target: &wit::Target,
        span: wit::Span,
        options: &[wit::OptionValue],
    ) -> Result<Run, RunError> {
        Run::start(&self.engine, &self.pre, target, span, options)
    }
}
