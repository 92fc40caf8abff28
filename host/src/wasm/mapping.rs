//! A mapping that is ready to run.

use std::sync::Arc;

use bytes::Bytes;
use wasmtime::component::Component;

use super::DEFAULT_MAPPING;
use super::compile::{blocking, compile};
use super::compiler::{CompileError, Origin};
use super::engine::Engine;
use super::error::LoadError;
use super::header::Header;
use super::interface::Contract;
use super::limits::Limits;
use super::run::{Run, RunError};
use super::version::Version;
use super::{contract, imports, manifest, run, types};
use crate::model::digest::sha256;
use crate::model::{Manifest, MappingId, MappingOption, Scope, Span, Target};

/// Says what bytes are that are not a component.
/// <https://github.com/WebAssembly/component-model/blob/main/design/mvp/Binary.md#component-definitions>
fn describe_other_format(bytes: &[u8], error: &str) -> String {
    match bytes {
        [] => "the file is empty".to_owned(),
        [0, b'a', b's', b'm', 1, 0, 0, 0, ..] => {
            "it is a core module; build it for wasm32-wasip2, or convert it with `wasm-tools component new`".to_owned()
        }
        [0, b'a', b's', b'm', ..] => {
            let words: Vec<&str> = error.split_whitespace().collect();
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
    /// Compiles a component, and asks it to describe itself. What it imports and exports is checked
    /// before it is compiled, which takes half a second and more. Dropping the future ends the
    /// compilation.
    pub async fn load(engine: &Engine, bytes: impl Into<Bytes>) -> Result<Self, LoadError> {
        Self::load_from(Origin::File, engine, bytes.into()).await
    }

    /// The same for the default mapping, which no limit of compilations applies to.
    pub async fn load_default(engine: &Engine) -> Result<Self, LoadError> {
        Self::load_from(Origin::BuiltIn, engine, DEFAULT_MAPPING.into()).await
    }

    async fn load_from(origin: Origin, engine: &Engine, bytes: Bytes) -> Result<Self, LoadError> {
        let engine = engine.clone();
        let not_a_component = |bytes: &[u8], error: &str| {
            LoadError::NotAComponent(describe_other_format(bytes, error))
        };
        let judged = {
            let bytes = bytes.clone();
            blocking(move || {
                let is_core_module = bytes.starts_with(b"\0asm\x01\0\0\0");
                let header = match Header::read(&bytes) {
                    Ok(header) if !is_core_module => header,
                    Ok(_) => return Err(not_a_component(&bytes, "")),
                    Err(error) => return Err(not_a_component(&bytes, &error.to_string())),
                };
                imports::check(&header)?;
                let version = contract::find(&header)?;
                match types::difference(&bytes, version) {
                    Some(difference) => Err(LoadError::World(difference)),
                    None => Ok((version, sha256([&bytes]))),
                }
            })
        };
        let (version, sha256) = judged.await??;
        let component =
            compile(&engine, &bytes, &sha256, origin).await.map_err(|error| match error {
                LoadError::Compile(CompileError::Invalid(reason)) => {
                    not_a_component(&bytes, &reason)
                }
                error => error,
            })?;
        blocking(move || Self::check(engine, component, version, sha256)).await?
    }

    /// Blocking variant of [`Self::load`]; must not be called from async code.
    pub fn load_blocking(engine: &Engine, bytes: impl Into<Bytes>) -> Result<Self, LoadError> {
        block_on(Self::load(engine, bytes))?
    }

    /// Blocking variant of [`Self::load_default`]; must not be called from async code.
    pub fn load_default_blocking(engine: &Engine) -> Result<Self, LoadError> {
        block_on(Self::load_default(engine))?
    }

    fn check(
        engine: Engine,
        component: Component,
        version: Version,
        sha256: String,
    ) -> Result<Self, LoadError> {
        let linker =
            imports::linker(&engine).map_err(|error| LoadError::World(error.to_string()))?;
        let contract = linker
            .instantiate_pre(&component)
            .and_then(|pre| contract::prepare(version, pre))
            .map_err(|error| LoadError::World(format!("{error:#}")))?;
        let manifest = run::describe(&engine, &*contract)
            .map_err(|error| LoadError::Describe(Box::new(error)))?;
        manifest::check(&manifest)?;
        Ok(Self { engine, contract, version, manifest, sha256 })
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

/// Runs a future on this thread.
fn block_on<F: Future>(future: F) -> Result<F::Output, CompileError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| CompileError::Failed(error.to_string()))?;
    Ok(runtime.block_on(future))
}
