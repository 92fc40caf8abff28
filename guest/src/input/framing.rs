//! How the rows of a document are laid out in a body.

/// The maximum size of a row. GitHub's largest rows, one day of a large enterprise, have about a
/// megabyte.
pub const MAX_ROW_BYTES: usize = 8 << 20;

/// How the rows of a document are laid out in a body.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Framing {
    /// Objects one after another, or in an array: each is a row.
    Rows,
    /// As [`Self::Rows`], but each object may also be a wrapper with an array of rows under this key.
    RowsOrWrapper(&'static str),
    /// Wrapper objects with an array of rows under this key, or an array of rows or wrappers.
    Wrapper(&'static str),
    /// A single object, which is the row.
    Object,
}

impl Framing {
    /// The key of the array of rows.
    pub fn rows_key(self) -> Option<&'static [u8]> {
        match self {
            Self::RowsOrWrapper(key) | Self::Wrapper(key) => Some(key.as_bytes()),
            Self::Rows | Self::Object => None,
        }
    }

    /// What a body must have, for errors.
    pub fn expected(self) -> String {
        match self {
            Self::Rows | Self::RowsOrWrapper(_) => "expected at least one object".to_owned(),
            Self::Wrapper(key) => format!("expected an object with an array {key:?}"),
            Self::Object => "expected a single object".to_owned(),
        }
    }

    /// What an object is that is not in an array of a wrapper, given whether it has the key of the
    /// rows and whether it is in an array.
    pub fn frame<'b>(
        self,
        has_rows: bool,
        in_array: bool,
        bytes: &'b [u8],
        offset: u64,
    ) -> Frame<'b> {
        match (self, has_rows) {
            (Self::RowsOrWrapper(_) | Self::Wrapper(_), true) => Frame::Wrapper(bytes, offset),
            (Self::Wrapper(key), false) if !in_array => Frame::Foreign(bytes, offset, key),
            _ => Frame::Row(bytes, offset),
        }
    }
}

/// A piece of a body, with the offset of its first byte in the body.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Frame<'a> {
    /// A row.
    Row(&'a [u8], u64),
    /// A wrapper object, with its array of rows left empty. It follows its rows.
    Wrapper(&'a [u8], u64),
    /// Something else than an object in the place of a row: a number, a text, `null` and so on.
    Scalar(u64),
    /// An object in the place of a wrapper, without this key.
    Foreign(&'a [u8], u64, &'static str),
}

/// Why a body could not be split into rows.
#[derive(Debug, PartialEq)]
pub enum FramingError {
    /// The byte at this offset is not allowed there.
    Unexpected(u64, u8),
    /// There is an array at this offset instead of a single object.
    Array(u64),
    /// The row that starts at this offset is longer than [`MAX_ROW_BYTES`].
    RowTooLong(u64),
    /// The body ends, at this offset, in the middle of a value.
    CutOff(u64),
}
