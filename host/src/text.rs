//! Text that came from somebody else, such as a mapping's own words or the causes of an error.

use std::error::Error;

/// How much of it is shown.
const MAX_CHARS: usize = 600;

/// An error and its causes, each once, in one line.
pub fn causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let of = cause.to_string();
        if !text.contains(&of) {
            text = format!("{text}: {of}");
        }
        source = cause.source();
    }
    text
}

/// The text as it may go into logs and onto pages: in one line, and not too long.
pub fn plain(text: &str) -> String {
    let mut plain: String = text.chars().filter(|c| !c.is_control()).take(MAX_CHARS).collect();
    if text.chars().nth(MAX_CHARS).is_some() {
        plain.push('…');
    }
    plain
}
