//! What a mapping may import: only what the start of a language's runtime needs, and all of it empty.

use wasmtime::component::{Component, HasData, Linker, ResourceTable};
use wasmtime_wasi::cli::{WasiCli, WasiCliView};
use wasmtime_wasi::p2::bindings::{cli, random, sync};
use wasmtime_wasi::random::WasiRandom;
use wasmtime_wasi::{WasiView, p2};

use super::LoadError;
use super::engine::Engine;
use super::store::State;
use crate::text::plain;

/// The interfaces that Rust's standard library imports for wasm32-wasip2. The environment is
/// empty, standard input is closed, random numbers are always the same ones.
const ALLOWED: [&str; 14] = [
    "wasi:cli/environment",
    "wasi:cli/exit",
    "wasi:cli/stderr",
    "wasi:cli/stdin",
    "wasi:cli/stdout",
    "wasi:cli/terminal-input",
    "wasi:cli/terminal-output",
    "wasi:cli/terminal-stderr",
    "wasi:cli/terminal-stdin",
    "wasi:cli/terminal-stdout",
    "wasi:io/error",
    "wasi:io/poll",
    "wasi:io/streams",
    "wasi:random/insecure-seed",
];

/// How many imports are named.
const MAX_NAMED: usize = 20;

/// Refuses a component that imports anything else, with the imports' names.
pub(super) fn check(engine: &Engine, component: &Component) -> Result<(), LoadError> {
    let ty = component.component_type();
    let forbidden = |name: &&str| {
        let interface = name.split('@').next().unwrap_or(name);
        !ALLOWED.contains(&interface)
    };
    let imports = ty.imports(engine.wasmtime()).map(|(name, _)| name).filter(forbidden);
    let imports: Vec<&str> = imports.take(MAX_NAMED).collect();
    match imports.is_empty() {
        true => Ok(()),
        false => Err(LoadError::Import(plain(&imports.join(", ")))),
    }
}

/// `wasi:io` works on the table of resources only.
struct HasTable;

impl HasData for HasTable {
    type Data<'a> = &'a mut ResourceTable;
}

/// A linker with the allowed interfaces and nothing else.
pub(super) fn linker(engine: &Engine) -> wasmtime::Result<Linker<State>> {
    let mut linker = Linker::new(engine.wasmtime());
    let l = &mut linker;
    cli::environment::add_to_linker::<State, WasiCli>(l, State::cli)?;
    cli::exit::add_to_linker::<State, WasiCli>(l, State::cli)?;
    cli::stderr::add_to_linker::<State, WasiCli>(l, State::cli)?;
    cli::stdin::add_to_linker::<State, WasiCli>(l, State::cli)?;
    cli::stdout::add_to_linker::<State, WasiCli>(l, State::cli)?;
    cli::terminal_input::add_to_linker::<State, WasiCli>(l, State::cli)?;
    cli::terminal_output::add_to_linker::<State, WasiCli>(l, State::cli)?;
    cli::terminal_stderr::add_to_linker::<State, WasiCli>(l, State::cli)?;
    cli::terminal_stdin::add_to_linker::<State, WasiCli>(l, State::cli)?;
    cli::terminal_stdout::add_to_linker::<State, WasiCli>(l, State::cli)?;
    random::insecure_seed::add_to_linker::<State, WasiRandom>(l, |state| state.ctx().ctx.random())?;
    p2::bindings::io::error::add_to_linker::<State, HasTable>(l, |state| state.ctx().table)?;
    sync::io::poll::add_to_linker::<State, HasTable>(l, |state| state.ctx().table)?;
    sync::io::streams::add_to_linker::<State, HasTable>(l, |state| state.ctx().table)?;
    Ok(linker)
}
