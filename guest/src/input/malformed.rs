//! Errors in a body.

use super::framing::{Framing, FramingError, MAX_ROW_BYTES};

/// Where a body is malformed.
#[derive(Debug, PartialEq)]
pub struct Malformed {
    /// The offset in the body, in bytes from 0.
    pub offset: u64,
    /// The path of the field, if known.
    pub path: Option<String>,
    /// What is wrong.
    pub reason: String,
}

impl From<FramingError> for Malformed {
    fn from(error: FramingError) -> Self {
        let (offset, reason) = match error {
            FramingError::Unexpected(offset, byte) => {
                let found = char::from(byte).escape_default();
                (offset, format!("not JSON objects: unexpected '{found}'"))
            }
            FramingError::WrongShape(offset, Framing::Wrapper(key)) => {
                (offset, format!("expected an object with an array {key:?}"))
            }
            FramingError::WrongShape(offset, _) => {
                (offset, "expected a single object, not an array".to_owned())
            }
            FramingError::RowTooLong(offset) => {
                (offset, format!("a row is longer than {} MiB", MAX_ROW_BYTES >> 20))
            }
            FramingError::CutOff(offset) => {
                (offset, "the body is cut off in the middle of a value".to_owned())
            }
        };
        Self { offset, path: None, reason }
    }
}
