//! Text from outside, such as a mapping's messages or the causes of an error.

use std::error::Error;

/// The longest text that is kept.
const MAX_CHARS: usize = 600;

/// An error and its causes, each once, on one line.
pub fn causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let reason = cause.to_string();
        if !text.contains(&reason) {
            text = format!("{text}: {reason}");
        }
        source = cause.source();
    }
    text
}

/// Whether a character is not shown itself, but may change how the text around it is: a control
/// character, a line separator, or one that sets the direction of text (Unicode Standard Annex 9).
pub fn is_control(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// Makes a text fit for one line of plain text: control characters are shown as `\n` or `\u{…}`.
pub fn visible(text: &str) -> String {
    let mut visible = String::with_capacity(text.len());
    for c in text.chars() {
        match is_control(c) {
            true => visible.extend(c.escape_default()),
            false => visible.push(c),
        }
    }
    visible
}

/// Makes a text fit for logs and pages: on one line, and not too long.
pub fn sanitize(text: &str) -> String {
    let mut sanitized: String = text.chars().filter(|c| !is_control(*c)).take(MAX_CHARS).collect();
    if text.chars().nth(MAX_CHARS).is_some() {
        sanitized.push('…');
    }
    sanitized
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_that_change_how_others_are_shown_are_visible_or_removed() {
        let text = "a\u{1b}[2J\u{7f}\u{9b}\u{202e}\u{2066}\u{2028}\nü";
        assert_eq!(visible(text), "a\\u{1b}[2J\\u{7f}\\u{9b}\\u{202e}\\u{2066}\\u{2028}\\nü");
        assert_eq!(sanitize(text), "a[2Jü");
        assert_eq!(visible("right-to-left mark: \u{200f}"), "right-to-left mark: \u{200f}");
    }
}
