//! The samples that a mapping made of a target's documents, kept beside these: a restart serves
//! them without running the mapping, which takes seconds over the documents of 100,000 developers.

use std::io::{self, Write};

use flate2::Compression;
use flate2::write::GzEncoder;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Documents;
use crate::digest::sha256;
use crate::exposition::encode::EncodedFamily;
use crate::github::{Body, Document, Part};
use crate::mappings::Member;
use crate::pipeline::Mapped;
use crate::plugin::wit;
use crate::settings::TargetSettings;

/// The name in the store of what a mapping made. No document can have it.
pub(super) fn name(mapping: &str) -> String {
    format!(".samples.{mapping}")
}

/// Samples, and what they were made of.
#[derive(Serialize, Deserialize)]
pub struct Samples {
    fingerprint: String,
    families: Vec<EncodedFamily>,
    series: usize,
    unmapped: Vec<(String, String, u64)>,
    memory_bytes: usize,
}

/// Tells what samples are made of: a mapping is a function of itself, the target's name, the
/// options and the documents, so that the same of these gives the same samples.
pub fn fingerprint(member: &Member, settings: &TargetSettings, documents: &Documents) -> String {
    let mut texts = vec![
        member.mapping.sha256().to_owned(),
        // The same mapping may be checked and written otherwise by another version.
        env!("CARGO_PKG_VERSION").to_owned(),
        settings.target.name().to_owned(),
    ];
    for option in member.options(settings) {
        texts.extend([option.name, option.value]);
    }
    for (feed, document) in member.fed(settings.target.scope(), documents) {
        texts.extend([feed.source.clone(), document.fetched_at.to_string()]);
    }
    // With its length before each, so that no two lists of them are the same bytes.
    sha256(texts.iter().map(|text| format!("{}:{text}", text.len())))
}

impl Samples {
    /// Of a run.
    pub fn new(fingerprint: String, mapped: &Mapped) -> Self {
        let unmapped = mapped.unmapped.iter();
        Self {
            fingerprint,
            families: mapped.families.clone(),
            series: mapped.series,
            memory_bytes: mapped.memory_bytes,
            unmapped: unmapped
                .map(|field| (field.document.clone(), field.path.clone(), field.count))
                .collect(),
        }
    }

    /// The run's result, if it was one over the same.
    pub fn into_mapped(self, fingerprint: &str) -> Option<Mapped> {
        let unmapped = self.unmapped.into_iter();
        (self.fingerprint == fingerprint).then(|| Mapped {
            families: self.families,
            series: self.series,
            memory_bytes: self.memory_bytes,
            unmapped: unmapped
                .map(|(document, path, count)| wit::UnmappedField { document, path, count })
                .collect(),
        })
    }

    /// As a store keeps it.
    pub(super) fn to_document(&self) -> io::Result<Document> {
        let json = serde_json::to_vec(self)?;
        let mut compressed = GzEncoder::new(Vec::new(), Compression::fast());
        compressed.write_all(&json)?;
        let body = Body::from_compressed(compressed.finish()?.into(), json.len() as u64);
        let parts = vec![Part { body, validator: None, next: None }];
        Ok(Document::new(parts, Timestamp::now(), None))
    }

    /// From a store.
    pub(super) fn from_document(document: &Document) -> Option<Self> {
        serde_json::from_reader(io::BufReader::new(document.parts.first()?.body.reader())).ok()
    }
}
