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
    /// Tokens are masked: a user may have pasted one into the wrong setting.
    pub(crate) fn new(setting: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { setting: mask_tokens(&setting.into()), problem: mask_tokens(&problem.into()) }
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
}
