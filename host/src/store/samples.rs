//! The samples of a mapping, stored with the documents they were made of: a restart serves them
//! without running the mapping, which takes seconds over the documents of 100,000 developers.

use std::io;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::body::Body;
use crate::model::{Document, MappingId, Part, Samples, UnmappedField};

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
        serde_json::from_reader(io::BufReader::new(document.parts.first()?.body.reader())).ok()
    }
}
