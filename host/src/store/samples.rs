//! The samples of a mapping, stored with the documents they were made of: a restart serves them
//! without running the mapping, which takes seconds over the documents of 100,000 developers.

use std::io::{self, Read};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::body::Body;
use crate::model::{Document, MappingId, Part, Samples, UnmappedField};

/// Up to what length, in bytes, the text of samples is read as a whole.
const MAX_BYTES_AT_ONCE: usize = 4 << 20;

/// Samples, and what they were made of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StoredSamples {
    /// The mapping.
    pub mapping: MappingId,
    /// Identifies the input of the run: see `runner::fingerprint`.
    pub fingerprint: String,
    /// The samples.
    pub samples: Samples,
    /// The fields that the mapping does not know.
    pub unmapped: Vec<UnmappedField>,
}

impl StoredSamples {
    /// The samples as a document, which is what a store keeps. It compresses: it belongs on a thread
    /// for blocking work.
    pub fn to_document(&self) -> io::Result<Document> {
        let body = Body::of(&serde_json::to_vec(self)?)?;
        let parts = vec![Part { body, validator: None, next: None, day: None }];
        Ok(Document::new(parts, Timestamp::now(), None))
    }

    /// The samples of a stored document. `None`: they are of another version of the exporter.
    pub fn from_document(document: &Document) -> Option<Self> {
        let body = &document.parts.first()?.body;
        let length = usize::try_from(body.length()).ok()?;
        if length > MAX_BYTES_AT_ONCE {
            return serde_json::from_reader(io::BufReader::new(body.reader())).ok();
        }
        // It is parsed twice as fast in memory.
        let mut text = Vec::with_capacity(length);
        body.reader().read_to_end(&mut text).ok()?;
        serde_json::from_slice(&text).ok()
    }
}
