//! Splits a body, which arrives in arbitrary chunks, into rows.
//!
//! GitHub's bodies are JSON values one after another: NDJSON, a flat object, an array of rows, or a
//! wrapper object with the rows in an array under a known key. Only the bytes of the current row
//! are held, and a row that lies within a chunk is not copied. The framer only counts brackets and
//! quotes: the decoder of a row checks that it is valid JSON.

use super::framing::{Frame, Framing, FramingError, MAX_ROW_BYTES};
use super::nesting::Nesting;

/// The position of the next byte in the structure of the body.
#[derive(Clone, Copy, PartialEq)]
enum Context {
    /// Between the body's values.
    Top,
    /// In an array of rows, between two rows.
    Array { wrapped: bool, after_row: bool },
    /// In a wrapper, outside of its rows.
    Wrapper,
    /// In an element of an array that is a number, `true`, `false` or `null`.
    Scalar { wrapped: bool },
    /// In an element of an array that is a text.
    Text { wrapped: bool, escaped: bool },
    /// In an element of a wrapper's array that is an array.
    Nested,
    /// In a row, which is in an array (`Some`, of a wrapper or not) or at the top.
    Row { wrapped: Option<bool> },
}

/// Splits one body into frames.
pub struct Framer {
    framing: Framing,
    context: Context,
    /// How many arrays the current one is in: tools that fetch all pages put them into one.
    array_depth: usize,
    /// Bytes before the current chunk.
    consumed: u64,
    /// The part of the current row that was in previous chunks.
    row: Vec<u8>,
    row_offset: u64,
    nesting: Nesting,
    wrapper: Vec<u8>,
    wrapper_offset: u64,
    wrapper_nesting: Nesting,
    wrapper_in_array: bool,
    /// Where the last string at the top level of `wrapper` began: a key if a colon follows.
    key_start: usize,
    key_is_rows: bool,
    /// Whether the wrapper has the key of the rows, even if there is something else under it.
    has_rows: bool,
    /// Whether a value has begun.
    begun: bool,
}

impl Framer {
    /// A framer for one body.
    pub fn new(framing: Framing) -> Self {
        Self {
            framing,
            context: Context::Top,
            array_depth: 0,
            consumed: 0,
            row: Vec::new(),
            row_offset: 0,
            nesting: Nesting::default(),
            wrapper: Vec::new(),
            wrapper_offset: 0,
            wrapper_nesting: Nesting::default(),
            wrapper_in_array: false,
            key_start: 0,
            key_is_rows: false,
            has_rows: false,
            begun: false,
        }
    }

    /// Takes the next bytes and passes every frame that they complete to `sink`.
    pub fn feed<E: From<FramingError>>(
        &mut self,
        chunk: &[u8],
        mut sink: impl FnMut(Frame<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut at = 0;
        while let Some(&byte) = chunk.get(at) {
            let offset = self.consumed + at as u64;
            match self.context {
                Context::Row { wrapped } => {
                    let rest = chunk.get(at..).unwrap_or_default();
                    at += self.row_bytes(rest, wrapped, &mut sink)?;
                }
                Context::Wrapper => {
                    self.wrapper_byte(byte, &mut sink)?;
                    at += 1;
                }
                Context::Top => {
                    self.begun |= matches!(byte, b'[' | b'{');
                    match byte {
                        b' ' | b'\t' | b'\r' | b'\n' => {}
                        // A byte order mark.
                        0xEF | 0xBB | 0xBF if offset < 3 => {}
                        b'[' if self.framing == Framing::Object => {
                            return Err(FramingError::Array(offset).into());
                        }
                        b'[' => {
                            self.context = Context::Array { wrapped: false, after_row: false };
                        }
                        b'{' if self.framing != Framing::Rows => {
                            self.begin_wrapper(offset, false);
                            continue;
                        }
                        b'{' => {
                            self.begin_row(offset, None);
                            continue;
                        }
                        _ => return Err(FramingError::Unexpected(offset, byte).into()),
                    }
                    at += 1;
                }
                Context::Scalar { wrapped } => match byte {
                    b'-' | b'+' | b'.' | b'0'..=b'9' | b'a'..=b'z' | b'E' => at += 1,
                    _ => self.context = Context::Array { wrapped, after_row: true },
                },
                Context::Text { wrapped, escaped } => {
                    self.context = match (byte, escaped) {
                        (b'"', false) => Context::Array { wrapped, after_row: true },
                        _ => Context::Text { wrapped, escaped: byte == b'\\' && !escaped },
                    };
                    at += 1;
                }
                Context::Nested => {
                    if self.nesting.close(&[byte]).is_some() {
                        self.context = Context::Array { wrapped: true, after_row: true };
                    }
                    at += 1;
                }
                Context::Array { wrapped, after_row } => {
                    match byte {
                        b' ' | b'\t' | b'\r' | b'\n' => {}
                        b',' if after_row => {
                            self.context = Context::Array { wrapped, after_row: false };
                        }
                        b']' if wrapped => {
                            self.wrapper.push(b']');
                            self.context = Context::Wrapper;
                        }
                        b']' if self.array_depth > 0 => {
                            self.array_depth -= 1;
                            self.context = Context::Array { wrapped, after_row: true };
                        }
                        b']' => self.context = Context::Top,
                        b'[' if !after_row && !wrapped => self.array_depth += 1,
                        b'-' | b'0'..=b'9' | b'a'..=b'z' if !after_row => {
                            sink(Frame::Scalar(offset))?;
                            self.context = Context::Scalar { wrapped };
                        }
                        b'"' if !after_row => {
                            sink(Frame::Scalar(offset))?;
                            self.context = Context::Text { wrapped, escaped: false };
                        }
                        b'[' if !after_row => {
                            sink(Frame::Scalar(offset))?;
                            self.nesting = Nesting::default();
                            self.context = Context::Nested;
                            continue;
                        }
                        b'{' if !after_row && !wrapped && self.framing != Framing::Rows => {
                            self.begin_wrapper(offset, true);
                            continue;
                        }
                        b'{' if !after_row => {
                            self.begin_row(offset, Some(wrapped));
                            continue;
                        }
                        _ => return Err(FramingError::Unexpected(offset, byte).into()),
                    }
                    at += 1;
                }
            }
        }
        self.consumed += chunk.len() as u64;
        Ok(())
    }

    /// Whether a value has begun: so far, the body is not blank.
    pub fn begun(&self) -> bool {
        self.begun
    }

    /// Checks that the body may end here.
    pub fn finish(&self) -> Result<(), FramingError> {
        match self.context {
            Context::Top => Ok(()),
            _ => Err(FramingError::CutOff(self.consumed)),
        }
    }

    fn begin_row(&mut self, offset: u64, wrapped: Option<bool>) {
        self.row.clear();
        self.row_offset = offset;
        self.nesting = Nesting::default();
        self.context = Context::Row { wrapped };
    }

    /// Takes bytes of a row, at most up to its end. Returns how many were taken.
    fn row_bytes<E: From<FramingError>>(
        &mut self,
        bytes: &[u8],
        wrapped: Option<bool>,
        sink: &mut impl FnMut(Frame<'_>) -> Result<(), E>,
    ) -> Result<usize, E> {
        let end = self.nesting.close(bytes);
        let taken = bytes.get(..end.unwrap_or(bytes.len())).unwrap_or_default();
        if self.row.len() + taken.len() > MAX_ROW_BYTES {
            return Err(FramingError::RowTooLong(self.row_offset).into());
        }
        match end {
            Some(_) => {
                self.context = match wrapped {
                    None => Context::Top,
                    Some(wrapped) => Context::Array { wrapped, after_row: true },
                };
                if self.row.is_empty() {
                    sink(Frame::Row(taken, self.row_offset))?;
                } else {
                    self.row.extend_from_slice(taken);
                    sink(Frame::Row(&self.row, self.row_offset))?;
                    self.row.clear();
                }
            }
            None => self.row.extend_from_slice(taken),
        }
        Ok(taken.len())
    }

    fn begin_wrapper(&mut self, offset: u64, in_array: bool) {
        self.wrapper_in_array = in_array;
        self.wrapper.clear();
        self.wrapper_offset = offset;
        self.wrapper_nesting = Nesting::default();
        self.key_is_rows = false;
        self.has_rows = false;
        self.context = Context::Wrapper;
    }

    /// Takes one byte of a wrapper. Wrappers are small or rare, so one byte at a time is fast enough.
    fn wrapper_byte<E: From<FramingError>>(
        &mut self,
        byte: u8,
        sink: &mut impl FnMut(Frame<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let before = self.wrapper_nesting;
        if self.wrapper.len() >= MAX_ROW_BYTES {
            return Err(FramingError::RowTooLong(self.wrapper_offset).into());
        }
        self.wrapper.push(byte);
        let closed = self.wrapper_nesting.close(&[byte]).is_some();
        if before.depth == 1 && !before.escaped {
            match (byte, before.in_string) {
                (b'"', false) => self.key_start = self.wrapper.len(),
                (b'"', true) => {
                    let key = self.wrapper.get(self.key_start..self.wrapper.len() - 1);
                    self.key_is_rows = key.is_some() && key == self.framing.rows_key();
                }
                (b':', false) => self.has_rows |= self.key_is_rows,
                (b',', false) => self.key_is_rows = false,
                (b'[', false) if self.key_is_rows && self.has_rows => {
                    // The closing bracket is pushed at the end of the rows.
                    self.wrapper_nesting = before;
                    self.context = Context::Array { wrapped: true, after_row: false };
                }
                _ => {}
            }
        }
        if closed {
            let in_array = self.wrapper_in_array;
            self.context = match in_array {
                true => Context::Array { wrapped: false, after_row: true },
                false => Context::Top,
            };
            let has_rows = self.has_rows;
            sink(self.framing.frame(has_rows, in_array, &self.wrapper, self.wrapper_offset))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
