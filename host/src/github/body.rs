//! A body, compressed as it arrives.

use std::io::{self, Read, Write};

use bytes::Bytes;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;

/// The body of an answer, kept compressed: GitHub's rows shrink to a tenth or less.
#[derive(Clone, Debug, PartialEq)]
pub struct Body {
    compressed: Bytes,
    length: u64,
}

impl Body {
    /// A body that was compressed before: gzip, of `length` bytes.
    pub fn from_compressed(compressed: Bytes, length: u64) -> Self {
        Self { compressed, length }
    }

    /// The number of bytes that GitHub sent (after its own compression).
    pub fn length(&self) -> u64 {
        self.length
    }

    /// The bytes as they are kept.
    pub fn compressed(&self) -> &Bytes {
        &self.compressed
    }

    /// The bytes that GitHub sent.
    pub fn reader(&self) -> impl Read + use<> {
        GzDecoder::new(io::Cursor::new(self.compressed.clone()))
    }
}

/// Compresses a body piece by piece.
pub(super) struct BodyWriter(GzEncoder<Vec<u8>>, u64);

impl BodyWriter {
    pub(super) fn new() -> Self {
        Self(GzEncoder::new(Vec::new(), Compression::fast()), 0)
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.1 += bytes.len() as u64;
        self.0.write_all(bytes)
    }

    pub(super) fn length(&self) -> u64 {
        self.1
    }

    pub(super) fn finish(self) -> io::Result<Body> {
        Ok(Body { compressed: self.0.finish()?.into(), length: self.1 })
    }
}
