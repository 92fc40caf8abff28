//! What becomes of a day at a receiver.

use jiff::civil::Date;

/// What became of a day at one of the receivers.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Outcome {
    /// Its samples were written.
    Written,
    /// The receiver had them already.
    Present,
    /// The receiver was asked, and has them.
    Verified,
    /// It does not have them, and why.
    Failed(Reason),
}

/// Why a receiver does not have a day.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Reason {
    /// What may be the same for many days.
    pub text: String,
    /// An example of this day.
    pub example: Option<String>,
}

impl From<String> for Reason {
    fn from(text: String) -> Self {
        Self { text, example: None }
    }
}

/// What became of a day at a receiver.
pub(super) struct DayResult {
    /// The receiver's name.
    pub receiver: String,
    /// The day.
    pub day: Date,
    /// What became of it.
    pub outcome: Outcome,
}
