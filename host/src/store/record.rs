//! The format of stored documents: a line that identifies it, the length of the header, the header,
//! the compressed bodies one after the other, and the SHA-256 of all that.

use std::io::{self, Write};

use bytes::Bytes;
use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::key::Key;
use crate::model::{Body, Document, Part, Validator};

/// A file of another version is not read: its documents are fetched again.
const MAGIC: &[u8] = b"copilot-metrics-exporter document 3\n";
const CHECKSUM_BYTES: usize = 32;

/// Whose document it is: files are not identified by their names alone.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Identity {
    github: String,
    scope: String,
    login: String,
    document: String,
    day: Option<Date>,
}

#[derive(Serialize, Deserialize)]
struct Head {
    identity: Identity,
    source: String,
    fetched_at: Timestamp,
    confirmed_at: Timestamp,
    report_day: Option<Date>,
    parts: Vec<PartHead>,
}

#[derive(Serialize, Deserialize)]
struct PartHead {
    stored_bytes: usize,
    bytes: u64,
    validator: Option<Validator>,
    next: Option<String>,
    day: Option<Date>,
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
    let head = Head {
        identity: identity(key),
        source: document.source.clone(),
        fetched_at: document.fetched_at,
        confirmed_at: document.confirmed_at,
        report_day: document.report_day,
        parts: document
            .parts
            .iter()
            .map(|part| PartHead {
                stored_bytes: part.body.compressed().len(),
                bytes: part.body.length(),
                validator: part.validator.clone(),
                next: part.next.clone(),
                day: part.day,
            })
            .collect(),
    };
    let head = serde_json::to_vec(&head)?;
    let length = u32::try_from(head.len()).map_err(io::Error::other)?.to_le_bytes();
    let mut checksum = Sha256::new();
    let bodies = document.parts.iter().map(|part| part.body.compressed().as_ref());
    for bytes in [MAGIC, &length, &head].into_iter().chain(bodies) {
        checksum.update(bytes);
        out.write_all(bytes)?;
    }
    out.write_all(&checksum.finalize())
}

/// Reads a document. The error says what is wrong with the bytes.
pub(super) fn read(bytes: Bytes, key: &Key) -> Result<Document, String> {
    let rest = bytes.strip_prefix(MAGIC).ok_or("not a document of this version of the exporter")?;
    let cut_off = || "it is truncated".to_owned();
    let (content, checksum) = bytes
        .len()
        .checked_sub(CHECKSUM_BYTES)
        .and_then(|at| bytes.split_at_checked(at))
        .ok_or_else(cut_off)?;
    if Sha256::digest(content).as_slice() != checksum {
        return Err("its checksum is wrong".to_owned());
    }
    let (length, rest) = rest.split_first_chunk::<4>().ok_or_else(cut_off)?;
    let (head, _) =
        rest.split_at_checked(u32::from_le_bytes(*length) as usize).ok_or_else(cut_off)?;
    let mut at = MAGIC.len() + length.len() + head.len();
    let head: Head = serde_json::from_slice(head).map_err(|error| error.to_string())?;
    let found = head.identity;
    if found != identity(key) {
        return Err(format!(
            "it is the document {} of the {} {} at {}",
            found.document, found.scope, found.login, found.github
        ));
    }
    let mut parts = Vec::with_capacity(head.parts.len());
    for part in head.parts {
        let end = at.checked_add(part.stored_bytes).filter(|end| *end <= content.len());
        let end = end.ok_or_else(cut_off)?;
        // No copy: the bodies are views of the file's bytes.
        let body = Body::from_compressed(bytes.slice(at..end), part.bytes);
        parts.push(Part { body, validator: part.validator, next: part.next, day: part.day });
        at = end;
    }
    let Head { source, fetched_at, confirmed_at, report_day, .. } = head;
    Ok(Document { source, parts, fetched_at, confirmed_at, report_day })
}

/// The checksum at the end of a record, which identifies its content.
pub(super) fn checksum(bytes: &[u8]) -> Option<&[u8]> {
    bytes.len().checked_sub(CHECKSUM_BYTES).and_then(|at| bytes.get(at..))
}
