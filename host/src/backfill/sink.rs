//! Where daily samples go.

use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;
use thiserror::Error;

use super::args::Destination;
use crate::model::Samples;
use crate::output::OpenMetricsSpool;

/// Why samples can't be written.
#[derive(Debug, Error)]
pub enum SinkError {
    /// A temporary file.
    #[error("a temporary file: {0}")]
    Spool(io::Error),
    /// Standard output.
    #[error("failed to print: {0}")]
    Print(io::Error),
    /// The file.
    #[error("{}: {error}", path.display())]
    File {
        /// Its path.
        path: PathBuf,
        /// What failed.
        error: io::Error,
    },
}

/// Takes daily samples.
pub enum Sink {
    /// One OpenMetrics file, written at the end.
    OpenMetrics(OpenMetricsSpool, Destination),
}

impl Sink {
    /// A sink for a destination.
    pub fn new(to: Destination) -> Self {
        Self::OpenMetrics(OpenMetricsSpool::default(), to)
    }

    /// Takes the samples of a day.
    pub(super) fn add(&mut self, samples: &[Samples]) -> Result<(), SinkError> {
        match self {
            Self::OpenMetrics(spool, _) => {
                samples.iter().try_for_each(|samples| spool.add(samples)).map_err(SinkError::Spool)
            }
        }
    }

    /// Writes what has been taken. A file appears as a whole or not at all.
    pub(super) fn finish(self) -> Result<(), SinkError> {
        match self {
            Self::OpenMetrics(spool, Destination::Stdout) => {
                let mut out = BufWriter::new(io::stdout().lock());
                spool.write(&mut out).and_then(|()| out.flush()).map_err(SinkError::Print)
            }
            Self::OpenMetrics(spool, Destination::File(path)) => {
                write_file(spool, &path).map_err(|error| SinkError::File { path, error })
            }
        }
    }
}

fn write_file(spool: OpenMetricsSpool, path: &Path) -> io::Result<()> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let file = NamedTempFile::new_in(directory.unwrap_or(Path::new(".")))?;
    let mut out = BufWriter::new(file);
    spool.write(&mut out)?;
    let file = out.into_inner().map_err(|error| error.into_error())?;
    file.persist(path).map(drop).map_err(|error| error.error)
}
