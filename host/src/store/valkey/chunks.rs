//! Divides the bodies of a document into chunks, and joins them again.

use std::collections::VecDeque;
use std::io::{self, Read, Write};

use crate::body::{Body, CompressedWriter, Spool};
use crate::model::Document;
use crate::model::digest::sha256;
use crate::store::record::PartHead;

/// The size of a chunk. A server's limit is 512 MB; smaller ones keep the memory of both sides low, where each
/// is copied a few times on its way, and don't hold up other requests.
pub(super) const CHUNK_BYTES: usize = 1 << 20;

/// A piece of the bodies of a document.
pub(super) struct Chunk {
    pub(super) sha256: String,
    pub(super) bytes: Vec<u8>,
}

/// The bodies of a document, one after the other, as chunks.
pub(super) struct Chunks {
    bodies: VecDeque<Body>,
    reader: Option<Box<dyn Read + Send>>,
    chunk_bytes: usize,
}

impl Chunks {
    pub(super) fn new(document: &Document, chunk_bytes: usize) -> Self {
        let bodies = document.parts.iter().map(|part| part.body.clone()).collect();
        Self { bodies, reader: None, chunk_bytes }
    }

    /// The next chunk. It may block on a file, and computes.
    pub(super) fn next(&mut self) -> io::Result<Option<Chunk>> {
        // Reading into it must not allocate twice as much.
        let mut bytes = Vec::with_capacity(self.chunk_bytes);
        while bytes.len() < self.chunk_bytes {
            let Some(reader) = &mut self.reader else {
                let Some(body) = self.bodies.pop_front() else { break };
                self.reader = Some(Box::new(body.compressed()));
                continue;
            };
            let lacks = self.chunk_bytes - bytes.len();
            if reader.take(lacks as u64).read_to_end(&mut bytes)? < lacks {
                self.reader = None;
            }
        }
        if bytes.is_empty() {
            return Ok(None);
        }
        Ok(Some(Chunk { sha256: sha256([&bytes]), bytes }))
    }
}

/// Joins chunks to bodies.
pub(super) struct Joiner {
    spool: Spool,
    /// The bodies that are not complete yet, the next one last, and how much each still lacks.
    open: Vec<(PartHead, u64)>,
    writer: Option<CompressedWriter>,
    bodies: Vec<Body>,
}

impl Joiner {
    /// Joins to the bodies of these parts, which go where `spool` has room.
    pub(super) fn new(parts: &[PartHead], spool: &Spool) -> Self {
        let open = parts.iter().rev().map(|part| (part.clone(), part.stored_bytes)).collect();
        Self { spool: spool.clone(), open, writer: None, bodies: Vec::new() }
    }

    /// Adds the next chunk, whose digest should be `sha256`. It may block on a file, and computes.
    pub(super) fn add(&mut self, expected: &str, mut bytes: &[u8]) -> io::Result<()> {
        if sha256([bytes]) != expected {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a chunk has been changed"));
        }
        while !bytes.is_empty() {
            let Some((_, lacks)) = self.open.last_mut() else { return Err(wrong_length()) };
            let take = usize::try_from(*lacks).unwrap_or(usize::MAX).min(bytes.len());
            let (taken, rest) = bytes.split_at(take);
            let writer = self.writer.get_or_insert_with(|| CompressedWriter::new(&self.spool));
            writer.write_all(taken)?;
            *lacks -= take as u64;
            bytes = rest;
            self.close();
        }
        Ok(())
    }

    /// Ends the bodies that lack nothing.
    fn close(&mut self) {
        while let Some((part, _)) = self.open.pop_if(|(_, lacks)| *lacks == 0) {
            let writer = self.writer.take();
            let writer = writer.unwrap_or_else(|| CompressedWriter::new(&self.spool));
            self.bodies.push(writer.finish(part.bytes, part.sha256));
        }
    }

    /// The bodies, if all of them are complete.
    pub(super) fn finish(mut self) -> io::Result<Vec<Body>> {
        self.close();
        if self.open.is_empty() { Ok(self.bodies) } else { Err(wrong_length()) }
    }
}

fn wrong_length() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "its chunks have another length than its bodies")
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::model::{Part, Scope, Target};
    use crate::store::key::{Key, Slot};
    use crate::store::record::Head;

    #[test]
    fn bodies_are_joined_again_however_they_were_divided() {
        let target = Target::new(Scope::Organization, "octo-org").unwrap();
        let key = Key::document(&target, "seats", None, Slot::Good);
        let text: String = (0..5000).map(|number| format!("{number},")).collect();
        let parts = ["", text.as_str(), "x"].map(|text| {
            let body = Body::of(text.as_bytes()).unwrap();
            Part { body, validator: None, next: None, day: None }
        });
        let document = Document::new(parts.to_vec(), Timestamp::from_second(1).unwrap(), None);
        for size in [1, 7, 1000, CHUNK_BYTES] {
            let head = Head::new(&key, &document);
            let mut chunks = Chunks::new(&document, size);
            let mut joiner = Joiner::new(&head.parts, &Spool::default());
            while let Some(chunk) = chunks.next().unwrap() {
                assert!(chunk.bytes.len() <= size);
                assert!(joiner.add("other", &chunk.bytes).is_err());
                joiner.add(&chunk.sha256, &chunk.bytes).unwrap();
            }
            let joined = head.into_document(joiner.finish().unwrap());
            assert_eq!(joined, document);
            let mut read = String::new();
            joined.parts[1].body.reader().read_to_string(&mut read).unwrap();
            assert_eq!(read, text);
        }
        let joiner = Joiner::new(&Head::new(&key, &document).parts, &Spool::default());
        assert!(joiner.finish().is_err());
    }
}
