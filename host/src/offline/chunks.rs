//! Splits bodies into chunks: a mapping must return the same samples wherever they end.

use std::io::{self, Read};

/// How a body is split.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Split {
    /// As large as the host feeds them.
    Whole,
    /// Byte by byte up to [`BYTEWISE`], so that a large recording does not take hours, then in chunks of an
    /// odd length.
    Bytewise,
    /// In chunks of random lengths.
    Random(u64),
}

/// The bytes of each body that are fed one by one.
pub(super) const BYTEWISE: u64 = 64 << 10;
/// An odd length splits rows, numbers and characters.
const ODD: usize = 997;
/// The start of a body, where all random chunks are short: a small document has several of them too.
const START: u64 = 256;
/// The longest random chunk.
const LONGEST: usize = 10_000;

impl Split {
    /// Reads a body in such chunks.
    pub(super) fn reader<R: Read>(self, body: R) -> Chunks<R> {
        let random = match self {
            Self::Random(seed) => fastrand::Rng::with_seed(seed),
            Self::Whole | Self::Bytewise => fastrand::Rng::with_seed(0),
        };
        Chunks { body, split: self, random, read: 0 }
    }
}

/// A reader that returns at most the next chunk at once.
pub(super) struct Chunks<R> {
    body: R,
    split: Split,
    random: fastrand::Rng,
    read: u64,
}

impl<R: Read> Read for Chunks<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = match self.split {
            Split::Whole => buffer.len(),
            Split::Bytewise if self.read < BYTEWISE => 1,
            Split::Bytewise => ODD,
            // Short ones are as likely as long ones: they end within numbers and characters.
            Split::Random(_) => {
                let is_short = self.read < START || self.random.bool();
                let longest = if is_short { 16 } else { LONGEST };
                self.random.usize(1..=longest)
            }
        };
        let most = most.min(buffer.len());
        let read = self.body.read(buffer.get_mut(..most).unwrap_or_default())?;
        self.read += read as u64;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lengths(split: Split, bytes: &[u8]) -> Vec<usize> {
        let (mut reader, mut buffer) = (split.reader(bytes), [0; 20_000]);
        let (mut lengths, mut read) = (Vec::new(), Vec::new());
        while let Ok(length @ 1..) = reader.read(&mut buffer) {
            read.extend_from_slice(&buffer[..length]);
            lengths.push(length);
        }
        assert_eq!(read, bytes);
        lengths
    }

    #[test]
    fn a_seed_always_gives_the_same_chunks_and_another_one_others() {
        let bytes: Vec<u8> = (0..100_000_u32).map(|number| number as u8).collect();
        let of_seed = |seed| lengths(Split::Random(seed), &bytes);
        assert_eq!(of_seed(7), of_seed(7));
        assert_ne!(of_seed(7), of_seed(8));
        assert!(of_seed(7).iter().any(|length| *length > 16));
        // A small document is split too.
        assert!(lengths(Split::Random(7), &[1; 100]).len() > 5);
    }

    #[test]
    fn a_body_is_split_into_bytes_at_its_start() {
        let found = lengths(Split::Bytewise, &[1; 70_000]);
        assert!(found[..BYTEWISE as usize].iter().all(|length| *length == 1));
        assert_eq!(found[BYTEWISE as usize], ODD);
        assert_eq!(lengths(Split::Whole, &[1; 70_000]), [20_000, 20_000, 20_000, 10_000]);
    }
}
