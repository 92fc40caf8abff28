//! Errors in a body.

use super::framing::{FramingError, MAX_ROW_BYTES};

/// Where a body is malformed.
#[derive(Debug, PartialEq)]
pub struct Malformed {
    /// The offset in the body, in bytes from 0.
    pub offset: u64,
    /// What is wrong.
    pub reason: String,
}

impl From<FramingError> for Malformed {
    fn from(error: FramingError) -> Self {
        let (offset, reason) = match error {
            FramingError::Unexpected(offset, b'<') => {
                (offset, "this is a web page, not JSON".to_owned())
            }
            FramingError::Unexpected(0, 0x1F) => {
                (0, "this is gzip-compressed data, not JSON".to_owned())
            }
            FramingError::Unexpected(offset, byte) => {
                let found = char::from(byte).escape_default();
                (offset, format!("not JSON objects: unexpected '{found}'"))
            }
            FramingError::Array(offset) => {
                (offset, "expected a single object, not an array".to_owned())
            }
            FramingError::RowTooLong(offset) => {
                (offset, format!("a row is longer than {} MiB", MAX_ROW_BYTES >> 20))
            }
            FramingError::CutOff(offset) => {
                (offset, "the body is cut off in the middle of a value".to_owned())
            }
        };
        Self { offset, reason }
    }
}
