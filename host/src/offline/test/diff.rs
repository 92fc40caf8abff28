//! A difference that a person can read.

use std::time::Duration;

use similar::TextDiff;

use crate::model::text::sanitize;

/// The lines around a change that are shown.
const CONTEXT: usize = 3;
/// The most lines of a difference that are shown.
const MAX_LINES: usize = 100;
/// After this time, the difference may be larger than needed.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The difference of two texts as a unified diff, shortened if it is long. Empty if they are the same.
pub(super) fn unified_diff(old: (&str, &str), new: (&str, &str)) -> String {
    let ((old_name, old), (new_name, new)) = (old, new);
    let mut config = TextDiff::configure();
    let diff = config.timeout(TIMEOUT).diff_lines(old, new);
    let diff = diff.unified_diff().context_radius(CONTEXT).header(old_name, new_name).to_string();
    let lines = diff.lines().count();
    let shown = diff.lines().take(MAX_LINES).map(|line| format!("{}\n", sanitize(line)));
    let mut text: String = shown.collect();
    if let Some(more @ 1..) = lines.checked_sub(MAX_LINES) {
        text.push_str(&format!("… and {more} more lines\n"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn diff(old: &str, new: &str) -> String {
        unified_diff(("expected", old), ("found", new))
    }

    #[test]
    fn a_changed_value_is_shown_with_the_lines_around_it() {
        let old = "1\n2\n3\n4\nseats{org=\"a\"} 5\n6\n7\n8\n9\n";
        let found = diff(old, &old.replace("} 5", "} 7"));
        let wanted = "--- expected\n+++ found\n@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-seats{org=\"a\"} 5\n\
                      +seats{org=\"a\"} 7\n 6\n 7\n 8\n";
        assert_eq!(found, wanted);
        assert_eq!(diff(old, old), "");
    }

    #[test]
    fn a_long_difference_says_how_much_is_left_out() {
        let lines = |letter: char| (0..1000).map(|n| format!("{letter}{n}\n")).collect::<String>();
        let found = diff(&lines('a'), &lines('b'));
        assert_eq!(found.lines().count(), MAX_LINES + 1);
        assert!(found.ends_with("… and 1903 more lines\n"), "{found}");
    }

    #[test]
    fn control_characters_do_not_reach_the_terminal() {
        assert!(!diff("a\u{1b}[2J\n", "b\n").contains('\u{1b}'));
    }
}
