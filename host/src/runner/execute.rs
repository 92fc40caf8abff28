//! A single run of a mapping: bodies in, valid samples out.

use std::io::{self, Read};

use thiserror::Error;

use super::validate::{SamplesError, validate};
use crate::model::{
    Limits, Manifest, MappingOption, PartHeader, SampleSet, Samples, Span, Target, UnmappedField,
};
use crate::wasm::{Mapping, RunError};

/// How many bytes are fed at once: enough that crossing the boundary costs little.
const CHUNK_BYTES: usize = 128 << 10;

/// The largest number of unmapped fields that are reported, and the longest path.
const MAX_UNMAPPED_FIELDS: usize = 200;
const MAX_FIELD_CHARS: usize = 300;

/// The days of a 28-day report, and the largest number of samples of all of them: each takes memory
/// while it is checked.
const DAYS: usize = 28;
const MAX_HISTORY_SERIES: usize = 1_000_000;

/// The result of a run.
#[derive(Debug)]
pub struct RunResult {
    /// The samples.
    pub samples: Samples,
    /// The fields that the mapping does not know.
    pub unmapped: Vec<UnmappedField>,
    /// The peak memory of the mapping's instance, in bytes.
    pub memory_bytes: usize,
    /// The first lines that the mapping wrote to standard error.
    pub stderr: Vec<String>,
}

/// Why a run returned no samples.
#[derive(Debug, Error)]
pub enum MapError {
    /// The mapping failed.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The samples are invalid.
    #[error("the mapping returned invalid samples: {0}")]
    Samples(#[from] SamplesError),
    /// A body could not be read.
    #[error("document {0}: {1}")]
    Read(String, #[source] io::Error),
    /// The thread of the run ended.
    #[error("the run of the mapping was aborted: {0}")]
    Aborted(#[source] tokio::task::JoinError),
    /// Runs with ever fewer documents took too long together.
    #[error("the runs of the mapping without malformed documents took longer than {0} s")]
    OutOfTime(u64),
}

impl MapError {
    /// The cause as a label.
    pub fn cause(&self) -> &'static str {
        match self {
            Self::Run(RunError::Malformed(_)) => "malformed",
            Self::Run(RunError::Refused(_)) => "refused",
            Self::Run(RunError::Trapped { cause, .. }) => cause.label(),
            Self::Samples(_) => "invalid_samples",
            Self::Read(..) => "read",
            Self::Aborted(_) => "panic",
            Self::OutOfTime(_) => "time",
        }
    }
}

/// Runs a mapping over bodies, which are read as a stream. With `families`, only the samples of those
/// are kept. It blocks for as long as the run takes.
pub fn execute<R: Read>(
    mapping: &Mapping,
    target: &Target,
    span: Span,
    options: &[MappingOption],
    bodies: impl IntoIterator<Item = (PartHeader, R)>,
    families: Option<&[String]>,
) -> Result<RunResult, MapError> {
    let mut run = mapping.start(target, span, options)?;
    let mut chunk = vec![0; CHUNK_BYTES];
    for (header, mut reader) in bodies {
        // An empty body is a body too.
        run.feed(&header, &[])?;
        loop {
            let read = match reader.read(&mut chunk) {
                Ok(0) => break,
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(MapError::Read(header.name, error)),
            };
            run.feed(&header, chunk.get(..read).unwrap_or_default())?;
        }
    }
    let mut set = run.finish()?;
    let (memory_bytes, stderr) = (run.memory_bytes(), run.stderr());
    // The instance and its memory are not needed while the samples are checked.
    drop(run);
    if let Some(families) = families {
        set.families.retain(|family| families.contains(&family.name));
    }
    let unmapped = limit_unmapped(std::mem::take(&mut set.unmapped), mapping.manifest());
    let samples = check(set, mapping, span)?;
    Ok(RunResult { samples, unmapped, memory_bytes, stderr })
}

fn check(set: SampleSet, mapping: &Mapping, span: Span) -> Result<Samples, SamplesError> {
    let limits = mapping.limits();
    let manifest = mapping.manifest();
    match span {
        Span::Latest => validate(set, manifest, span, &limits),
        // The limits are for one day, and for text, which is not written here.
        Span::History => {
            let series = limits.series.saturating_mul(DAYS).min(MAX_HISTORY_SERIES);
            let of_day = limits.series;
            let limits = Limits { series, result_bytes: usize::MAX, ..(*limits).clone() };
            validate(set, manifest, span, &limits).map_err(|error| match error {
                SamplesError::TooMany(found, _) => SamplesError::TooManyOfAllDays(found, of_day),
                error => error,
            })
        }
    }
}

/// The fields that may become labels: of known documents, not too many, not too long.
fn limit_unmapped(unmapped: Vec<UnmappedField>, manifest: &Manifest) -> Vec<UnmappedField> {
    let is_known = |name: &str| manifest.documents.iter().any(|document| document.name == name);
    let shorten = |mut field: UnmappedField| {
        field.path = field.path.chars().take(MAX_FIELD_CHARS).collect();
        field
    };
    unmapped
        .into_iter()
        .filter(|field| is_known(&field.document))
        .take(MAX_UNMAPPED_FIELDS)
        .map(shorten)
        .collect()
}
