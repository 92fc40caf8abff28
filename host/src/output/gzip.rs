//! Gzip files that are put together from pieces which were compressed before.

use bytes::Bytes;
use crc32fast::Hasher;
use flate2::{Compress, Compression, FlushCompress, Status};

/// The header of a gzip file: deflate, no name, no time, unknown system. RFC 1952, section 2.3.
pub(super) const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];

/// A compressed piece of a text. It ends at a byte boundary, with a sync flush, so any other piece may
/// follow it.
#[derive(Clone, Debug, Default)]
pub(super) struct Piece {
    compressed: Bytes,
    crc: Hasher,
    length: u64,
}

impl Piece {
    /// Compresses a piece.
    pub(super) fn new(text: &[u8]) -> Self {
        let mut crc = Hasher::new();
        crc.update(text);
        let mut compressed = deflate(text, Compression::default(), FlushCompress::Sync);
        // It may be kept for hours.
        compressed.shrink_to_fit();
        Self { compressed: compressed.into(), crc, length: text.len() as u64 }
    }

    /// The compressed bytes.
    pub(super) fn compressed(&self) -> &Bytes {
        &self.compressed
    }
}

/// The checksum and length of the text of a gzip file.
#[derive(Clone, Default)]
pub(super) struct Trailer {
    crc: Hasher,
    length: u64,
}

impl Trailer {
    /// Adds a piece that follows.
    pub(super) fn add(&mut self, piece: &Piece) {
        self.crc.combine(&piece.crc);
        self.length += piece.length;
    }

    /// The end of the file, with a last part of the text.
    pub(super) fn finish(mut self, tail: &[u8]) -> Vec<u8> {
        self.crc.update(tail);
        self.length += tail.len() as u64;
        let mut end = deflate(tail, Compression::fast(), FlushCompress::Finish);
        end.extend(self.crc.finalize().to_le_bytes());
        // The size modulo 2^32, as the format defines it.
        end.extend((self.length as u32).to_le_bytes());
        end
    }
}

/// Compresses `bytes` into a raw deflate stream that ends in the given way.
fn deflate(bytes: &[u8], level: Compression, end: FlushCompress) -> Vec<u8> {
    let mut compress = Compress::new(level, false);
    // Expositions shrink to a tenth or less. `compress_vec` fills all of the room with zeros first.
    let mut out = Vec::with_capacity(bytes.len() / 16 + 1024);
    loop {
        let done = usize::try_from(compress.total_in()).unwrap_or(usize::MAX);
        let rest = bytes.get(done..).unwrap_or_default();
        // Only an invalid state is an error, which can't happen here.
        let Ok(status) = compress.compress_vec(rest, &mut out, end) else { return out };
        let all_read = compress.total_in() as usize == bytes.len();
        // If there is room left in `out`, nothing more follows.
        if status == Status::StreamEnd || (all_read && out.len() < out.capacity()) {
            return out;
        }
        out.reserve(out.capacity().max(1024));
    }
}
