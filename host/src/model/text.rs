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

/// Makes a text fit for logs and pages: on one line, and not too long.
pub fn sanitize(text: &str) -> String {
    let mut sanitized: String = text.chars().filter(|c| !c.is_control()).take(MAX_CHARS).collect();
    if text.chars().nth(MAX_CHARS).is_some() {
        sanitized.push('…');
    }
    sanitized
}
