//! Where daily samples go.

use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use futures_util::future::join_all;
use jiff::civil::Date;
use tempfile::NamedTempFile;
use thiserror::Error;
use tokio::time::Instant;

use super::args::Destination;
use super::encoder::{EncodedDay, Encoder};
use super::outcome::{DayResult, Outcome};
use super::receiver::Receiver;
use crate::model::Samples;
use crate::output::OpenMetricsSpool;

/// Why samples can't be written.
#[derive(Debug, Error)]
pub enum SinkError {
    /// A temporary file.
    #[error("a temporary file: {0}")]
    Spool(io::Error),
    /// The task that writes ended too early.
    #[error("writing was aborted: {0}")]
    Aborted(tokio::task::JoinError),
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
    /// Endpoints for remote write.
    RemoteWrite(Vec<Receiver>),
}

impl Sink {
    /// One file in the OpenMetrics format.
    pub fn openmetrics(to: Destination) -> Self {
        Self::OpenMetrics(OpenMetricsSpool::default(), to)
    }

    /// What encodes days for it.
    pub(super) fn encoder(&self) -> Encoder {
        let receivers = match self {
            Self::OpenMetrics(..) => Vec::new(),
            Self::RemoteWrite(receivers) => {
                receivers.iter().map(|receiver| receiver.settings().clone()).collect()
            }
        };
        Encoder { receivers }
    }

    /// Takes a day that [`Self::encoder`] has encoded. Receivers say what became of it when they have taken
    /// the next one, or by [`Self::flush`].
    pub(super) async fn add(&mut self, encoded: EncodedDay) -> Result<Vec<DayResult>, SinkError> {
        let EncodedDay { day, samples, requests } = encoded;
        match self {
            Self::OpenMetrics(spool, to) => {
                let mut samples = samples.iter();
                samples.try_for_each(|samples| spool.add(samples)).map_err(SinkError::Spool)?;
                let receiver = to.to_string();
                Ok(vec![DayResult { receiver, day, outcome: Outcome::Written }])
            }
            Self::RemoteWrite(receivers) => {
                let written = receivers
                    .iter_mut()
                    .zip(requests)
                    .map(|(receiver, requests)| receiver.write(day, &samples, requests));
                Ok(join_all(written).await.into_iter().flatten().collect())
            }
        }
    }

    /// Ends the days of a target.
    pub(super) async fn flush(&mut self) -> Vec<DayResult> {
        match self {
            Self::OpenMetrics(..) => Vec::new(),
            Self::RemoteWrite(receivers) => {
                let flushed = receivers.iter_mut().map(Receiver::finish);
                join_all(flushed).await.into_iter().flatten().collect()
            }
        }
    }

    /// Asks the receivers for the samples of a day, until a time for what may not be visible yet. With
    /// `correct`, a value that differs is written again.
    pub(super) async fn verify(
        &mut self,
        day: Date,
        samples: &[Samples],
        correct: bool,
        patience: Instant,
    ) -> Vec<DayResult> {
        match self {
            // A file has what was written to it.
            Self::OpenMetrics(..) => Vec::new(),
            Self::RemoteWrite(receivers) => {
                let verified =
                    receivers.iter_mut().map(|of| of.verify(day, samples, correct, patience));
                join_all(verified).await.into_iter().flatten().collect()
            }
        }
    }

    /// Writes what has been taken. A file appears as a whole or not at all.
    pub(super) fn finish(self) -> Result<(), SinkError> {
        match self {
            Self::OpenMetrics(spool, Destination::File(path)) => {
                write_file(spool, &path).map_err(|error| SinkError::File { path, error })
            }
            Self::OpenMetrics(spool, _) => {
                let mut out = BufWriter::new(io::stdout().lock());
                spool.write(&mut out).and_then(|()| out.flush()).map_err(SinkError::Print)
            }
            Self::RemoteWrite(_) => Ok(()),
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
