//! Makes a row valid JSON if single values in it are not.
//!
//! A JSON parser gives up at half of a surrogate pair, at bytes that are not UTF-8, at a raw control
//! character in a string and at a number that no 64-bit float can hold, and with it the row is lost.
//! Here each of them becomes something that costs only its value.

use std::borrow::Cow;

/// Words that some encoders write for numbers that JSON cannot express.
const NOT_NUMBERS: [&str; 3] = ["NaN", "Infinity", "-Infinity"];

/// The row with such values replaced, or `None` if it has none. In strings, what is wrong becomes
/// U+FFFD; such a number becomes a string.
pub fn repair(row: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(row);
    let mut repaired = String::with_capacity(text.len());
    for (piece, _) in Pieces::new(&text) {
        repaired.push_str(&piece);
    }
    (repaired.as_bytes() != row).then_some(repaired)
}

/// The position in a row of what is at `position` after its repair, which changes lengths.
pub fn position_before_repair(row: &[u8], position: usize) -> usize {
    let text = String::from_utf8_lossy(row);
    let pieces = Pieces::new(&text).map(|(piece, length)| (piece.len(), length));
    let position = position_before(pieces, position);
    let chunks = row.utf8_chunks().flat_map(|chunk| {
        let (valid, invalid) = (chunk.valid().len(), chunk.invalid().len());
        let replacement = if invalid > 0 { char::REPLACEMENT_CHARACTER.len_utf8() } else { 0 };
        [(valid, valid), (replacement, invalid)]
    });
    position_before(chunks, position)
}

/// Translates a position, given the length of each piece after and before a change.
fn position_before(pieces: impl Iterator<Item = (usize, usize)>, mut position: usize) -> usize {
    let mut start = 0;
    for (after, before) in pieces {
        if position < after {
            return start + position.min(before.saturating_sub(1));
        }
        position -= after;
        start += before;
    }
    start
}

/// The pieces of a row: each repaired, with its length before.
struct Pieces<'a> {
    rest: &'a str,
    in_string: bool,
}

impl<'a> Pieces<'a> {
    fn new(rest: &'a str) -> Self {
        Self { rest, in_string: false }
    }
}

impl<'a> Iterator for Pieces<'a> {
    type Item = (Cow<'a, str>, usize);

    fn next(&mut self) -> Option<Self::Item> {
        let first = self.rest.chars().next()?;
        let (piece, length) = match first {
            '"' => {
                self.in_string = !self.in_string;
                (Cow::Borrowed("\""), 1)
            }
            _ if self.in_string => string_piece(self.rest, first),
            _ => token(self.rest),
        };
        self.rest = split(self.rest, length).1;
        Some((piece, length))
    }
}

/// Splits `text` after `at` bytes, which are at a character boundary.
fn split(text: &str, at: usize) -> (&str, &str) {
    text.split_at_checked(at).unwrap_or((text, ""))
}

/// The start of what remains of a string, repaired, and its length in `text`.
fn string_piece(text: &str, first: char) -> (Cow<'_, str>, usize) {
    match first {
        '\\' => {
            let (escape, length) = escape(text);
            (Cow::Borrowed(escape), length)
        }
        first if first < ' ' => (Cow::Borrowed("\u{FFFD}"), 1),
        _ => {
            let is_special = |c: char| c == '"' || c == '\\' || c < ' ';
            let length = text.find(is_special).unwrap_or(text.len());
            (Cow::Borrowed(split(text, length).0), length)
        }
    }
}

/// The escape at the start of `text`, repaired, and its length in `text`.
fn escape(text: &str) -> (&str, usize) {
    let (first, rest) = split(text, 6);
    match surrogate(first) {
        None => {
            // The character after the backslash may have several bytes; then it is not JSON anyway.
            let length = 1 + text.chars().nth(1).map_or(0, char::len_utf8);
            (split(text, length).0, length)
        }
        Some(0xD800..=0xDBFF) if matches!(surrogate(split(rest, 6).0), Some(0xDC00..=0xDFFF)) => {
            (split(text, 12).0, 12)
        }
        Some(_) => ("\\ufffd", 6),
    }
}

/// The surrogate that the escape stands for.
fn surrogate(escape: &str) -> Option<u32> {
    let code = u32::from_str_radix(escape.strip_prefix("\\u")?, 16).ok()?;
    (0xD800..=0xDFFF).contains(&code).then_some(code)
}

/// The token at the start of `text`, repaired, and its length in `text`.
fn token(text: &str) -> (Cow<'_, str>, usize) {
    let is_separator = |c: char| "\",:{}[]".contains(c) || c.is_ascii_whitespace();
    let end = text.find(is_separator).unwrap_or(text.len());
    if end == 0 {
        return (Cow::Borrowed(split(text, 1).0), 1);
    }
    let token = split(text, end).0;
    let is_number = token.starts_with(|c: char| c == '-' || c.is_ascii_digit());
    let is_out_of_range = is_number && token.parse().is_ok_and(|number: f64| !number.is_finite());
    if is_out_of_range || NOT_NUMBERS.contains(&token) {
        return (Cow::Owned(format!("\"{token}\"")), end);
    }
    (Cow::Borrowed(token), end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_valid_row_is_left_alone() {
        for row in
            [r#"{"a":"\ud83d\ude00 \"é\\","b":[-1.5e3,true,null, {}]}"#, "", "{", "\"", "\"\\"]
        {
            assert_eq!(repair(row.as_bytes()), None, "{row}");
        }
    }

    #[test]
    fn halves_of_surrogate_pairs_are_replaced() {
        for half in ["\\ud800", "\\uDC00", "\\ud800x", "\\ud800\\ud800\\udc00"] {
            let repaired = repair(format!("{{\"a\":\"{half}\"}}").as_bytes()).unwrap();
            let value: serde_json::Value = serde_json::from_str(&repaired).unwrap();
            assert!(value["a"].as_str().unwrap().starts_with('\u{FFFD}'), "{repaired}");
        }
    }

    #[test]
    fn bytes_that_are_not_text_are_replaced() {
        assert_eq!(repair(b"{\"a\":\"x\xFF\"}").unwrap(), "{\"a\":\"x\u{FFFD}\"}");
        assert_eq!(repair(b"{\"a\":\"x\n\x01\"}").unwrap(), "{\"a\":\"x\u{FFFD}\u{FFFD}\"}");
    }

    #[test]
    fn numbers_that_no_float_can_hold_become_strings() {
        assert_eq!(
            repair(b"[1e400, -1e400, NaN, -Infinity, 1e4]").unwrap(),
            r#"["1e400", "-1e400", "NaN", "-Infinity", 1e4]"#
        );
    }
    #[test]
    fn a_position_is_that_of_the_same_text_before_the_repair() {
        let row = b"{\"a\":\"\xFF\xFF\x01\\ud800\",\"b\":NaN,\"c\":\"\xC3\xA9\",!}";
        let repaired = repair(row).unwrap();
        for mark in ["\"b\"", ",\"c\"", "!"] {
            let position = position_before_repair(row, repaired.find(mark).unwrap());
            assert!(row[position..].starts_with(mark.as_bytes()), "{mark}");
        }
        assert_eq!(position_before_repair(row, repaired.len()), row.len());
        // What was replaced starts where the replacement does.
        let nan = row.windows(3).position(|bytes| bytes == b"NaN").unwrap();
        assert_eq!(position_before_repair(row, repaired.find("\"NaN").unwrap()), nan);
    }
}
