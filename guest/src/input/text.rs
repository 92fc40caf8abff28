//! Limits on text that is quoted from a body.

/// Cuts `text` to at most `max` bytes and marks the cut with an ellipsis.
pub fn truncate(text: &mut String, max: usize) {
    if text.len() > max {
        let end = (0..=max).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text.truncate(end);
        text.push('…');
    }
}
