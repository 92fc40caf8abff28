//! Limits on text from a body.

/// The longest label value that the host accepts.
pub const MAX_LABEL_BYTES: usize = 1024;
/// How much of a longer one is kept, so that the digest fits.
const KEPT_BYTES: usize = 1000;

/// Truncates `text` to at most `max` bytes and appends an ellipsis if it was longer.
pub fn truncate(text: &mut String, max: usize) {
    if text.len() > max {
        let end = (0..=max).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text.truncate(end);
        text.push('…');
    }
}

/// What `text` must be replaced with to become a label value, if it must be.
///
/// Control characters, which break tools that read an exposition by line, become U+FFFD. The end of
/// a text that is too long is replaced with a digest, so that two such texts stay different.
pub fn label(text: &str) -> Option<String> {
    // Replacement characters stand for what was lost before, such as half of a surrogate pair.
    let is_bad = |c: char| c.is_control() || c == char::REPLACEMENT_CHARACTER;
    let is_plain = text.bytes().all(|byte| (0x20..0x7F).contains(&byte));
    let has_bad = !is_plain && text.contains(is_bad);
    if !has_bad && text.len() <= MAX_LABEL_BYTES {
        return None;
    }
    let mut label = if has_bad { text.replace(is_bad, "\u{FFFD}") } else { text.to_owned() };
    if label.len() > MAX_LABEL_BYTES {
        truncate(&mut label, KEPT_BYTES);
        label.push_str(&format!("{:016x}", fnv1a(text.as_bytes())));
    }
    Some(label)
}

/// The text as a label value; see [`label`].
pub fn to_label(text: String) -> String {
    label(&text).unwrap_or(text)
}

/// The FNV-1a digest, which is the same in every version of the mapping.
pub fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xCBF2_9CE4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01B3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ordinary_name_is_a_label_as_it_is() {
        for name in ["", "Visual Studio", "中文", "a\\\"b", &"x".repeat(1024)] {
            assert_eq!(label(name), None, "{name}");
        }
    }

    #[test]
    fn a_long_name_is_cut_and_stays_different_from_others() {
        let [a, b] = ["a", "b"].map(|end| label(&("é".repeat(1000) + end)).unwrap());
        assert!(a.len() <= MAX_LABEL_BYTES && a.starts_with("éé") && a.contains('…'));
        assert_ne!(a, b);
    }

    #[test]
    fn control_characters_are_replaced() {
        assert_eq!(
            label("a\nb\u{7f}c\u{85}d\0").as_deref(),
            Some("a\u{FFFD}b\u{FFFD}c\u{FFFD}d\u{FFFD}")
        );
    }
}
