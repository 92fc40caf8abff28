//! What goes into a run of a mapping, and what comes out.

use std::sync::Arc;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::manifest::Family;

/// Which days the samples are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Span {
    /// Only the newest day of each document, without timestamps.
    Latest,
    /// Every day in the documents, each sample with the timestamp of 00:00 UTC of its day.
    History,
}

/// Identifies one body of a document.
#[derive(Clone, Debug, PartialEq)]
pub struct PartHeader {
    /// The document's name in the manifest of the mapping that it is fed to.
    pub name: String,
    /// The number of the body within the document, from 0.
    pub part: u32,
    /// When GitHub sent it, in seconds since 1970.
    pub fetched_at: i64,
    /// The day that GitHub says it is about, if it says so.
    pub report_day: Option<Date>,
}

impl PartHeader {
    /// The header of a part of a document that says no day.
    pub fn new(name: &str, part: u32, fetched_at: i64) -> Self {
        Self { name: name.to_owned(), part, fetched_at, report_day: None }
    }
}

/// The samples of a run, as columns over one table of strings.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SampleSet {
    /// Every label value once; the samples refer to them by index.
    pub strings: Vec<String>,
    /// The families with samples.
    pub families: Vec<FamilySamples>,
    /// The fields that were not mapped.
    pub unmapped: Vec<UnmappedField>,
}

/// The samples of one family, as columns: sample `i` has the value `values[i]`, and with `n` label
/// names its label values are `label_values[i*n] … label_values[i*n+n-1]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FamilySamples {
    /// The family's name.
    pub name: String,
    /// Label values as indexes into [`SampleSet::strings`].
    pub label_values: Vec<u32>,
    /// The values.
    #[serde(with = "super::exact")]
    pub values: Vec<f64>,
    /// Milliseconds since 1970, one for each sample: only with [`Span::History`].
    pub timestamps: Option<Vec<i64>>,
}

impl FamilySamples {
    /// The samples: the indexes of their `width` label values, their values and timestamps.
    pub fn iter(&self, width: usize) -> impl Iterator<Item = (&[u32], f64, Option<i64>)> {
        self.values.iter().enumerate().map(move |(at, value)| {
            let ids = self.label_values.get(at * width..(at + 1) * width).unwrap_or_default();
            let time = self.timestamps.as_ref().and_then(|times| times.get(at));
            (ids, *value, time.copied())
        })
    }
}

/// A field that GitHub sent and a mapping does not know.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UnmappedField {
    /// The document that contains it.
    pub document: String,
    /// Its path, without array indexes.
    pub path: String,
    /// How many times it was seen.
    pub count: u64,
}

/// Where a mapping found a document malformed.
#[derive(Clone, Debug, PartialEq)]
pub struct Malformed {
    /// The document's name in the mapping's manifest.
    pub document: String,
    /// The number of the body within the document, from 0.
    pub part: u32,
    /// The offset in that body, in bytes from 0.
    pub offset: u64,
    /// The path of the field, if known.
    pub path: Option<String>,
    /// What is wrong.
    pub reason: String,
}

/// Samples that have passed every check, with the families they belong to, in the order of `/metrics`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Samples {
    /// Every label value once; the samples refer to them by index.
    pub strings: Vec<String>,
    /// The families with their samples. No family is without samples.
    pub families: Vec<(Arc<Family>, FamilySamples)>,
    /// What was left out because there are too many samples, in words.
    pub left_out: Option<String>,
}

impl Samples {
    /// The number of samples.
    pub fn len(&self) -> usize {
        self.families.iter().map(|(_, samples)| samples.values.len()).sum()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.families.is_empty()
    }
}

/// Identifies a mapping, whether it is compiled or not.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct MappingId {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The SHA-256 of its bytes, in hexadecimal.
    pub sha256: String,
}
