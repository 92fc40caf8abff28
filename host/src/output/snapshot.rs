//! The text of all targets, ready to be sent, plain and compressed.

use bytes::Bytes;
use crc32fast::Hasher;
use flate2::{Compress, Compression, FlushCompress, Status};

use super::encode::EncodedFamily;

/// The header of a gzip file: deflate, no name, no time, unknown system. RFC 1952, section 2.3.
const GZIP_HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];

/// The families of every target, made once for each refresh and never changed.
#[derive(Debug, Default)]
pub struct Snapshot {
    text: Bytes,
    compressed: Bytes,
    crc: Hasher,
}

impl Snapshot {
    /// Writes the families of all targets one after the other, each family in one piece as the
    /// format wants it, in the order in which they first come.
    pub fn new<'a>(targets: impl IntoIterator<Item = &'a [EncodedFamily]>) -> Self {
        let mut families: Vec<Vec<&EncodedFamily>> = Vec::new();
        let mut positions = std::collections::HashMap::new();
        for family in targets.into_iter().flatten() {
            let at = *positions.entry(family.name.as_str()).or_insert_with(|| {
                families.push(Vec::new());
                families.len() - 1
            });
            if let Some(parts) = families.get_mut(at) {
                parts.push(family);
            }
        }
        let mut text = String::new();
        for parts in families {
            text.push_str(parts.first().map_or("", |first| &first.header));
            for part in parts {
                text.push_str(&part.samples);
            }
        }
        let mut crc = Hasher::new();
        crc.update(text.as_bytes());
        let compressed = deflate(text.as_bytes(), Compression::default(), FlushCompress::Sync);
        Self { text: text.into(), compressed: compressed.into(), crc }
    }

    /// The text.
    pub fn text(&self) -> &Bytes {
        &self.text
    }

    /// The text followed by `tail`, as one gzip file in three pieces: only the tail is
    /// compressed here. The snapshot's part ends on a byte, at a sync flush, so that any
    /// deflate stream may follow it.
    pub fn gzip_with(&self, tail: &[u8]) -> [Bytes; 3] {
        let mut crc = self.crc.clone();
        let mut tail_crc = Hasher::new();
        tail_crc.update(tail);
        crc.combine(&tail_crc);
        let mut end = deflate(tail, Compression::fast(), FlushCompress::Finish);
        end.extend(crc.finalize().to_le_bytes());
        // The size modulo 2^32, as the format has it.
        end.extend(((self.text.len() + tail.len()) as u32).to_le_bytes());
        [Bytes::from_static(&GZIP_HEADER), self.compressed.clone(), end.into()]
    }
}

/// Compresses `bytes` into a raw deflate stream that ends in the given way.
fn deflate(bytes: &[u8], level: Compression, end: FlushCompress) -> Vec<u8> {
    let mut compress = Compress::new(level, false);
    let mut out = Vec::with_capacity(bytes.len() / 4 + 1024);
    loop {
        let done = usize::try_from(compress.total_in()).unwrap_or(usize::MAX);
        let rest = bytes.get(done..).unwrap_or_default();
        // Only an invalid state is an error, and there is none.
        let Ok(status) = compress.compress_vec(rest, &mut out, end) else { return out };
        let all_read = compress.total_in() as usize == bytes.len();
        // With room left in `out` nothing more is to come.
        if status == Status::StreamEnd || (all_read && out.len() < out.capacity()) {
            return out;
        }
        out.reserve(out.capacity().max(1024));
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    fn family(name: &str, samples: &str) -> EncodedFamily {
        EncodedFamily {
            name: name.to_owned(),
            header: format!("# HELP {name} h\n# TYPE {name} gauge\n"),
            samples: samples.to_owned(),
        }
    }

    fn unzip(pieces: &[Bytes]) -> String {
        let mut text = String::new();
        flate2::read::GzDecoder::new(pieces.concat().as_slice()).read_to_string(&mut text).unwrap();
        text
    }

    #[test]
    fn families_of_several_targets_are_not_interleaved() {
        let one = [family("a", "a{t=\"1\"} 1\n"), family("b", "b{t=\"1\"} 1\n")];
        let two = [family("b", "b{t=\"2\"} 2\n"), family("a", "a{t=\"2\"} 2\n")];
        let snapshot = Snapshot::new([one.as_slice(), two.as_slice()]);
        assert_eq!(
            snapshot.text(),
            "# HELP a h\n# TYPE a gauge\na{t=\"1\"} 1\na{t=\"2\"} 2\n\
             # HELP b h\n# TYPE b gauge\nb{t=\"1\"} 1\nb{t=\"2\"} 2\n"
        );
    }

    #[test]
    fn gzip_holds_the_snapshot_and_whatever_follows_it() {
        let lines: String = (0..50_000).map(|i| format!("a{{i=\"{i}\"}} {}\n", i * 7919)).collect();
        for samples in ["", "a 1\n", &lines] {
            let snapshot = Snapshot::new([[family("a", samples)].as_slice()]);
            for tail in ["", "tail 1\n", &lines] {
                let expected = [snapshot.text(), tail.as_bytes()].concat();
                assert_eq!(unzip(&snapshot.gzip_with(tail.as_bytes())).as_bytes(), expected);
            }
        }
        assert_eq!(unzip(&Snapshot::default().gzip_with(b"only\n")), "only\n");
    }
}
