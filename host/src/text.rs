//! Text that came from somebody else, such as a mapping's own words.

/// How much of it is shown.
const MAX_CHARS: usize = 600;

/// The text as it may go into logs and onto pages: in one line, and not too long.
pub fn plain(text: &str) -> String {
    let mut plain: String = text.chars().filter(|c| !c.is_control()).take(MAX_CHARS).collect();
    if text.chars().nth(MAX_CHARS).is_some() {
        plain.push('…');
    }
    plain
}
