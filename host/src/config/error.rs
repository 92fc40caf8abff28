//! Errors in settings.

use thiserror::Error;

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
    pub(crate) fn new(setting: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { setting: mask_tokens(&setting.into()), problem: mask_tokens(&problem.into()) }
    }
}

/// Replaces everything that looks like a GitHub token: a user may have pasted one into the wrong
/// setting.
/// <https://docs.github.com/en/authentication/keeping-your-account-and-data-secure/about-authentication-to-github#githubs-token-formats>
fn mask_tokens(text: &str) -> String {
    let mut masked = text.to_owned();
    for prefix in ["ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"] {
        let mut pieces = masked.split(prefix);
        let mut rest = pieces.next().unwrap_or_default().to_owned();
        for piece in pieces {
            let end = piece.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            rest.push_str("***");
            rest.push_str(end.and_then(|end| piece.get(end..)).unwrap_or_default());
        }
        masked = rest;
    }
    masked
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
