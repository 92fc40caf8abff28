//! `copilot-metrics-exporter map`: a mapping over recorded files.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Write};
use std::path::PathBuf;

use jiff::Timestamp;
use thiserror::Error;

use crate::cli::{MapArgs, Span};
use crate::exposition::snapshot::Snapshot;
use crate::pipeline::{self, MapError};
use crate::plugin::{
    DEFAULT_MAPPING, Engine, EngineError, Limits, LoadError, Mapping, documents_of, wit,
};
use crate::settings::check::check_option;
use crate::target::{Scope, Target};

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
    /// The exposition can't be printed.
    #[error("the exposition can't be printed: {0}")]
    Print(io::Error),
}

impl OfflineError {
    /// The exit code, as sysexits.h has them.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) => 64,
            Self::Load { .. } | Self::Map(_) => 65,
            Self::Open { .. } => 66,
            Self::Engine(_) | Self::Default(_) | Self::Print(_) => 1,
        }
    }
}

/// Maps the files and prints the exposition to `out`.
pub fn map(args: &MapArgs, out: &mut dyn Write) -> Result<(), OfflineError> {
    let (scope, name) = match (&args.org, &args.enterprise) {
        (_, Some(name)) => (Scope::Enterprise, name),
        (Some(name), None) => (Scope::Organization, name),
        (None, None) => return Err(OfflineError::Usage("give --org or --enterprise".to_owned())),
    };
    let target = Target::new(scope, name).map_err(OfflineError::Usage)?;
    let engine = Engine::new(Limits::default())?;
    let mapping = load(args, &engine)?;
    let mut options = Vec::new();
    for option in &args.options {
        check_option(&option.name, mapping.manifest()).map_err(OfflineError::Usage)?;
        let (name, value) = (option.name.clone(), option.value.clone());
        options.push(wit::OptionValue { name, value });
    }
    mapping.check_options(&options).map_err(OfflineError::Usage)?;
    let files = files(args, &mapping, scope)?;
    let span = match args.span {
        Span::Latest => wit::Span::Latest,
        Span::History => wit::Span::History,
    };
    let mapped = pipeline::map(&mapping, &target.to_wit(), span, &options, files)?;
    let snapshot = Snapshot::new([mapped.families.as_slice()]);
    out.write_all(snapshot.text()).and_then(|()| out.flush()).map_err(OfflineError::Print)
}

fn load(args: &MapArgs, engine: &Engine) -> Result<Mapping, OfflineError> {
    match &args.mapping {
        None => Mapping::load(engine, DEFAULT_MAPPING).map_err(OfflineError::Default),
        Some(path) => {
            let bytes = std::fs::read(path)
                .map_err(|error| OfflineError::Open { path: path.clone(), error })?;
            Mapping::load(engine, &bytes)
                .map_err(|error| OfflineError::Load { path: path.clone(), error })
        }
    }
}

/// Opens the files, in the order in which the mapping wants their documents.
fn files(
    args: &MapArgs,
    mapping: &Mapping,
    scope: Scope,
) -> Result<Vec<(wit::Document, File)>, OfflineError> {
    let order: Vec<&str> =
        documents_of(mapping.manifest(), scope.to_wit()).map(|spec| spec.name.as_str()).collect();
    let fetched_at = args.fetched_at.unwrap_or_else(Timestamp::now).as_second();
    let mut parts: HashMap<&str, u32> = HashMap::new();
    let mut files = Vec::new();
    for document in &args.documents {
        let name = document.name.as_str();
        let at = order.iter().position(|known| *known == name).ok_or_else(|| {
            OfflineError::Usage(format!(
                "the mapping knows no document {name:?} of an {scope}; it knows: {}",
                order.join(", ")
            ))
        })?;
        let file = File::open(&document.path)
            .map_err(|error| OfflineError::Open { path: document.path.clone(), error })?;
        let part = parts.entry(name).or_default();
        files.push((at, wit::Document { name: name.to_owned(), part: *part, fetched_at }, file));
        *part += 1;
    }
    // Stable, so that the parts of a document keep their order.
    files.sort_by_key(|(at, _, _)| *at);
    Ok(files.into_iter().map(|(_, document, file)| (document, file)).collect())
}
