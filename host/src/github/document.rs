//! A document, as GitHub sent it.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::body::Body;
use crate::plugin::wit::{DocumentSpec, FetchKind};

/// A document as it was fetched.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// What it was asked for as: see [`Document::source_of`].
    pub source: String,
    /// Its bodies: pages, or report files.
    pub parts: Vec<Part>,
    /// When GitHub answered, or last said that it is as it was.
    pub fetched_at: Timestamp,
    /// The day that GitHub says the report is about (the last one of 28).
    pub report_day: Option<Date>,
}

/// One body.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// The bytes.
    pub body: Body,
    /// With what GitHub can be asked whether they are still the same.
    pub validator: Option<Validator>,
    /// The path of the page after it: a 304 need not repeat it.
    pub next: Option<String>,
}

/// Tells whether a resource is as it was. RFC 9110, section 13.1.2.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Validator {
    /// The SHA-256 of the URL without what signs it.
    pub resource: String,
    /// The tag that came with it.
    pub etag: Option<String>,
}

impl Part {
    /// The tag, if it has one.
    pub fn etag(&self) -> Option<&str> {
        self.validator.as_ref()?.etag.as_deref()
    }
}

impl Document {
    /// A document; its source is set by who asked for it.
    pub fn new(parts: Vec<Part>, fetched_at: Timestamp, report_day: Option<Date>) -> Self {
        Self { source: String::new(), parts, fetched_at, report_day }
    }

    /// Tells what a document of a target is, whatever a mapping calls it: how it is fetched, and from where.
    pub fn source_of(spec: &DocumentSpec) -> String {
        let fetch = match spec.fetch {
            FetchKind::Plain => "plain",
            FetchKind::Paged => "paged",
            FetchKind::Report => "report",
        };
        format!("{fetch} {}", spec.path)
    }

    /// Whether it is what `spec` wants. A mapping of another version may want another one under
    /// the same name.
    pub fn is_of(&self, spec: &DocumentSpec) -> bool {
        self.source == Self::source_of(spec)
    }

    /// The part that is this resource.
    pub fn part_of(&self, resource: &str) -> Option<&Part> {
        let is = |part: &&Part| part.validator.as_ref().is_some_and(|v| v.resource == resource);
        self.parts.iter().find(is)
    }

    /// The memory that it takes.
    pub fn compressed_length(&self) -> usize {
        self.parts.iter().map(|part| part.body.compressed().len()).sum()
    }
}
