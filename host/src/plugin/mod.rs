//! Mappings: sandboxed WebAssembly components that turn GitHub's JSON into samples.
//!
//! A [`Mapping`] is compiled and checked once; every [`Run`] has a fresh instance of it, so that
//! nothing leaks from one target or refresh into the next. `wit/0.1/mapping.wit` is the contract,
//! `versions` the only place that knows its versions.

mod bindings;
mod compiled;
mod engine;
mod imports;
mod limits;
mod manifest;
mod run;
mod store;
mod versions;

pub use bindings::wit;
pub use engine::{Engine, EngineError};
pub use limits::Limits;
pub use manifest::{ManifestError, documents_of};
pub use run::{Run, RunError, TrapCause};
pub use versions::{INTERFACE, Version};

use std::sync::Arc;

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
    #[error(
        "not a mapping for this exporter: it does not export {INTERFACE}@{newest}, but {0}",
        newest = Version::NEWEST
    )]
    Export(String),
    /// It has a version of the contract that this host does not speak.
    #[error(
        "it exports {INTERFACE}@{0}, and this exporter speaks {newest}: build it for that version, or take a newer exporter",
        newest = Version::NEWEST
    )]
    Version(String),
    /// Its exports have other types than the contract's.
    #[error("not a mapping for this exporter: {0}")]
    World(String),
    /// `describe` did not return.
    #[error("`describe` failed: {0}")]
    Describe(#[source] Box<RunError>),
    /// `describe` returned something that makes no sense.
    #[error("`describe` returned a manifest that can't be used: {0}")]
    Manifest(#[from] ManifestError),
}

impl LoadError {
    /// The cause as a label.
    pub fn cause(&self) -> &'static str {
        match self {
            Self::NotAComponent(_) => "component",
            Self::Import(_) => "import",
            Self::Export(_) | Self::World(_) => "world",
            Self::Version(_) => "version",
            Self::Describe(_) => "describe",
            Self::Manifest(_) => "manifest",
        }
    }
}

/// What bytes are that are no component.
/// <https://github.com/WebAssembly/component-model/blob/main/design/mvp/Binary.md#component-definitions>
fn what_else(bytes: &[u8], error: &wasmtime::Error) -> String {
    match bytes {
        [] => "the file is empty".to_owned(),
        [0, b'a', b's', b'm', 1, 0, 0, 0, ..] => {
            "it is a core module; build it for wasm32-wasip2, or make a component of it with `wasm-tools component new`".to_owned()
        }
        [0, b'a', b's', b'm', ..] => {
            let words: Vec<String> =
                format!("{error:#}").split_whitespace().map(str::to_owned).collect();
            format!("it is cut off or broken: {}", words.join(" "))
        }
        _ => "it does not begin as WebAssembly does".to_owned(),
    }
}

/// A mapping: compiled, checked, ready to run any number of times.
pub struct Mapping {
    engine: Engine,
    pre: versions::Pre,
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
            .map_err(|error| LoadError::NotAComponent(what_else(bytes, &error)))?;
        imports::check(engine, &component)?;
        let version = Version::find(engine, &component)?;
        let linker =
            imports::linker(engine).map_err(|error| LoadError::World(error.to_string()))?;
        let pre = linker
            .instantiate_pre(&component)
            .and_then(|pre| versions::Pre::new(version, pre))
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
    pub fn limits(&self) -> Arc<Limits> {
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
        match run.and_then(|mut run| run.finish()) {
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
