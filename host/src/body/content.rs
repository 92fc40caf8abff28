//! A body.

use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use bytes::Bytes;
use flate2::read::GzDecoder;

use super::spool::{Reservation, Spool};

/// The body of a response, kept compressed: GitHub's rows shrink to a tenth or less. Clones share the
/// content. Two bodies are equal if GitHub sent the same bytes, however they are kept.
#[derive(Clone, Debug)]
pub struct Body {
    content: Arc<Content>,
    length: u64,
    sha256: [u8; 32],
}

/// Compressed bytes.
#[derive(Debug)]
enum Content {
    Memory(Bytes, #[expect(dead_code, reason = "held until the body is dropped")] Reservation),
    File(Arc<File>, Range<u64>),
}

impl PartialEq for Body {
    fn eq(&self, other: &Self) -> bool {
        (self.length, self.sha256) == (other.length, other.sha256)
    }
}

impl Body {
    /// A body that is compressed already, in memory: gzip, `length` bytes with the digest `sha256`
    /// without compression.
    pub fn from_compressed(compressed: Bytes, length: u64, sha256: [u8; 32]) -> Self {
        Self::in_memory(compressed, Spool::default().reservation(), length, sha256)
    }

    /// A body that is a range of a file, compressed. It is read into memory if `spool` has room for it;
    /// otherwise, the file must not change.
    pub fn of_file(
        file: &Arc<File>,
        range: Range<u64>,
        length: u64,
        sha256: [u8; 32],
        spool: Option<&Spool>,
    ) -> io::Result<Self> {
        let bytes = range.end.saturating_sub(range.start);
        if let Some(mut reservation) = spool.map(Spool::reservation)
            && reservation.grow(bytes)
        {
            let mut compressed = vec![0; usize::try_from(bytes).map_err(io::Error::other)?];
            file.read_exact_at(&mut compressed, range.start)?;
            return Ok(Self::in_memory(compressed.into(), reservation, length, sha256));
        }
        Ok(Self::in_file(Arc::clone(file), range, length, sha256))
    }

    pub(super) fn in_memory(
        compressed: Bytes,
        reservation: Reservation,
        length: u64,
        sha256: [u8; 32],
    ) -> Self {
        Self { content: Arc::new(Content::Memory(compressed, reservation)), length, sha256 }
    }

    pub(super) fn in_file(
        file: Arc<File>,
        range: Range<u64>,
        length: u64,
        sha256: [u8; 32],
    ) -> Self {
        Self { content: Arc::new(Content::File(file, range)), length, sha256 }
    }

    /// The number of bytes that GitHub sent.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// The SHA-256 of the bytes that GitHub sent.
    pub fn sha256(&self) -> &[u8; 32] {
        &self.sha256
    }

    /// The number of bytes that are kept.
    pub fn compressed_length(&self) -> u64 {
        self.content.length()
    }

    /// Whether it is kept in memory.
    #[cfg(test)]
    pub(super) fn is_in_memory(&self) -> bool {
        matches!(*self.content, Content::Memory(..))
    }

    /// Reads the bytes that are kept: gzip.
    pub fn compressed(&self) -> impl Read + use<> {
        Compressed { content: Arc::clone(&self.content), at: 0 }
    }

    /// Reads the bytes that GitHub sent.
    pub fn reader(&self) -> impl Read + use<> {
        GzDecoder::new(self.compressed())
    }
}

impl Content {
    fn length(&self) -> u64 {
        match self {
            Self::Memory(bytes, _) => bytes.len() as u64,
            Self::File(_, range) => range.end.saturating_sub(range.start),
        }
    }

    fn read_at(&self, at: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.length().saturating_sub(at)).unwrap_or(usize::MAX);
        let wanted = buffer.len().min(left);
        let Some(buffer) = buffer.get_mut(..wanted) else { return Ok(0) };
        match self {
            Self::Memory(bytes, _) => {
                let at = usize::try_from(at).unwrap_or(usize::MAX);
                let bytes = bytes.get(at..at.saturating_add(wanted)).unwrap_or_default();
                buffer.copy_from_slice(bytes);
                Ok(wanted)
            }
            Self::File(file, range) => file.read_at(buffer, range.start + at),
        }
    }
}

/// Reads a body from its start. Many may read the same body at once.
struct Compressed {
    content: Arc<Content>,
    at: u64,
}

impl Read for Compressed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.content.read_at(self.at, buffer)?;
        self.at += read as u64;
        Ok(read)
    }
}
