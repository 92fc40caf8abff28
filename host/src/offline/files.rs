//! Loads mappings and recorded files, and says why that fails.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;
use jiff::Timestamp;
use thiserror::Error;

use super::args::RecordedDocument;
use crate::model::{PartHeader, Scope};
use crate::oci::OciError;
use crate::runner::MapError;
use crate::wasm::{Compiler, Engine, EngineError, Limits, LoadError, Mapping};

/// Why a command failed.
#[derive(Debug, Error)]
pub enum OfflineError {
    /// An invalid argument.
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
    /// A file can't be written.
    #[error("failed to write {}: {error}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// The engine does not work.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The file is not a mapping.
    #[error("{}: {error}", path.display())]
    Load {
        /// The file.
        path: PathBuf,
        /// Why.
        error: LoadError,
    },
    /// The default mapping does not load.
    #[error("the default mapping: {0}")]
    Default(LoadError),
    /// The documents can't be mapped.
    #[error(transparent)]
    Map(#[from] MapError),
    /// The samples can't be written.
    #[error("failed to write the samples: {0}")]
    Encode(#[from] prometheus::Error),
    /// The result can't be printed.
    #[error("failed to print: {0}")]
    Print(#[from] io::Error),
    /// The mapping can't be pushed.
    #[error("{reference}: {error}")]
    Push {
        /// Where to.
        reference: String,
        /// Why.
        error: OciError,
    },
    /// A case can't be used.
    #[error("{}: {reason}", path.display())]
    Case {
        /// The file or directory.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// Cases failed; the report says which.
    #[error("{failed} of {all} cases failed")]
    Failed {
        /// How many.
        failed: usize,
        /// Of how many.
        all: usize,
    },
    /// This machine failed.
    #[error("{0}")]
    Machine(String),
    /// A mapping failed a check; the report says which.
    #[error("{}: the mapping can't be used", .0.display())]
    Refused(PathBuf),
}

impl OfflineError {
    /// Whether the reader of the output is gone, as with `head`: not a failure.
    pub fn is_broken_pipe(&self) -> bool {
        matches!(self, Self::Print(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }

    /// The exit code, as in sysexits.h.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) => 64,
            Self::Load { .. } | Self::Map(_) | Self::Refused(_) | Self::Case { .. } => 65,
            Self::Open { .. } => 66,
            Self::Push { .. }
            | Self::Engine(_)
            | Self::Default(_)
            | Self::Encode(_)
            | Self::Print(_)
            | Self::Failed { .. }
            | Self::Machine(_)
            | Self::Write { .. } => 1,
        }
    }
}

/// An engine that compiles as a serving exporter does, and keeps nothing.
pub(super) fn engine(limits: Limits) -> Result<Engine, EngineError> {
    Engine::with_compiler(limits, Compiler::in_child_process(None))
}

/// Loads the mapping in a file, or the default one.
pub(super) fn load(engine: &Engine, path: Option<&Path>) -> Result<Mapping, OfflineError> {
    let Some(path) = path else {
        return Mapping::load_default_blocking(engine).map_err(OfflineError::Default);
    };
    let bytes =
        std::fs::read(path).map_err(|error| OfflineError::Open { path: path.to_owned(), error })?;
    Mapping::load_blocking(engine, bytes)
        .map_err(|error| OfflineError::Load { path: path.to_owned(), error })
}

/// Opens a file, which may be compressed with gzip.
fn open_file(path: &Path) -> io::Result<Box<dyn Read>> {
    let mut file = BufReader::new(File::open(path)?);
    Ok(match file.fill_buf()?.starts_with(&[0x1f, 0x8b]) {
        true => Box::new(MultiGzDecoder::new(file)),
        false => Box::new(file),
    })
}

/// A recorded body and what is known about it.
pub(super) type RecordedBody = (PartHeader, Box<dyn Read>);

/// Takes the documents out that the mapping does not want, and returns their names.
pub(super) fn take_unknown(
    documents: &mut Vec<RecordedDocument>,
    mapping: &Mapping,
    scope: Scope,
) -> Vec<String> {
    let is_known =
        |name: &str| mapping.manifest().documents_of(scope).any(|spec| spec.name == name);
    let mut unknown = Vec::new();
    documents.retain(|document| {
        let known = is_known(&document.name);
        if !known && !unknown.contains(&document.name) {
            unknown.push(document.name.clone());
        }
        known
    });
    unknown
}

/// Opens recorded files, in the order in which the mapping wants their documents.
pub(super) fn open(
    documents: &[RecordedDocument],
    fetched_at: Option<Timestamp>,
    mapping: &Mapping,
    scope: Scope,
) -> Result<Vec<RecordedBody>, OfflineError> {
    let order: Vec<&str> =
        mapping.manifest().documents_of(scope).map(|spec| spec.name.as_str()).collect();
    let fetched_at = fetched_at.unwrap_or_else(Timestamp::now).as_second();
    let mut parts: HashMap<&str, u32> = HashMap::new();
    let mut files = Vec::new();
    for document in documents {
        let name = document.name.as_str();
        let at = order.iter().position(|known| *known == name).ok_or_else(|| {
            OfflineError::Usage(format!(
                "the mapping has no document {name:?} of an {scope}; it has: {}",
                order.join(", ")
            ))
        })?;
        let file = open_file(&document.path)
            .map_err(|error| OfflineError::Open { path: document.path.clone(), error })?;
        let part = parts.entry(name).or_default();
        let header = PartHeader::new(name, *part, fetched_at);
        files.push((at, PartHeader { report_day: document.day, ..header }, file));
        *part += 1;
    }
    // Stable, so that the parts of a document keep their order.
    files.sort_by_key(|(at, _, _)| *at);
    Ok(files.into_iter().map(|(_, document, file)| (document, file)).collect())
}
