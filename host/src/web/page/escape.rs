//! Escapes text for HTML. All templates use it (`askama.toml`): texts come from GitHub, from mappings and
//! from the names of files.

use std::fmt::{Result, Write};

use askama::filters::{Escaper, Html};

use crate::model::text::is_control;

/// Escapes what means something in HTML, and shows control characters as `\u{…}`.
#[derive(Clone, Copy)]
pub(super) struct VisibleHtml;

impl Escaper for VisibleHtml {
    fn write_escaped_str<W: Write>(&self, mut dest: W, text: &str) -> Result {
        for piece in text.split_inclusive(is_invisible) {
            let mut chars = piece.chars();
            let last = chars.next_back().filter(|last| is_invisible(*last));
            let rest = if last.is_some() { chars.as_str() } else { piece };
            Html.write_escaped_str(&mut dest, rest)?;
            if let Some(control) = last {
                write!(dest, "{}", control.escape_unicode())?;
            }
        }
        Ok(())
    }
}

/// Whether a character is shown as its number. A line break is a space in HTML.
fn is_invisible(c: char) -> bool {
    is_control(c) && c != '\n'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_visible_and_html_is_escaped() {
        let escaped = |text: &str| {
            let mut html = String::new();
            VisibleHtml.write_escaped_str(&mut html, text).unwrap();
            html
        };
        assert_eq!(escaped("a\u{1b}[2J<b>\u{202e}"), "a\\u{1b}[2J&#60;b&#62;\\u{202e}");
        assert_eq!(escaped("two\nlines, ünïcode"), "two\nlines, ünïcode");
        assert_eq!(escaped(""), "");
    }
}
