//! Cuts a body, which arrives in chunks cut anywhere, into rows.
//!
//! GitHub's bodies are JSON values one after the other: NDJSON, one flat object, one array of
//! rows, or one wrapper object with the rows in an array under a known key. Only the bytes of
//! the row that is being read are held; a row that lies wholly in a chunk isn't even copied.
//! The framer only counts brackets and quotes: whether a row is JSON is for its decoder to say.

use memchr::memchr2;

/// The longest row that is read. GitHub's longest rows, one day of a large enterprise, have
/// about a megabyte; more than this is not a row but a mistake, and may not eat the memory.
pub const MAX_ROW_BYTES: usize = 8 << 20;

/// One piece of a body, with the offset of its first byte in the body.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Frame<'a> {
    /// A row.
    Row(&'a [u8], u64),
    /// A wrapper object, with its array of rows left empty. It comes after its rows.
    /// An object without such an array is a row by itself and comes as this too.
    Wrapper(&'a [u8], u64, Rows),
}

/// Whether a wrapper had an array of rows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rows {
    /// The array was there; its rows have been given as [`Frame::Row`].
    Given,
    /// There was none.
    Absent,
}

/// What is wrong with a body's framing.
#[derive(Debug, PartialEq)]
pub enum FramingError {
    /// At this offset stands a byte that can't stand there.
    Unexpected(u64, u8),
    /// The row that starts at this offset is longer than [`MAX_ROW_BYTES`].
    RowTooLong(u64),
    /// The body ends, at this offset, in the middle of a value.
    CutOff(u64),
}

/// Where in the body's structure the next byte stands.
#[derive(Clone, Copy, PartialEq)]
enum Context {
    /// Between the body's values.
    Top,
    /// In an array of rows, between two of them.
    Array { wrapped: bool, after_row: bool },
    /// In a wrapper, outside of its rows.
    Wrapper,
    /// In a row that stands in the given context.
    Row { wrapped: Option<bool> },
}

/// Cuts one body into frames.
pub struct Framer {
    rows_key: Option<&'static [u8]>,
    context: Context,
    /// Bytes before the current chunk.
    consumed: u64,
    /// The part of the current row that earlier chunks brought.
    row: Vec<u8>,
    row_offset: u64,
    nesting: Nesting,
    wrapper: Vec<u8>,
    wrapper_offset: u64,
    wrapper_nesting: Nesting,
    /// Where in `wrapper` the last string at its top level began: its key, when a colon follows.
    key_start: usize,
    key_is_rows: bool,
    rows: Rows,
    /// Whether there was anything but white space.
    begun: bool,
}

/// Counts open brackets, minding strings.
#[derive(Clone, Copy, Default)]
struct Nesting {
    depth: usize,
    in_string: bool,
    escaped: bool,
}

impl Nesting {
    /// Reads `bytes` up to and with the byte that closes the outermost bracket. Answers how many were read.
    fn close(&mut self, bytes: &[u8]) -> Option<usize> {
        let mut at = 0;
        while let Some(&byte) = bytes.get(at) {
            if self.escaped {
                self.escaped = false;
                at += 1;
            } else if self.in_string {
                let rest = bytes.get(at..).unwrap_or_default();
                let skip = memchr2(b'"', b'\\', rest)?;
                at += skip;
                if rest.get(skip) == Some(&b'"') {
                    self.in_string = false;
                } else {
                    self.escaped = true;
                }
                at += 1;
            } else {
                at += 1;
                match byte {
                    b'"' => self.in_string = true,
                    b'{' | b'[' => self.depth += 1,
                    b'}' | b']' => {
                        self.depth = self.depth.saturating_sub(1);
                        if self.depth == 0 {
                            return Some(at);
                        }
                    }
                    _ => {}
                }
            }
        }
        None
    }
}

impl Framer {
    /// A framer for a body whose wrapper, if it has one, holds the rows under `rows_key`.
    pub fn new(rows_key: Option<&'static str>) -> Self {
        Self {
            rows_key: rows_key.map(str::as_bytes),
            context: Context::Top,
            consumed: 0,
            row: Vec::new(),
            row_offset: 0,
            nesting: Nesting::default(),
            wrapper: Vec::new(),
            wrapper_offset: 0,
            wrapper_nesting: Nesting::default(),
            key_start: 0,
            key_is_rows: false,
            rows: Rows::Absent,
            begun: false,
        }
    }

    /// Takes the next bytes and gives every frame that they complete to `sink`.
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
                        b'[' => {
                            self.context = Context::Array { wrapped: false, after_row: false };
                        }
                        b'{' if self.rows_key.is_some() => {
                            self.begin_wrapper(offset);
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
                        b']' => self.context = Context::Top,
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

    /// Whether there was anything but white space so far.
    pub fn begun(&self) -> bool {
        self.begun
    }

    /// Says whether the body may end here.
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

    /// Takes bytes of a row, to its end if it is among them. Answers how many were taken.
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

    fn begin_wrapper(&mut self, offset: u64) {
        self.wrapper.clear();
        self.wrapper_offset = offset;
        self.wrapper_nesting = Nesting::default();
        self.key_is_rows = false;
        self.rows = Rows::Absent;
        self.context = Context::Wrapper;
    }

    /// Takes one byte of a wrapper. Wrappers are small or rare, so that bytes one by one will do.
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
                    self.key_is_rows = key == self.rows_key;
                }
                (b',', false) => self.key_is_rows = false,
                (b'[', false) if self.key_is_rows => {
                    // The closing bracket is pushed where the rows end.
                    self.wrapper_nesting = before;
                    self.rows = Rows::Given;
                    self.context = Context::Array { wrapped: true, after_row: false };
                }
                _ => {}
            }
        }
        if closed {
            self.context = Context::Top;
            sink(Frame::Wrapper(&self.wrapper, self.wrapper_offset, self.rows))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every frame of `body`, cut into chunks of `size` bytes.
    fn frames(body: &[u8], size: usize) -> Result<Vec<(bool, String, u64)>, FramingError> {
        let mut framer = Framer::new(Some("rows"));
        let mut found = Vec::new();
        for chunk in body.chunks(size) {
            framer.feed(chunk, |frame| {
                found.push(match frame {
                    Frame::Row(bytes, at) => (true, String::from_utf8_lossy(bytes).into(), at),
                    Frame::Wrapper(bytes, at, _) => {
                        (false, String::from_utf8_lossy(bytes).into(), at)
                    }
                });
                Ok::<_, FramingError>(())
            })?;
        }
        framer.finish()?;
        Ok(found)
    }

    #[test]
    fn rows_are_the_same_however_the_body_is_cut() {
        let bodies: [&[u8]; 6] = [
            b"[{\"a\":1},{\"b\":\"}]\\\"\"} , {}]\n",
            b"{\"k\":\"rows\",\"rows\":[{\"a\":[1]},{\"b\":2}],\"end\":{\"rows\":[{}]}}",
            b"{\"flat\":[1,2]}\r\n{\"flat\":\"\\\\\"}\n",
            b"\xEF\xBB\xBF{\"a\":1}{\"b\":2}",
            b"[]",
            b" \n",
        ];
        for body in bodies {
            let whole = frames(body, body.len()).unwrap();
            for size in 1..body.len() {
                assert_eq!(frames(body, size).unwrap(), whole, "cut at {size}");
            }
        }
    }

    #[test]
    fn a_wrapper_gives_its_rows_first_and_then_itself_without_them() {
        let found = frames(b"{\"n\":1,\"rows\":[{\"a\":1},{\"a\":2}],\"m\":2}", 7).unwrap();
        let texts: Vec<_> =
            found.iter().map(|(row, text, at)| (*row, text.as_str(), *at)).collect();
        assert_eq!(
            texts,
            [
                (true, "{\"a\":1}", 15),
                (true, "{\"a\":2}", 23),
                (false, "{\"n\":1,\"rows\":[],\"m\":2}", 0)
            ]
        );
    }

    #[test]
    fn what_is_no_row_is_refused_at_its_offset() {
        assert_eq!(frames(b"  <html>", 3), Err(FramingError::Unexpected(2, b'<')));
        assert_eq!(frames(b"[{} {}]", 3), Err(FramingError::Unexpected(4, b'{')));
        assert_eq!(frames(b"[1]", 3), Err(FramingError::Unexpected(1, b'1')));
        assert_eq!(frames(b"{\"rows\":[{}", 3), Err(FramingError::CutOff(11)));
        assert_eq!(frames(b"{\"a\":\"", 3), Err(FramingError::CutOff(6)));
    }
}
