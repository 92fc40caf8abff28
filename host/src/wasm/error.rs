//! Why a file can't be used as a mapping.

use thiserror::Error;

use super::compiler::CompileError;
use super::manifest::ManifestError;
use super::run::RunError;
use super::version::{INTERFACE, Version};

/// Why a file is not a mapping that can be used.
#[derive(Debug, Error)]
pub enum LoadError {
    /// It is not a component: text, a core module, truncated.
    #[error("not a WebAssembly component: {0}")]
    NotAComponent(String),
    /// It imports more than a mapping may have.
    #[error("it imports {0}, which mappings must not use")]
    Import(String),
    /// It does not export what a mapping must.
    #[error(
        "not a mapping for this exporter: it does not export {INTERFACE}@{newest}, but {0}",
        newest = Version::NEWEST
    )]
    Export(String),
    /// It was built for a version of the contract that this host does not support.
    #[error(
        "it exports {INTERFACE}@{0}, but this exporter supports 0.1.0 to {newest}: build it for that version, or use a newer exporter",
        newest = Version::NEWEST
    )]
    Version(String),
    /// Its exports have other types than the contract's.
    #[error("not a mapping for this exporter: {0}")]
    World(String),
    /// It could not be compiled.
    #[error(transparent)]
    Compile(#[from] CompileError),
    /// `describe` did not return.
    #[error("`describe` failed: {0}")]
    Describe(#[source] Box<RunError>),
    /// `describe` returned an invalid manifest.
    #[error("`describe` returned an invalid manifest: {0}")]
    Manifest(#[from] ManifestError),
}

impl LoadError {
    /// Whether the machine is to blame rather than the file.
    pub fn blames_machine(&self) -> bool {
        matches!(self, Self::Compile(CompileError::NoProcess(_) | CompileError::Failed(_)))
    }

    /// The cause as a label.
    pub fn cause(&self) -> &'static str {
        match self {
            Self::NotAComponent(_) => "component",
            Self::Import(_) => "import",
            Self::Export(_) | Self::World(_) => "world",
            Self::Version(_) => "version",
            Self::Compile(CompileError::Invalid(_)) => "component",
            Self::Compile(CompileError::Time(_)) => "compile_time",
            Self::Compile(CompileError::Memory(_)) => "compile_memory",
            Self::Compile(CompileError::NoProcess(_) | CompileError::Failed(_)) => "compile",
            Self::Describe(_) => "describe",
            Self::Manifest(_) => "manifest",
        }
    }
}
