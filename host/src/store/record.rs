//! The format of stored documents: a line that identifies it, the length of the header, the header,
//! the compressed bodies one after the other, and the SHA-256 of all that.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use thiserror::Error;

use super::key::Key;
use crate::body::{Body, Spool};
use crate::model::digest::{hex, sha256_of};
use crate::model::{Document, Part, Validator};

/// A file of another version is not read: its documents are fetched again.
const MAGIC: &[u8] = b"copilot-metrics-exporter document 4\n";
const CHECKSUM_BYTES: u64 = 32;

/// Whose document it is: files are not identified by their names alone.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Identity {
    github: String,
    scope: String,
    login: String,
    document: String,
    day: Option<Date>,
}

/// Everything about a document but its bodies.
#[derive(Serialize, Deserialize)]
pub(super) struct Head {
    identity: Identity,
    source: String,
    pub(super) fetched_at: Timestamp,
    pub(super) confirmed_at: Timestamp,
    report_day: Option<Date>,
    pub(super) parts: Vec<PartHead>,
}

/// Everything about a body but its bytes.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct PartHead {
    /// The number of bytes that are stored: gzip.
    pub(super) stored_bytes: u64,
    /// The number of bytes that GitHub sent, and their SHA-256.
    pub(super) bytes: u64,
    pub(super) sha256: [u8; 32],
    validator: Option<Validator>,
    next: Option<String>,
    day: Option<Date>,
}

impl Head {
    /// The head of a document.
    pub(super) fn new(key: &Key, document: &Document) -> Self {
        Self {
            identity: identity(key),
            source: document.source.clone(),
            fetched_at: document.fetched_at,
            confirmed_at: document.confirmed_at,
            report_day: document.report_day,
            parts: document
                .parts
                .iter()
                .map(|part| PartHead {
                    stored_bytes: part.body.compressed_length(),
                    bytes: part.body.length(),
                    sha256: *part.body.sha256(),
                    validator: part.validator.clone(),
                    next: part.next.clone(),
                    day: part.day,
                })
                .collect(),
        }
    }

    /// The document with these bodies, one for each part.
    pub(super) fn into_document(self, bodies: Vec<Body>) -> Document {
        let parts = self.parts.into_iter().zip(bodies).map(|(part, body)| Part {
            body,
            validator: part.validator,
            next: part.next,
            day: part.day,
        });
        let parts = parts.collect();
        let Self { source, fetched_at, confirmed_at, report_day, .. } = self;
        Document { source, parts, fetched_at, confirmed_at, report_day }
    }

    /// The document without its bodies.
    pub(super) fn without_bodies(&self) -> Document {
        let Self { source, fetched_at, confirmed_at, report_day, .. } = self;
        let (source, parts) = (source.clone(), Vec::new());
        let (fetched_at, confirmed_at, report_day) = (*fetched_at, *confirmed_at, *report_day);
        Document { source, parts, fetched_at, confirmed_at, report_day }
    }

    /// Whether its content is that of a document: see [`Document::has_content_of`].
    pub(super) fn has_content_of(&self, document: &Document) -> bool {
        let own = self.parts.iter().map(|part| (part.bytes, &part.sha256));
        let other = document.parts.iter().map(|part| (part.body.length(), part.body.sha256()));
        self.source == document.source && self.report_day == document.report_day && own.eq(other)
    }

    /// Checks that it is the head of the document of a key.
    pub(super) fn check(&self, key: &Key) -> Result<(), String> {
        let found = &self.identity;
        if *found == identity(key) {
            return Ok(());
        }
        Err(format!(
            "it is the document {} of the {} {} at {}",
            found.document, found.scope, found.login, found.github
        ))
    }
}

fn identity(key: &Key) -> Identity {
    Identity {
        github: key.target.github().to_owned(),
        scope: key.target.scope().label().to_owned(),
        login: key.target.login().to_ascii_lowercase(),
        document: key.name.clone(),
        day: key.day,
    }
}

/// Writes a document.
pub(super) fn write(out: &mut impl Write, key: &Key, document: &Document) -> io::Result<()> {
    let head = serde_json::to_vec(&Head::new(key, document))?;
    let length = u32::try_from(head.len()).map_err(io::Error::other)?.to_le_bytes();
    let mut out = Summed { to: out, checksum: Sha256::new() };
    for bytes in [MAGIC, &length, &head] {
        out.write_all(bytes)?;
    }
    for part in &document.parts {
        io::copy(&mut part.body.compressed(), &mut out)?;
    }
    let Summed { to, checksum } = out;
    to.write_all(&checksum.finalize())
}

/// Writes, and computes the checksum of what was written.
struct Summed<W> {
    to: W,
    checksum: Sha256,
}

impl<W: Write> Write for Summed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.to.write(bytes)?;
        self.checksum.update(bytes.get(..written).unwrap_or_default());
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

/// Why a record could not be read.
#[derive(Debug, Error)]
pub(super) enum ReadError {
    /// What is wrong with its bytes.
    #[error("{0}")]
    Corrupt(String),
    /// It could not be read at all.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl ReadError {
    fn corrupt(reason: impl Into<String>) -> Self {
        Self::Corrupt(reason.into())
    }

    fn truncated() -> Self {
        Self::corrupt("it is truncated")
    }
}

/// Reads a document. Its bodies are read into memory if `spool` has room for them; otherwise, they are
/// views of the file, whose bytes must not change.
pub(super) fn read(file: File, key: &Key, spool: Option<&Spool>) -> Result<Document, ReadError> {
    let length = file.metadata()?.len();
    // Where the bodies end.
    let end = length.checked_sub(CHECKSUM_BYTES).ok_or_else(ReadError::truncated)?;
    let mut magic = [0; MAGIC.len()];
    if length < MAGIC.len() as u64 || file.read_exact_at(&mut magic, 0).is_err() || magic != MAGIC {
        return Err(ReadError::corrupt("not a document of this version of the exporter"));
    }
    if sum(&file, end)? != checksum(&file)? {
        return Err(ReadError::corrupt("its checksum is wrong"));
    }
    let mut at = MAGIC.len() as u64;
    let mut take = |bytes: u64| {
        let start = at;
        at = at.checked_add(bytes).filter(|at| *at <= end).ok_or_else(ReadError::truncated)?;
        Ok::<_, ReadError>(start..at)
    };
    let mut length = [0; 4];
    file.read_exact_at(&mut length, take(4)?.start)?;
    let head = take(u32::from_le_bytes(length).into())?;
    let mut bytes = vec![0; usize::try_from(head.end - head.start).map_err(io::Error::other)?];
    file.read_exact_at(&mut bytes, head.start)?;
    let head: Head =
        serde_json::from_slice(&bytes).map_err(|error| ReadError::corrupt(error.to_string()))?;
    head.check(key).map_err(ReadError::Corrupt)?;
    let file = Arc::new(file);
    let mut bodies = Vec::with_capacity(head.parts.len());
    for part in &head.parts {
        let range = take(part.stored_bytes)?;
        bodies.push(Body::of_file(&file, range, part.bytes, part.sha256, spool)?);
    }
    Ok(head.into_document(bodies))
}

/// The SHA-256 of the first bytes of a file.
fn sum(file: &File, bytes: u64) -> io::Result<String> {
    let mut file = file;
    file.seek(SeekFrom::Start(0))?;
    sha256_of(file.take(bytes))
}

/// The checksum at the end of a record, in hexadecimal, which identifies its content.
pub(super) fn checksum(file: &File) -> io::Result<String> {
    let mut checksum = [0; CHECKSUM_BYTES as usize];
    let at = file.metadata()?.len().saturating_sub(CHECKSUM_BYTES);
    file.read_exact_at(&mut checksum, at)?;
    Ok(hex(&checksum))
}
