//! A mapping that is ready to run.

use std::sync::Arc;

use wasmtime::component::Component;

use super::engine::Engine;
use super::error::LoadError;
use super::interface::Contract;
use super::limits::Limits;
use super::run::{Run, RunError};
use super::version::Version;
use super::{contract, imports, manifest, run};
use crate::model::digest::sha256;
use crate::model::{Manifest, MappingId, MappingOption, Scope, Span, Target};

/// Says what bytes are that are not a component.
/// <https://github.com/WebAssembly/component-model/blob/main/design/mvp/Binary.md#component-definitions>
fn describe_other_format(bytes: &[u8], error: &wasmtime::Error) -> String {
    match bytes {
        [] => "the file is empty".to_owned(),
        [0, b'a', b's', b'm', 1, 0, 0, 0, ..] => {
            "it is a core module; build it for wasm32-wasip2, or convert it with `wasm-tools component new`".to_owned()
        }
        [0, b'a', b's', b'm', ..] => {
            let words: Vec<String> =
                format!("{error:#}").split_whitespace().map(str::to_owned).collect();
            format!("it is truncated or corrupt: {}", words.join(" "))
        }
        _ => "it does not start like a WebAssembly file".to_owned(),
    }
}

/// A mapping: compiled, checked, ready to run any number of times.
pub struct Mapping {
    engine: Engine,
    contract: Box<dyn Contract>,
    version: Version,
    manifest: Manifest,
    sha256: String,
}

impl Mapping {
    /// Compiles a component, checks what it imports and exports, and asks it to describe itself.
    ///
    /// This takes the time of a compilation: half a second and more.
    pub fn load(engine: &Engine, bytes: &[u8]) -> Result<Self, LoadError> {
        // `from_binary` accepts only WebAssembly, never precompiled machine code, which could do anything.
        let component = Component::from_binary(engine.wasmtime(), bytes)
            .map_err(|error| LoadError::NotAComponent(describe_other_format(bytes, &error)))?;
        let ty = component.component_type();
        imports::check(engine, &ty)?;
        let version = contract::find(engine, &ty)?;
        let linker =
            imports::linker(engine).map_err(|error| LoadError::World(error.to_string()))?;
        let contract = linker
            .instantiate_pre(&component)
            .and_then(|pre| contract::prepare(version, pre))
            .map_err(|error| LoadError::World(format!("{error:#}")))?;
        let manifest = run::describe(engine, &*contract)
            .map_err(|error| LoadError::Describe(Box::new(error)))?;
        manifest::check(&manifest)?;
        let sha256 = sha256([bytes]);
        Ok(Self { engine: engine.clone(), contract, version, manifest, sha256 })
    }

    /// The version of the contract that it was built for.
    pub fn version(&self) -> Version {
        self.version
    }

    /// What the mapping says about itself.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.manifest.name
    }

    /// What identifies it.
    pub fn id(&self) -> MappingId {
        let Manifest { name, version, .. } = &self.manifest;
        let (name, version) = (name.clone(), version.clone());
        MappingId { name, version, sha256: self.sha256.clone() }
    }

    /// The limits of every run.
    pub fn limits(&self) -> Arc<Limits> {
        self.engine.limits()
    }

    /// The SHA-256 of the component's bytes, in hexadecimal.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// Whether the mapping accepts the values of these options: a run without documents tells. Its
    /// other errors do not matter.
    pub fn check_options(&self, options: &[MappingOption]) -> Result<(), String> {
        let target = Target::new(Scope::Organization, "none")?;
        let run = self.start(&target, Span::Latest, options);
        match run.and_then(|mut run| run.finish()) {
            Err(RunError::Refused(reason)) => Err(reason),
            _ => Ok(()),
        }
    }

    /// Starts a run for a target, in a fresh instance.
    pub fn start(
        &self,
        target: &Target,
        span: Span,
        options: &[MappingOption],
    ) -> Result<Run, RunError> {
        Run::start(&self.engine, &*self.contract, target, span, options)
    }
}
