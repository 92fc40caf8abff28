//! One row of a body, and how it is decoded.

use serde::Deserialize;
use serde::de::Error as _;

use super::malformed::Malformed;
use super::text::truncate;
use super::unmapped::Unmapped;

/// The longest reason that is kept: serde quotes the offending text, which may be long.
const MAX_REASON_BYTES: usize = 200;

/// A row of a body, not yet decoded.
pub struct Row<'a> {
    bytes: &'a [u8],
    offset: u64,
    unmapped: &'a mut Unmapped,
    /// When GitHub sent the body, in seconds since 1970-01-01T00:00:00Z.
    pub fetched_at: i64,
}

impl<'a> Row<'a> {
    /// The row `bytes`, which starts at `offset` in its body.
    pub fn new(bytes: &'a [u8], offset: u64, fetched_at: i64, unmapped: &'a mut Unmapped) -> Self {
        Self { bytes, offset, unmapped, fetched_at }
    }

    /// Decodes the row. Unknown fields are counted as unmapped.
    pub fn decode<T: Deserialize<'a>>(&mut self) -> Result<T, Malformed> {
        self.decode_except(&[])
    }

    /// Decodes the row. Unknown fields are counted as unmapped, except those whose path starts
    /// with one of `foreign`: parts of GitHub's general objects that are not about Copilot.
    pub fn decode_except<T: Deserialize<'a>>(&mut self, foreign: &[&str]) -> Result<T, Malformed> {
        let mut deserializer = serde_json::Deserializer::from_slice(self.bytes);
        serde_ignored::deserialize(&mut deserializer, |path| self.unmapped.note(&path, foreign))
            .and_then(|row| deserializer.end().map(|()| row))
            .map_err(|error| locate::<T>(self.bytes, self.offset, &error))
    }

    /// The value of a field without which the row is malformed.
    pub fn required<T>(&self, value: Option<T>, field: &'static str) -> Result<T, Malformed> {
        value.ok_or_else(|| self.malformed(serde_json::Error::missing_field(field).to_string()))
    }

    /// The error that the row as a whole is malformed.
    pub fn malformed(&self, reason: String) -> Malformed {
        Malformed { offset: self.offset, path: None, reason }
    }
}

/// Locates an error. Tracking the path costs time in every field, so that only malformed rows pay for it.
fn locate<'de, T: Deserialize<'de>>(
    bytes: &'de [u8],
    offset: u64,
    error: &serde_json::Error,
) -> Malformed {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let path = serde_path_to_error::deserialize::<_, T>(&mut deserializer)
        .err()
        .map(|error| error.path().to_string())
        .filter(|path| path != "." && path != "?");
    let line_start = bytes
        .split(|byte| *byte == b'\n')
        .take(error.line().saturating_sub(1))
        .map(|line| line.len() + 1)
        .sum::<usize>();
    let mut reason = error.to_string();
    // The position within the row would only compete with the offset.
    if let Some(at) = reason.rfind(" at line ") {
        reason.truncate(at);
    }
    truncate(&mut reason, MAX_REASON_BYTES);
    Malformed {
        offset: offset + (line_start + error.column().saturating_sub(1)) as u64,
        path,
        reason,
    }
}
