//! Limits on text that is quoted from a body.

/// Truncates `text` to at most `max` bytes and appends an ellipsis if it was longer.
pub fn truncate(text: &mut String, max: usize) {
    if text.len() > max {
        let end = (0..=max).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text.truncate(end);
        text.push('…');
    }
}
