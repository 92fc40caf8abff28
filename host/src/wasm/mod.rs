//! Mappings: sandboxed WebAssembly components that turn GitHub's JSON into samples.
//!
//! A [`Mapping`] is compiled and checked once; every [`Run`] has a fresh instance of it, so that
//! nothing leaks from one target or refresh into the next. `interface` is what every version of the
//! contract (`wit/`) offers, `contract` selects the version, and `v0_1` and `v0_2` are the versions;
//! generated types do not leave them. `compile` is the only place that loads machine code.

mod compile;
mod compiler;
mod contract;
mod engine;
mod error;
mod header;
mod imports;
mod interface;
mod limits;
mod manifest;
mod mapping;
mod monotonic_clock;
mod run;
mod standard_error;
mod store;
mod types;
mod v0_1;
mod v0_2;
mod version;

pub use compiler::{CompileError, Compiler, SUBCOMMAND, compile_stdin};
pub use engine::{Engine, EngineError};
pub use error::LoadError;
pub use header::import_and_export_names;
pub use imports::ALLOWED_IMPORTS;
pub use limits::Limits;
pub use manifest::ManifestError;
pub use mapping::Mapping;
pub use run::{Run, RunError, TrapCause};
pub use version::{INTERFACE, Version};

/// The default mapping, built from `guest/` by this crate's build script.
pub static DEFAULT_MAPPING: &[u8] = include_bytes!(env!("DEFAULT_MAPPING"));
