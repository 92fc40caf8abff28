//! One row of a body, and how it is decoded.

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::field::{Field, Problem, take_reported};
use super::malformed::Malformed;
use super::repair::{position_before_repair, repair};
use super::text::truncate;
use super::time::Day;
use super::tracking::Tracked;
use super::unmapped::Unmapped;
use super::version::Rank;

/// The longest reason that is kept: serde quotes the offending text, which may be long.
const MAX_REASON_BYTES: usize = 200;
/// How far in the future a day or a time may be, seen from when the body was fetched: clocks differ.
pub const MAX_FUTURE_SECONDS: i64 = 86_400;

/// Why a row was not taken.
#[derive(Debug, PartialEq)]
pub enum Rejected {
    /// Only this row is not usable. It has been counted.
    Row,
    /// The document is not what it claims to be.
    Document(Malformed),
}

/// A row of a body, not yet decoded.
pub struct Row<'a> {
    bytes: &'a [u8],
    /// The row with invalid values replaced, once that was necessary.
    repaired: &'a mut Option<String>,
    offset: u64,
    unmapped: &'a mut Unmapped,
    /// The rank of what it says.
    pub rank: Rank,
    /// The day that its document was requested for, if it is plausible.
    pub report_day: Option<Day>,
}

impl<'a> Row<'a> {
    /// The row `bytes`, which starts at `offset` in its body.
    pub fn new(
        bytes: &'a [u8],
        repaired: &'a mut Option<String>,
        offset: u64,
        rank: Rank,
        unmapped: &'a mut Unmapped,
    ) -> Self {
        Self { bytes, repaired, offset, unmapped, rank, report_day: None }
    }

    /// The row of a document that was requested for this day.
    pub fn of_day(self, report_day: Option<Day>) -> Self {
        Self { report_day, ..self }
    }

    /// Decodes the row and returns what else there is to say about it. Fields that are unknown or
    /// not of the expected kind are counted as unmapped, except unknown ones whose path starts with
    /// one of `foreign`: parts of GitHub's general objects that are not about Copilot.
    pub fn decode<T: Deserialize<'a>>(
        self,
        foreign: &'static [&'static str],
    ) -> Result<(T, RowNotes<'a>), Rejected> {
        let Self { bytes, repaired, offset, unmapped, rank, report_day: _ } = self;
        unmapped.ignore(foreign);
        let error = match decode(bytes, unmapped) {
            Ok(values) => return Ok((values, RowNotes { unmapped, offset, rank })),
            Err(error) => error,
        };
        if error.is_syntax() {
            *repaired = repair(bytes);
        }
        let repaired = &*repaired;
        let (read, decoded) = match repaired.as_deref() {
            Some(row) => (row.as_bytes(), decode(row.as_bytes(), unmapped)),
            None => (bytes, Err(error)),
        };
        match decoded {
            Ok(values) => Ok((values, RowNotes { unmapped, offset, rank })),
            // A row that is valid JSON is lost alone.
            Err(error) if serde_json::from_slice::<IgnoredAny>(read).is_ok() => {
                unmapped.add(format!("row: {}", reason(&error)), Problem::Invalid);
                Err(Rejected::Row)
            }
            Err(error) => {
                let position = match repaired {
                    Some(_) => position_before_repair(bytes, position(read, &error)),
                    None => position(read, &error),
                };
                let offset = offset + position as u64;
                Err(Rejected::Document(Malformed { offset, reason: reason(&error) }))
            }
        }
    }
}

/// Decodes a row that is completely valid or not at all.
fn decode<'de, T: Deserialize<'de>>(
    bytes: &'de [u8],
    unmapped: &mut Unmapped,
) -> Result<T, serde_json::Error> {
    unmapped.discard();
    take_reported();
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let row = T::deserialize(Tracked::row(&mut deserializer, unmapped))?;
    deserializer.end()?;
    Ok(row)
}

/// What is to be said about a row after it was decoded.
pub struct RowNotes<'a> {
    unmapped: &'a mut Unmapped,
    offset: u64,
    /// The rank of what it says.
    pub rank: Rank,
}

impl RowNotes<'_> {
    /// Counts a field of the row.
    pub fn note(&mut self, path: &str, problem: Problem) {
        self.unmapped.add(path.to_owned(), problem);
    }

    /// The value of a field without which the row is not usable. An invalid one is already counted.
    pub fn required<T>(&mut self, field: Field<T>, name: &str) -> Result<T, Rejected> {
        if matches!(field, Field::Absent) {
            self.note(name, Problem::Missing);
        }
        field.into_option().ok_or(Rejected::Row)
    }

    /// The day of the row. No report is about a day before 2020 or in the future.
    pub fn day(&mut self, field: Field<Day>, name: &str) -> Result<Day, Rejected> {
        let day = self.required(field, name)?;
        let latest = self.rank.fetched_at.saturating_add(MAX_FUTURE_SECONDS);
        if day.is_plausible(latest) {
            return Ok(day);
        }
        self.note(name, Problem::Invalid);
        Err(Rejected::Row)
    }

    /// The error that the document is not what it claims to be.
    pub fn malformed(&self, reason: String) -> Rejected {
        Rejected::Document(Malformed { offset: self.offset, reason })
    }
}

/// The reason of an error. The position within the row would only compete with the offset.
fn reason(error: &serde_json::Error) -> String {
    let mut reason = error.to_string();
    if let Some(at) = reason.rfind(" at line ") {
        reason.truncate(at);
    }
    truncate(&mut reason, MAX_REASON_BYTES);
    reason
}

/// The position of an error in a row that is not JSON.
fn position(bytes: &[u8], error: &serde_json::Error) -> usize {
    let lines = bytes.split(|byte| *byte == b'\n').take(error.line().saturating_sub(1));
    let line_start: usize = lines.map(|line| line.len() + 1).sum();
    line_start + error.column().saturating_sub(1)
}
