//! Public words: what GitHub, editors and languages call things. They say nothing about a customer.

use std::collections::HashSet;
use std::sync::LazyLock;

/// A list of words, separated by white space.
type Words = LazyLock<HashSet<&'static str>>;

/// The names of GitHub's fields.
static KEYS: Words = LazyLock::new(|| words(include_str!("words/keys.txt")));
/// Values of several words.
static PHRASES: Words = LazyLock::new(|| include_str!("words/phrases.txt").lines().collect());
/// What names of models are made of. One word of a name at least is that of a family, marked with a plus.
static MODELS: Words = LazyLock::new(|| words(include_str!("words/models.txt")));
/// Parts of the paths of GitHub's URLs.
static PATHS: Words = LazyLock::new(|| words(include_str!("words/paths.txt")));
/// Editors and their plugins.
static EDITORS: Words = LazyLock::new(|| words(include_str!("words/editors.txt")));
/// Languages, as editors name them.
static LANGUAGES: Words = LazyLock::new(|| words(include_str!("words/languages.txt")));
/// States, plans, features, products and the like.
static VALUES: Words = LazyLock::new(|| words(include_str!("words/values.txt")));

fn words(text: &'static str) -> HashSet<&'static str> {
    text.split_whitespace().collect()
}

/// Whether a field is one of GitHub's.
pub(super) fn is_known_key(key: &str) -> bool {
    KEYS.contains(key)
}

/// Whether a segment of a path is one of GitHub's API or site.
pub(super) fn is_path_word(segment: &str) -> bool {
    PATHS.contains(segment)
}

/// Whether a value is public: a language, an editor with its version, a model, a state.
pub(super) fn is_public(value: &str) -> bool {
    let value = value.to_lowercase();
    let value = value.as_str();
    LANGUAGES.contains(value)
        || VALUES.contains(value)
        || PHRASES.contains(value)
        || is_model(value)
        || is_editor(value)
}

/// Whether it is like `vscode/1.127.0/copilot-chat/0.56.1`.
fn is_editor(value: &str) -> bool {
    let mut parts = value.split('/');
    parts.next().is_some_and(|first| EDITORS.contains(first))
        && parts.all(|part| EDITORS.contains(part) || is_version(part))
}

/// Whether it is like `gpt-5.3-codex` or `Claude Sonnet 4.6 (Preview)`. A name with a word of a customer's is
/// not.
fn is_model(value: &str) -> bool {
    let separators = |c: char| matches!(c, '-' | '_' | ' ' | '/' | ':' | '(' | ')');
    let mut parts = value.split(separators).filter(|part| !part.is_empty()).peekable();
    let is_family = |part: &str| MODELS.contains(format!("+{part}").as_str());
    let (mut has_family, mut has_part) = (false, false);
    let are_known = parts.all(|part| {
        has_part = true;
        has_family |= is_family(part);
        let is_number = part.len() <= 8 && part.chars().all(|c| c.is_ascii_digit() || c == '.');
        is_family(part) || is_number || MODELS.contains(part)
    });
    are_known && has_part && has_family
}

/// Whether it is a version, such as `1.106.0` or `v2026.1-beta.2`.
pub(super) fn is_version(value: &str) -> bool {
    const STAGES: [&str; 9] =
        ["alpha", "beta", "dev", "insider", "insiders", "nightly", "preview", "rc", "stable"];
    let value = value.strip_prefix(['v', 'V']).unwrap_or(value);
    value.starts_with(|c: char| c.is_ascii_digit())
        && value.len() <= 40
        && value.split(['.', '-', '+']).all(|part| {
            let is_number = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
            is_number || STAGES.contains(&part)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn public_models_languages_and_editors_are_kept() {
        for value in [
            "gpt-4.1",
            "gpt-5.3-codex",
            "claude-opus-4.6",
            "Claude Sonnet 4.6 (Preview)",
            "gemini-3-pro",
            "o4-mini",
            "grok-code-fast-1",
            "TypeScript",
            "C++",
            "others",
            "vscode",
            "JetBrains/2026.1",
            "vscode/1.127.0/copilot-chat/0.56.1",
            "neovim/0.12.2/copilot.vim/1.68.0",
            "chat_panel_agent_mode",
            "Phase 1",
            "PRIVATE",
            "/explain",
        ] {
            assert!(is_public(value), "{value}");
        }
    }

    #[test]
    fn what_a_customer_chose_is_not_public() {
        for value in [
            "acme-tuned",
            "gpt-4o-acme-ft",
            "acme-dsl",
            "mini",
            "4.1",
            "vscode/1.2.3/acme-plugin/4.5",
            "octo-org",
            "/deploy-acme",
            "",
        ] {
            assert!(!is_public(value), "{value}");
        }
    }

    #[test]
    fn versions_are_numbers_with_a_stage() {
        for version in ["1.106.0", "v2", "1.2-beta.3", "2026.1+5"] {
            assert!(is_version(version), "{version}");
        }
        for other in ["acme", "1.2-acme", "", "v", "1..2"] {
            assert!(!is_version(other), "{other}");
        }
    }
}
