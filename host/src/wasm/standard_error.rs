//! What a mapping writes to standard error: its beginning and its end are kept, because the message of
//! a Rust panic comes first, and that of a Python exception last.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult};

use crate::model::mask::mask;
use crate::model::text::sanitize;

/// How much of the beginning, and of the end, is kept.
const KEPT_BYTES: usize = 16 << 10;
/// How much may be written in one call.
const WRITE_BYTES: usize = 64 << 10;
/// The lines of an excerpt: the first and the last ones.
const FIRST_LINES: usize = 2;
const LAST_LINES: usize = 3;
/// The longest excerpt with whole lines, and the longest line of those that are longer.
const MAX_CHARS: usize = 590;
const LINE_CHARS: usize = 110;
/// What Rust adds to the message of every panic.
const NOTE: &str = "note: run with `RUST_BACKTRACE=1`";

/// The standard error of one instance. Clones are the same stream. Writing never fails and never blocks.
#[derive(Clone, Default)]
pub(super) struct StandardError(Arc<Mutex<Kept>>);

#[derive(Default)]
struct Kept {
    start: Vec<u8>,
    end: VecDeque<u8>,
    is_cut: bool,
}

impl Kept {
    fn push(&mut self, bytes: &[u8]) {
        let free = KEPT_BYTES.saturating_sub(self.start.len()).min(bytes.len());
        let (start, rest) = bytes.split_at(free);
        self.start.extend_from_slice(start);
        self.end.extend(rest);
        let excess = self.end.len().saturating_sub(KEPT_BYTES);
        self.is_cut |= excess > 0;
        self.end.drain(..excess);
    }

    fn text(&self) -> String {
        let end: Vec<u8> = self.end.iter().copied().collect();
        match self.is_cut {
            true => {
                let (start, end) =
                    (String::from_utf8_lossy(&self.start), String::from_utf8_lossy(&end));
                format!("{start}\n…\n{end}")
            }
            // The limit may be within a character.
            false => String::from_utf8_lossy(&[self.start.as_slice(), &end].concat()).into_owned(),
        }
    }
}

impl StandardError {
    /// The first and last lines, on one line, without secrets: empty if nothing was written.
    pub(super) fn excerpt(&self) -> String {
        excerpt(&self.text())
    }

    /// The first lines that are not empty, without secrets.
    pub(super) fn lines(&self, limit: usize) -> Vec<String> {
        let text = self.text();
        let lines = text.lines().map(str::trim_end).filter(|line| !line.is_empty());
        lines.take(limit).map(|line| sanitize(&mask(line, None))).collect()
    }

    fn text(&self) -> String {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).text()
    }
}

fn excerpt(text: &str) -> String {
    let lines = text.lines().map(str::trim);
    let lines = lines.filter(|line| !line.is_empty() && !line.starts_with(NOTE));
    let mut lines: Vec<String> = lines.map(|line| mask(line, None)).collect();
    let middle = FIRST_LINES..lines.len().saturating_sub(LAST_LINES);
    if !middle.is_empty() {
        lines.splice(middle, ["…".to_owned()]);
    }
    let length: usize = lines.iter().map(|line| line.chars().count() + 1).sum();
    if length > MAX_CHARS {
        lines = lines.iter().map(|line| shorten(line, LINE_CHARS)).collect();
    }
    sanitize(&lines.join(" "))
}

/// A line of at most this many characters.
fn shorten(line: &str, limit: usize) -> String {
    let mut short: String = line.chars().take(limit).collect();
    if line.chars().nth(limit).is_some() {
        short.push('…');
    }
    short
}

impl IsTerminal for StandardError {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for StandardError {
    fn async_stream(&self) -> Box<dyn tokio::io::AsyncWrite + Send + Sync> {
        // Only components of WASI 0.3 write to this one, which can't be loaded.
        Box::new(tokio::io::sink())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

impl Pollable for StandardError {
    fn ready<'a, 'b>(&'a mut self) -> Pin<Box<dyn Future<Output = ()> + Send + 'b>>
    where
        'a: 'b,
    {
        Box::pin(std::future::ready(()))
    }
}

impl OutputStream for StandardError {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(&bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(WRITE_BYTES)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_location_and_the_message_of_a_rust_panic_are_shown() {
        let text = "\nthread '<unnamed>' (1) panicked at src/lib.rs:5:9:\nno such day\n\
                    note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace\n";
        let expected = "thread '<unnamed>' (1) panicked at src/lib.rs:5:9: no such day";
        assert_eq!(excerpt(text), expected);
    }

    #[test]
    fn the_beginning_of_a_traceback_and_its_last_lines_are_shown() {
        let mut text = String::from("Traceback (most recent call last):\n");
        for line in 1..=20 {
            text += &format!("  File \"/0/mapper.py\", line {line}, in f{line}\n");
        }
        text += "ValueError: Bearer hunter2hunter2hunter2 is not a day\n";
        assert_eq!(
            excerpt(&text),
            "Traceback (most recent call last): File \"/0/mapper.py\", line 1, in f1 … \
             File \"/0/mapper.py\", line 19, in f19 File \"/0/mapper.py\", line 20, in f20 \
             ValueError: Bearer *** is not a day"
        );
    }

    #[test]
    fn however_much_is_written_the_last_line_is_shown_and_little_is_kept() {
        let mut kept = Kept::default();
        for line in 0..100_000 {
            kept.push(format!("line {line} {}\n", "x".repeat(line % 300)).as_bytes());
        }
        kept.push(b"the message");
        assert!(kept.start.len() + kept.end.len() <= 2 * KEPT_BYTES);
        let shown = excerpt(&kept.text());
        assert!(shown.starts_with("line 0 line 1 x … "), "{shown}");
        assert!(shown.ends_with(" the message"), "{shown}");
        assert!(shown.chars().count() < 600, "{shown}");
    }

    #[test]
    fn text_around_the_limit_of_the_beginning_stays_whole() {
        let mut kept = Kept::default();
        let text = "ü".repeat(KEPT_BYTES);
        kept.push(b"x");
        kept.push(&text.as_bytes()[..KEPT_BYTES + 2]);
        assert!(!kept.text().contains('\u{fffd}') && !kept.text().contains('…'));
    }

    #[test]
    fn nothing_is_shown_of_nothing() {
        assert_eq!(excerpt("\n  \n"), "");
    }
}
