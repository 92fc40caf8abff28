//! What is done with mappings without serving, a network or a token: `map` runs one over recorded
//! files, `mapping check` (`check`) takes one through every gate, `mapping show` (`show`) says what it is.

mod check;
mod map;
mod show;

pub use check::check;
pub use map::map;
pub use show::show;

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::runner::pipeline::MapError;
use crate::wasm::{DEFAULT_MAPPING, Engine, EngineError, LoadError, Mapping};

/// Why nothing was printed.
#[derive(Debug, Error)]
pub enum OfflineError {
    /// An argument is wrong.
    #[error("{0}")]
    Usage(String),
    /// A file can't be opened.
    #[error("{}: {error}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// The engine does not work.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The file is no mapping.
    #[error("{}: {error}", path.display())]
    Load {
        /// The file.
        path: PathBuf,
        /// Why.
        error: LoadError,
    },
    /// The default mapping is broken.
    #[error("the default mapping: {0}")]
    Default(LoadError),
    /// The documents can't be mapped.
    #[error(transparent)]
    Map(#[from] MapError),
    /// It can't be printed.
    #[error("it can't be printed: {0}")]
    Print(#[from] io::Error),
    /// A mapping has not passed every gate. The report says which and why.
    #[error("{}: the mapping can't be used", .0.display())]
    Refused(PathBuf),
}

impl OfflineError {
    /// Whether whoever reads has gone, as `head` does: no failure.
    pub fn is_broken_pipe(&self) -> bool {
        matches!(self, Self::Print(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }

    /// The exit code, as sysexits.h has them.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) => 64,
            Self::Load { .. } | Self::Map(_) | Self::Refused(_) => 65,
            Self::Open { .. } => 66,
            Self::Engine(_) | Self::Default(_) | Self::Print(_) => 1,
        }
    }
}

/// Loads the mapping in a file, or the default one.
fn load(engine: &Engine, path: Option<&Path>) -> Result<Mapping, OfflineError> {
    let Some(path) = path else {
        return Mapping::load(engine, DEFAULT_MAPPING).map_err(OfflineError::Default);
    };
    let bytes =
        std::fs::read(path).map_err(|error| OfflineError::Open { path: path.to_owned(), error })?;
    Mapping::load(engine, &bytes)
        .map_err(|error| OfflineError::Load { path: path.to_owned(), error })
}
