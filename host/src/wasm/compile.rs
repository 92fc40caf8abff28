//! Compiles components, or takes their code from what is kept, and loads it. This is the only place that
//! loads machine code.

use std::hash::{DefaultHasher, Hash, Hasher};

use bytes::Bytes;
use tracing::warn;
use wasmtime::component::Component;

use super::compiler::{CompileError, Origin, precompile};
use super::engine::Engine;
use super::error::LoadError;
use super::installed;
use crate::store::CodeKey;

/// Compiles a component, or takes it from what is kept. The result is ready to be instantiated.
pub(super) async fn compile(
    engine: &Engine,
    bytes: &Bytes,
    sha256: &str,
    origin: Origin,
) -> Result<Component, LoadError> {
    let compatibility = compatibility(engine);
    let cached = {
        let (engine, sha256, compatibility) =
            (engine.clone(), sha256.to_owned(), compatibility.clone());
        blocking(move || {
            let key = CodeKey { sha256: &sha256, compatibility: &compatibility };
            let compiler = engine.compiler();
            let kept = compiler.cache().and_then(|cache| cache.load(key));
            let kept = kept.and_then(|code| load(&engine, &code).ok());
            if kept.is_some() || origin != Origin::BuiltIn {
                return kept;
            }
            let code = installed::load(compiler.installed()?, &sha256)?;
            let installed = load(&engine, &code);
            installed
                .inspect_err(|error| {
                    warn!(
                        error = format!("{error:#}"),
                        "the installed compiled default mapping can't be used; compiling it again"
                    )
                })
                .ok()
        })
    };
    if let Some(component) = cached.await? {
        return Ok(component);
    }
    let code = engine.compiler().compile(bytes, &engine.limits(), origin).await?;
    let (engine, bytes, sha256) = (engine.clone(), bytes.clone(), sha256.to_owned());
    let component = blocking(move || {
        let code = match code {
            Some(code) => code,
            None => precompile(engine.wasmtime(), &bytes)?,
        };
        if let Some(cache) = engine.compiler().cache() {
            cache.save(CodeKey { sha256: &sha256, compatibility: &compatibility }, &code);
        }
        load(&engine, &code).map_err(|error| CompileError::Failed(format!("{error:#}")))
    });
    Ok(component.await??)
}

/// Identifies the compiler, its settings and the processor: code of one is of no use to another.
fn compatibility(engine: &Engine) -> String {
    let mut hasher = DefaultHasher::new();
    engine.wasmtime().precompile_compatibility_hash().hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

/// Loads machine code.
#[expect(unsafe_code, reason = "machine code can do anything")]
fn load(engine: &Engine, code: &[u8]) -> wasmtime::Result<Component> {
    // SAFETY: the code comes from `precompile`: in this process, through the pipe of a child, or from
    // `CompiledCode` and `installed`, which check that it is what was saved. None comes from outside.
    unsafe { Component::deserialize(engine.wasmtime(), code) }
}

/// Runs something on a thread for blocking work. It fails if that panics, or if the exporter stops.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, CompileError> {
    let result = tokio::task::spawn_blocking(work).await;
    result.map_err(|error| CompileError::Failed(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Limits;
    use crate::store::CompiledCode;
    use crate::wasm::compiler::Compiler;
    use crate::wasm::{DEFAULT_MAPPING, Mapping};

    #[tokio::test]
    async fn where_no_process_can_be_started_mappings_are_compiled_in_this_one() {
        let compiler = Compiler::new(Some("/nowhere/copilot-metrics-exporter".into()), None);
        let engine = Engine::with_compiler(Limits::default(), compiler).unwrap();
        let mapping = Mapping::load(&engine, DEFAULT_MAPPING).await.unwrap();
        assert_eq!(mapping.name(), "github-copilot");
    }

    #[tokio::test]
    async fn what_is_kept_is_loaded_without_a_compiler() {
        let directory = tempfile::tempdir().unwrap();
        let cache = || CompiledCode::open(&directory.path().join("compiled"), None).ok();
        let compiler = Compiler::new(None, cache());
        let engine = Engine::with_compiler(Limits::default(), compiler).unwrap();
        Mapping::load(&engine, DEFAULT_MAPPING).await.unwrap();
        // This program never ends with success.
        let compiler = Compiler::new(Some("/bin/false".into()), cache());
        let engine = Engine::with_compiler(Limits::default(), compiler).unwrap();
        Mapping::load(&engine, DEFAULT_MAPPING).await.unwrap();
    }

    #[tokio::test]
    async fn the_built_in_mapping_is_used_even_if_the_compiler_fails_and_others_are_refused() {
        let engine = || {
            let compiler = Compiler::new(Some("/bin/false".into()), None);
            Engine::with_compiler(Limits::default(), compiler).unwrap()
        };
        assert_eq!(Mapping::load_default(&engine()).await.unwrap().name(), "github-copilot");
        let refused = Mapping::load(&engine(), DEFAULT_MAPPING).await.err().unwrap();
        assert_eq!(refused.cause(), "compile");
    }
}
