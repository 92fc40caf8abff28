//! Writes a body.

use std::fs::File;
use std::io::{self, Write};
use std::sync::Arc;

use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};

use super::content::Body;
use super::spool::{Reservation, Spool};

/// Measured with a report of 1.1 MB: level 1 takes 2.8 ms and leaves 196 KB, level 4 takes 5.3 ms and
/// leaves 109 KB, level 6 takes 12.7 ms and leaves 102 KB. Reading is faster the smaller it is.
const LEVEL: Compression = Compression::new(4);

/// Compresses a body piece by piece.
pub struct BodyWriter {
    encoder: GzEncoder<Sink>,
    digest: Sha256,
    length: u64,
}

impl Default for BodyWriter {
    fn default() -> Self {
        Self::new(&Spool::default())
    }
}

impl BodyWriter {
    /// A body that goes where `spool` has room.
    pub fn new(spool: &Spool) -> Self {
        let place = Place::Memory(Vec::new(), spool.reservation());
        let sink = Sink { spool: spool.clone(), place };
        Self { encoder: GzEncoder::new(sink, LEVEL), digest: Sha256::new(), length: 0 }
    }

    /// Ends the body.
    pub fn finish(self) -> io::Result<Body> {
        let sha256 = self.digest.finalize().into();
        Ok(match self.encoder.finish()?.place {
            // Bodies are kept for hours: without the room that the vector has left, up to half of it.
            Place::Memory(bytes, reservation) => {
                let bytes = bytes.into_boxed_slice().into();
                Body::in_memory(bytes, reservation, self.length, sha256)
            }
            Place::File(file, length) => {
                Body::in_file(Arc::new(file), 0..length, self.length, sha256)
            }
        })
    }
}

impl Body {
    /// A body in memory.
    pub fn of(bytes: &[u8]) -> io::Result<Self> {
        let mut writer = BodyWriter::default();
        writer.write_all(bytes)?;
        writer.finish()
    }
}

/// It may block on a file.
impl Write for BodyWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.encoder.write(bytes)?;
        self.digest.update(bytes.get(..written).unwrap_or_default());
        self.length += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.encoder.flush()
    }
}

/// Keeps a body that is compressed already, piece by piece.
pub struct CompressedWriter(Sink);

impl CompressedWriter {
    /// A body that goes where `spool` has room.
    pub fn new(spool: &Spool) -> Self {
        let place = Place::Memory(Vec::new(), spool.reservation());
        Self(Sink { spool: spool.clone(), place })
    }

    /// Ends the body: `length` bytes with the digest `sha256` without compression.
    pub fn finish(self, length: u64, sha256: [u8; 32]) -> Body {
        match self.0.place {
            Place::Memory(bytes, reservation) => {
                let bytes = bytes.into_boxed_slice().into();
                Body::in_memory(bytes, reservation, length, sha256)
            }
            Place::File(file, stored) => Body::in_file(Arc::new(file), 0..stored, length, sha256),
        }
    }
}

/// It may block on a file.
impl Write for CompressedWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Where compressed bytes go.
struct Sink {
    spool: Spool,
    place: Place,
}

enum Place {
    Memory(Vec<u8>, Reservation),
    /// A file, and the number of bytes in it.
    File(File, u64),
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let length = bytes.len() as u64;
        if let Place::Memory(kept, reservation) = &mut self.place {
            if reservation.grow(length) {
                kept.extend_from_slice(bytes);
                return Ok(bytes.len());
            }
            let Some(file) = self.spool.create_file() else {
                kept.extend_from_slice(bytes);
                return Ok(bytes.len());
            };
            let mut file = file?;
            file.write_all(kept).map_err(|error| self.spool.failed(&error))?;
            self.place = Place::File(file, kept.len() as u64);
        }
        if let Place::File(file, total) = &mut self.place {
            file.write_all(bytes).map_err(|error| self.spool.failed(&error))?;
            *total += length;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    /// Bytes that do not shrink: random, but the same in every run.
    fn noise(length: usize) -> Vec<u8> {
        let mut state = 0x9E37_79B9_7F4A_7C15_u64;
        let next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 33) as u8
        };
        std::iter::repeat_with(next).take(length).collect()
    }

    fn write(spool: &Spool, bytes: &[u8]) -> Body {
        let mut writer = BodyWriter::new(spool);
        for piece in bytes.chunks(10_000) {
            writer.write_all(piece).unwrap();
        }
        writer.finish().unwrap()
    }

    fn read(body: &Body) -> Vec<u8> {
        let mut bytes = Vec::new();
        body.reader().read_to_end(&mut bytes).unwrap();
        bytes
    }

    #[test]
    fn bodies_beyond_the_budget_go_to_files_until_there_is_room_again() {
        let directory = tempfile::tempdir().unwrap();
        let spool = Spool::new(directory.path().to_owned(), 150_000);
        let (large, small) = (noise(100_000), noise(1000));
        let first = write(&spool, &large);
        let second = write(&spool, &large);
        let third = write(&spool, &small);
        assert!(first.is_in_memory() && !second.is_in_memory() && third.is_in_memory());
        assert_eq!(spool.used(), first.compressed_length() + third.compressed_length());
        // Wherever they are, they are the same, and can be read by many at once.
        assert!(first == second && first != third);
        let (mut one, mut other) = (second.reader(), second.reader());
        let (mut a, mut b) = ([0; 5000], [0; 7000]);
        one.read_exact(&mut a).unwrap();
        other.read_exact(&mut b).unwrap();
        assert_eq!((&a[..], &b[..]), (&large[..5000], &large[..7000]));
        for body in [&first, &second] {
            assert_eq!((read(body), body.length()), (large.clone(), 100_000));
        }
        // The files have no names, so nothing is left of them, whatever happens.
        assert_eq!(directory.path().read_dir().unwrap().count(), 0);
        drop((first, third));
        assert_eq!(spool.used(), 0);
        assert!(write(&spool, &large).is_in_memory());
        spool.set_budget(0);
        assert!(!write(&spool, &large).is_in_memory());
    }

    #[test]
    fn a_body_that_can_not_be_spooled_is_an_error_that_names_the_directory() {
        let spool = Spool::new("/nonexistent".into(), 0);
        let mut writer = BodyWriter::new(&spool);
        let error = writer.write_all(&noise(100_000)).unwrap_err().to_string();
        assert!(error.starts_with("failed to spool to /nonexistent: "), "{error}");
        // Small ones need no file.
        assert!(write(&spool, &noise(1000)).is_in_memory());
    }
}
