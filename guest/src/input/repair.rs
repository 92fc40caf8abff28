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
    let mut rest: &str = &text;
    while !rest.is_empty() {
        let (token, after) = if rest.starts_with('"') { string(rest) } else { other(rest) };
        repaired.push_str(&token);
        rest = after;
    }
    (repaired.as_bytes() != row).then_some(repaired)
}

/// Splits `text` after `at` bytes, which are at a character boundary.
fn split(text: &str, at: usize) -> (&str, &str) {
    text.split_at_checked(at).unwrap_or((text, ""))
}

/// The string at the start of `text`, repaired, and what follows it.
fn string(text: &str) -> (Cow<'_, str>, &str) {
    let mut repaired = String::from("\"");
    let (_, mut rest) = split(text, 1);
    while let Some(c) = rest.chars().next() {
        let length = match c {
            '"' => {
                repaired.push(c);
                return (Cow::Owned(repaired), split(rest, 1).1);
            }
            '\\' => {
                let (escape, length) = escape(rest);
                repaired.push_str(escape);
                length
            }
            c if c < ' ' => {
                repaired.push(char::REPLACEMENT_CHARACTER);
                1
            }
            c => {
                repaired.push(c);
                c.len_utf8()
            }
        };
        rest = split(rest, length).1;
    }
    (Cow::Owned(repaired), "")
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

/// The token at the start of `text`, repaired, and what follows it.
fn other(text: &str) -> (Cow<'_, str>, &str) {
    let is_separator = |c: char| "\",:{}[]".contains(c) || c.is_ascii_whitespace();
    let end = text.find(is_separator).unwrap_or(text.len());
    if end == 0 {
        let (separator, rest) = split(text, 1);
        return (Cow::Borrowed(separator), rest);
    }
    let (token, rest) = split(text, end);
    let is_number = token.starts_with(|c: char| c == '-' || c.is_ascii_digit());
    let is_out_of_range = is_number && token.parse().is_ok_and(|number: f64| !number.is_finite());
    if is_out_of_range || NOT_NUMBERS.contains(&token) {
        return (Cow::Owned(format!("\"{token}\"")), rest);
    }
    (Cow::Borrowed(token), rest)
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
}
