//! One run from documents to encoded families: mapped, checked, written.

use std::io::{self, Read};

use thiserror::Error;

use crate::exposition::encode::{EncodedFamily, encode};
use crate::exposition::validate::{SamplesError, validate};
use crate::plugin::wit::{Document, Manifest, OptionValue, SampleSet, Span, Target, UnmappedField};
use crate::plugin::{Limits, Mapping, RunError};

/// How many bytes are fed at once: enough that the crossing costs nothing beside the parsing.
const CHUNK_BYTES: usize = 128 << 10;

/// How many unmapped fields are shown, and how much of their paths.
const MAX_UNMAPPED_FIELDS: usize = 200;
const MAX_FIELD_CHARS: usize = 300;

/// The days of a usage report, and how many samples of all of them are looked at: each takes memory
/// while it is checked.
const DAYS: usize = 28;
const MAX_HISTORY_SERIES: usize = 1_000_000;

/// What a run gave.
pub struct Mapped {
    /// The families, ready for a snapshot.
    pub families: Vec<EncodedFamily>,
    /// How many samples they have.
    pub series: usize,
    /// The fields that the mapping doesn't know.
    pub unmapped: Vec<UnmappedField>,
    /// The memory that the mapping's instance took, in bytes.
    pub memory_bytes: usize,
}

/// Why a run gave nothing.
#[derive(Debug, Error)]
pub enum MapError {
    /// The mapping failed.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The mapping's samples can't be served.
    #[error("the mapping's samples can't be served: {0}")]
    Samples(#[from] SamplesError),
    /// A body could not be read.
    #[error("document {0}: {1}")]
    Read(String, #[source] io::Error),
    /// The run ended in another way.
    #[error("the run of the mapping ended: {0}")]
    Ended(#[source] tokio::task::JoinError),
    /// The samples could not be written.
    #[error("the samples can't be written: {0}")]
    Encode(#[from] prometheus::Error),
}

impl MapError {
    /// The cause as a label.
    pub fn cause(&self) -> &'static str {
        match self {
            Self::Run(RunError::Malformed(_)) => "malformed",
            Self::Run(RunError::Refused(_)) => "refused",
            Self::Run(RunError::Trapped { cause, .. }) => cause.label(),
            Self::Samples(_) | Self::Encode(_) => "invalid_samples",
            Self::Read(..) => "read",
            Self::Ended(_) => "panic",
        }
    }
}

/// Runs the mapping over bodies, which are read as a stream. It blocks for as long as that takes.
pub fn map<R: Read>(
    mapping: &Mapping,
    target: &Target,
    span: Span,
    options: &[OptionValue],
    bodies: impl IntoIterator<Item = (Document, R)>,
) -> Result<Mapped, MapError> {
    let (set, memory_bytes) = run(mapping, target, span, options, bodies)?;
    let samples = validate(&set, mapping.manifest(), span, &mapping.limits())?;
    let families = encode(&samples)?;
    let series = samples.series;
    let unmapped = checked(set.unmapped, mapping.manifest());
    Ok(Mapped { families, series, unmapped, memory_bytes })
}

/// Runs the mapping over bodies, and answers the samples of the `wanted` families on every day. It
/// blocks for as long as that takes.
pub fn history<R: Read>(
    mapping: &Mapping,
    target: &Target,
    options: &[OptionValue],
    bodies: impl IntoIterator<Item = (Document, R)>,
    wanted: &[&str],
) -> Result<SampleSet, MapError> {
    let (mut set, _) = run(mapping, target, Span::History, options, bodies)?;
    set.families.retain(|family| wanted.contains(&family.name.as_str()));
    // The limits are those of one day, and of text, which is not written here.
    let series = mapping.limits().series.saturating_mul(DAYS).min(MAX_HISTORY_SERIES);
    let limits = Limits { series, result_bytes: usize::MAX, ..(*mapping.limits()).clone() };
    validate(&set, mapping.manifest(), Span::History, &limits)?;
    Ok(set)
}

fn run<R: Read>(
    mapping: &Mapping,
    target: &Target,
    span: Span,
    options: &[OptionValue],
    bodies: impl IntoIterator<Item = (Document, R)>,
) -> Result<(SampleSet, usize), MapError> {
    let mut run = mapping.start(target, span, options)?;
    let mut chunk = vec![0; CHUNK_BYTES];
    for (document, mut reader) in bodies {
        // An empty body is a body too.
        run.feed(&document, &[])?;
        loop {
            let read = match reader.read(&mut chunk) {
                Ok(0) => break,
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(MapError::Read(document.name, error)),
            };
            run.feed(&document, chunk.get(..read).unwrap_or_default())?;
        }
    }
    let set = run.finish()?;
    Ok((set, run.memory_bytes()))
}

/// The fields that may become labels: of known documents, not too many, not too long.
fn checked(unmapped: Vec<UnmappedField>, manifest: &Manifest) -> Vec<UnmappedField> {
    let known = |name: &str| manifest.documents.iter().any(|document| document.name == name);
    let short = |mut field: UnmappedField| {
        field.path = field.path.chars().take(MAX_FIELD_CHARS).collect();
        field
    };
    unmapped
        .into_iter()
        .filter(|field| known(&field.document))
        .take(MAX_UNMAPPED_FIELDS)
        .map(short)
        .collect()
}
