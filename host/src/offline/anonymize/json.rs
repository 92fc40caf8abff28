//! Rewrites JSON while it is read: nothing but the current token is in memory, and whatever is not
//! replaced stays as it is, to the byte.

use std::io::{self, BufRead, Write};

use thiserror::Error;

/// The longest string or number.
const MAX_TOKEN_BYTES: usize = 16 << 20;
/// The deepest nesting.
const MAX_DEPTH: usize = 128;
/// What some editors write at the start of a file.
const BYTE_ORDER_MARK: [u8; 3] = [0xef, 0xbb, 0xbf];

/// Decides what becomes of each token. `None`: it stays as it is.
pub(in crate::offline) trait Rewrite {
    /// The name of a field.
    fn key(&mut self, key: &str) -> Option<String>;
    /// A string, decoded.
    fn string(&mut self, place: Place<'_>, text: &str) -> Option<String>;
    /// A number, as it is written.
    fn number(&mut self, place: Place<'_>, number: &str) -> Option<String>;
}

/// Where a value is. The elements of an array are where the array is.
#[derive(Clone, Copy, Debug)]
pub(in crate::offline) struct Place<'a> {
    /// The field.
    pub key: &'a str,
    /// The field of the object that the field is in.
    pub parent: &'a str,
}

/// Why a document can't be rewritten.
#[derive(Debug, Error)]
pub(in crate::offline) enum RewriteError {
    /// It is not JSON. The text itself is not shown.
    #[error("it is not valid JSON at byte {offset}: {problem}")]
    Json {
        /// Where.
        offset: u64,
        /// What is wrong.
        problem: &'static str,
    },
    /// It can't be read or written.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Rewrites JSON values, one after the other. Returns how many there are.
pub(in crate::offline) fn rewrite(
    input: impl BufRead,
    output: impl Write,
    policy: &mut dyn Rewrite,
) -> Result<u64, RewriteError> {
    let mut rewriter = Rewriter {
        input,
        output,
        policy,
        offset: 0,
        frames: Vec::new(),
        token: Vec::new(),
        values: 0,
    };
    rewriter.run()?;
    rewriter.output.flush()?;
    Ok(rewriter.values)
}

/// An object or array that has not ended.
enum Frame {
    Object { key: String, is_key_next: bool },
    Array,
}

struct Rewriter<'a, R, W> {
    input: R,
    output: W,
    policy: &'a mut dyn Rewrite,
    offset: u64,
    frames: Vec<Frame>,
    token: Vec<u8>,
    /// The values outside of all others.
    values: u64,
}

impl<R: BufRead, W: Write> Rewriter<'_, R, W> {
    fn peek(&mut self) -> io::Result<Option<u8>> {
        Ok(self.input.fill_buf()?.first().copied())
    }

    fn consume(&mut self) {
        self.input.consume(1);
        self.offset += 1;
    }

    fn wrong<T>(&self, problem: &'static str) -> Result<T, RewriteError> {
        Err(RewriteError::Json { offset: self.offset, problem })
    }

    fn run(&mut self) -> Result<(), RewriteError> {
        if self.input.fill_buf()?.starts_with(&BYTE_ORDER_MARK) {
            self.input.consume(BYTE_ORDER_MARK.len());
            self.offset += BYTE_ORDER_MARK.len() as u64;
            self.output.write_all(&BYTE_ORDER_MARK)?;
        }
        while let Some(byte) = self.peek()? {
            match byte {
                b'"' => self.string()?,
                b'{' | b'[' => self.open(byte)?,
                b'}' | b']' => self.close(byte)?,
                b',' => {
                    if let Some(Frame::Object { is_key_next, .. }) = self.frames.last_mut() {
                        *is_key_next = true;
                    }
                    self.copy(byte)?;
                }
                b' ' | b'\t' | b'\r' | b'\n' | b':' => self.copy(byte)?,
                _ => self.word()?,
            }
        }
        match self.frames.is_empty() {
            true => Ok(()),
            false => self.wrong("it is cut off"),
        }
    }

    fn copy(&mut self, byte: u8) -> io::Result<()> {
        self.output.write_all(&[byte])?;
        self.consume();
        Ok(())
    }

    fn open(&mut self, byte: u8) -> Result<(), RewriteError> {
        self.expect_value()?;
        if self.frames.len() == MAX_DEPTH {
            return self.wrong("it is nested too deeply");
        }
        self.frames.push(match byte {
            b'{' => Frame::Object { key: String::new(), is_key_next: true },
            _ => Frame::Array,
        });
        Ok(self.copy(byte)?)
    }

    fn close(&mut self, byte: u8) -> Result<(), RewriteError> {
        let matches = match self.frames.pop() {
            Some(Frame::Object { .. }) => byte == b'}',
            Some(Frame::Array) => byte == b']',
            None => false,
        };
        match matches {
            true => Ok(self.copy(byte)?),
            false => self.wrong("an unexpected bracket"),
        }
    }

    /// Notes that a value begins.
    fn expect_value(&mut self) -> Result<(), RewriteError> {
        match self.frames.last_mut() {
            Some(Frame::Object { is_key_next: true, .. }) => self.wrong("a field has no name"),
            Some(_) => Ok(()),
            None => {
                self.values += 1;
                Ok(())
            }
        }
    }

    fn string(&mut self) -> Result<(), RewriteError> {
        self.read_string()?;
        let text = decode(&self.token);
        if let Some(Frame::Object { is_key_next: true, .. }) = self.frames.last() {
            return self.key(text);
        }
        self.expect_value()?;
        let place = place(&self.frames);
        match self.policy.string(place, &text) {
            Some(text) => write_string(&mut self.output, &text)?,
            None => self.output.write_all(&self.token)?,
        }
        Ok(())
    }

    fn key(&mut self, text: String) -> Result<(), RewriteError> {
        match self.policy.key(&text) {
            Some(text) => write_string(&mut self.output, &text)?,
            None => self.output.write_all(&self.token)?,
        }
        while let Some(byte @ (b' ' | b'\t' | b'\r' | b'\n')) = self.peek()? {
            self.copy(byte)?;
        }
        // A text that is not a key must not pass as one.
        if self.peek()? != Some(b':') {
            return self.wrong("a field has no value");
        }
        if let Some(Frame::Object { key, is_key_next }) = self.frames.last_mut() {
            (*key, *is_key_next) = (text, false);
        }
        Ok(())
    }

    /// Reads a string with its quotes.
    fn read_string(&mut self) -> Result<(), RewriteError> {
        self.token.clear();
        let mut is_escaped = false;
        loop {
            let buffer = self.input.fill_buf()?;
            if buffer.is_empty() {
                return self.wrong("it is cut off");
            }
            let mut end = None;
            for (at, byte) in buffer.iter().enumerate() {
                let is_first = self.token.is_empty() && at == 0;
                match byte {
                    _ if is_escaped => is_escaped = false,
                    b'\\' => is_escaped = true,
                    b'"' if !is_first => {
                        end = Some(at + 1);
                        break;
                    }
                    _ => {}
                }
            }
            let length = end.unwrap_or(buffer.len());
            self.token.extend_from_slice(buffer.get(..length).unwrap_or_default());
            self.input.consume(length);
            self.offset += length as u64;
            if self.token.len() > MAX_TOKEN_BYTES {
                return self.wrong("a text is too long");
            }
            if end.is_some() {
                return Ok(());
            }
        }
    }

    /// A number, or true, false or null.
    fn word(&mut self) -> Result<(), RewriteError> {
        self.expect_value()?;
        self.token.clear();
        let offset = self.offset;
        while let Some(byte) = self.peek()? {
            if byte.is_ascii_whitespace() || b"\",:[]{}".contains(&byte) {
                break;
            }
            self.token.push(byte);
            self.consume();
            if self.token.len() > MAX_TOKEN_BYTES {
                return self.wrong("a number is too long");
            }
        }
        let word = std::str::from_utf8(&self.token).unwrap_or_default();
        if matches!(word, "true" | "false" | "null") {
            return Ok(self.output.write_all(&self.token)?);
        }
        let is_number = word.starts_with(|c: char| c.is_ascii_digit() || c == '-')
            && word.parse::<f64>().is_ok();
        if !is_number {
            return Err(RewriteError::Json { offset, problem: "a word that is not JSON" });
        }
        match self.policy.number(place(&self.frames), word) {
            Some(number) => self.output.write_all(number.as_bytes())?,
            None => self.output.write_all(&self.token)?,
        }
        Ok(())
    }
}

/// Where the next value is.
fn place(frames: &[Frame]) -> Place<'_> {
    let mut keys = frames.iter().rev().filter_map(|frame| match frame {
        Frame::Object { key, .. } => Some(key.as_str()),
        Frame::Array => None,
    });
    Place { key: keys.next().unwrap_or_default(), parent: keys.next().unwrap_or_default() }
}

/// The text of a string with its quotes. What JSON does not allow is taken as it is written.
fn decode(token: &[u8]) -> String {
    serde_json::from_slice(token).unwrap_or_else(|_| {
        let inside = token.len().checked_sub(1).and_then(|end| token.get(1..end));
        String::from_utf8_lossy(inside.unwrap_or_default()).into_owned()
    })
}

fn write_string(output: &mut impl Write, text: &str) -> io::Result<()> {
    Ok(serde_json::to_writer(output, text)?)
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use super::*;

    /// Writes down what it sees, and replaces the rest of it.
    #[derive(Default)]
    struct Spy {
        seen: Vec<String>,
        replaces: bool,
    }

    impl Rewrite for Spy {
        fn key(&mut self, key: &str) -> Option<String> {
            (self.replaces && key == "odd key").then(|| "key".to_owned())
        }

        fn string(&mut self, place: Place<'_>, text: &str) -> Option<String> {
            self.seen.push(format!("{}/{}={text}", place.parent, place.key));
            self.replaces.then(|| "\"".to_owned())
        }

        fn number(&mut self, place: Place<'_>, number: &str) -> Option<String> {
            self.seen.push(format!("{}/{}#{number}", place.parent, place.key));
            self.replaces.then(|| "7".to_owned())
        }
    }

    fn rewritten(text: &[u8], replaces: bool) -> (Vec<u8>, Vec<String>, Result<u64, RewriteError>) {
        let mut spy = Spy { replaces, ..Spy::default() };
        let mut out = Vec::new();
        // A buffer of three bytes: every token goes across its end.
        let input = BufReader::with_capacity(3, text);
        let result = rewrite(input, &mut out, &mut spy);
        (out, spy.seen, result)
    }

    #[test]
    fn what_is_not_replaced_stays_to_the_byte() {
        let text = "\u{feff}{ \"a\\u0041\":1.0e2,\t\"a\":[ {\"b\":\"\\u00e9\\/\\\"\"},null ],\"a\":-0}\r\n[true,\"x\"]\n"
            .as_bytes();
        let (out, seen, values) = rewritten(text, false);
        assert_eq!(String::from_utf8(out).unwrap().as_bytes(), text);
        assert_eq!(seen, ["/aA#1.0e2", "a/b=é/\"", "/a#-0", "/=x"]);
        assert_eq!(values.unwrap(), 2);
    }

    #[test]
    fn replaced_tokens_are_valid_json_again() {
        let (out, _, _) = rewritten(b"{\"odd key\" : [\"x\", 1], \"y\": true}", true);
        assert_eq!(String::from_utf8(out).unwrap(), "{\"key\" : [\"\\\"\", 7], \"y\": true}");
    }

    #[test]
    fn a_text_that_json_does_not_allow_is_still_decided_on() {
        let (_, seen, values) = rewritten(b"[\"\\q\", \"\xff\", \"\\ud800\"]", false);
        assert_eq!(seen, ["/=\\q", "/=\u{fffd}", "/=\\ud800"]);
        assert_eq!(values.unwrap(), 1);
    }

    #[test]
    fn what_is_not_json_is_an_error_that_does_not_show_it() {
        for text in [
            "<html>ada</html>",
            "{\"a\" \"ada\"}",
            "{\"ada\"}",
            "{ada: 1}",
            "[\"ada",
            "{]",
            "{1}",
            "{\"a\":1",
        ] {
            let (_, _, result) = rewritten(text.as_bytes(), false);
            let error = result.unwrap_err().to_string();
            assert!(error.contains("not valid JSON") && !error.contains("ada"), "{text}: {error}");
        }
        let deep = "[".repeat(1000);
        assert!(rewritten(deep.as_bytes(), false).2.is_err());
    }
}
