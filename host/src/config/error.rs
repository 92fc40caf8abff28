//! Errors in settings.

use thiserror::Error;

use crate::model::mask::mask_tokens;

/// A setting that cannot be used.
#[derive(Debug, Error, PartialEq)]
#[error("{setting}: {problem}")]
pub struct SettingError {
    /// The flag and environment variable; or the file, line and key.
    pub setting: String,
    /// What is wrong, and what would be right.
    pub problem: String,
}

impl SettingError {
    /// Tokens are masked: a user may have pasted one into the wrong setting. Everything is on one line,
    /// whatever names and values there are in a file.
    pub(crate) fn new(setting: impl Into<String>, problem: impl Into<String>) -> Self {
        let printable = |text: String| mask_tokens(&text).replace(char::is_control, " ");
        Self { setting: printable(setting.into()), problem: printable(problem.into()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_masked_wherever_they_appear_and_nothing_else_is() {
        let error = SettingError::new("x.yaml:1: ghp_a1", "\"github_pat_1_b\" and ghs_, not ghp");
        assert_eq!(error.to_string(), "x.yaml:1: ***: \"***\" and ***, not ghp");
    }

    #[test]
    fn an_error_is_on_one_line_whatever_is_in_the_file() {
        let error = SettingError::new("x.yaml:1: defaults.a\n- b", "\"c\r\n\u{1b}[1m\" is wrong");
        assert_eq!(error.to_string(), "x.yaml:1: defaults.a - b: \"c   [1m\" is wrong");
    }
}
