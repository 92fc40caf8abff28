//! A document, as GitHub sent it.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::body::Body;

/// A document as it was fetched.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
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
