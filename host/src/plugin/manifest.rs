//! Checks what a mapping says of itself, before anything is done with it.

use std::collections::HashSet;

use thiserror::Error;

use super::wit::{DocumentSpec, Manifest, Need, Scope};
use crate::exposition::names::{check_label_name, check_metric_name};
use crate::text::plain;

/// How much a manifest may hold. The default mapping has 150 families and 20 documents.
const MAX_DOCUMENTS: usize = 200;
const MAX_OPTIONS: usize = 100;
const MAX_FAMILIES: usize = 2000;
const MAX_LABELS: usize = 30;
const MAX_TEXT_BYTES: usize = 2000;
const MAX_VERSION_BYTES: usize = 100;

/// What is wrong with a manifest.
#[derive(Debug, Error, PartialEq)]
pub enum ManifestError {
    /// A name is not written as names are.
    #[error("{0} {1:?} is not of the form [a-z0-9-]+")]
    Name(&'static str, String),
    /// The version can't be shown.
    #[error("the version {0:?} is not 1 to {MAX_VERSION_BYTES} letters, digits and punctuation")]
    Version(String),
    /// There is more of something than anybody needs.
    #[error("{1} {0} are more than {2}")]
    TooMany(&'static str, usize, usize),
    /// Something is there twice.
    #[error("{0} {1:?} is there twice")]
    Twice(&'static str, String),
    /// A path leads elsewhere than to the target's own documents.
    #[error("the path {0:?} of document {1:?} must start with {2}")]
    Path(String, String, &'static str),
    /// A document refers to one that is not there or comes later.
    #[error("document {0:?} refers to {1:?}, which is no earlier document of its scope")]
    Reference(String, String),
    /// A family can't be served.
    #[error("family {0:?}: {1}")]
    Family(String, String),
}

/// The documents of a scope that are to be fetched or fed, in the order of feeding.
pub fn documents_of(manifest: &Manifest, scope: Scope) -> impl Iterator<Item = &DocumentSpec> {
    manifest.documents.iter().filter(move |document| document.scope == scope)
}

/// Checks everything.
pub(super) fn check(manifest: &Manifest) -> Result<(), ManifestError> {
    check_name("the mapping's name", &manifest.name)?;
    let version = &manifest.version;
    let visible = version.bytes().all(|byte| byte.is_ascii_graphic());
    if version.is_empty() || version.len() > MAX_VERSION_BYTES || !visible {
        return Err(ManifestError::Version(plain(version)));
    }
    for (what, count, most) in [
        ("documents", manifest.documents.len(), MAX_DOCUMENTS),
        ("options", manifest.options.len(), MAX_OPTIONS),
        ("families", manifest.families.len(), MAX_FAMILIES),
    ] {
        if count > most {
            return Err(ManifestError::TooMany(what, count, most));
        }
    }
    for scope in [Scope::Organization, Scope::Enterprise] {
        let mut earlier = HashSet::new();
        for document in documents_of(manifest, scope) {
            check_document(document, &earlier)?;
            if !earlier.insert(document.name.as_str()) {
                return Err(ManifestError::Twice("document", document.name.clone()));
            }
        }
    }
    let mut options = HashSet::new();
    for option in &manifest.options {
        check_name("option", &option.name)?;
        let texts = [&option.help, &option.default_value];
        if let Some(text) = texts.into_iter().find(|text| text.len() > MAX_TEXT_BYTES) {
            return Err(ManifestError::TooMany("bytes of an option", text.len(), MAX_TEXT_BYTES));
        }
        if !options.insert(&option.name) {
            return Err(ManifestError::Twice("option", option.name.clone()));
        }
    }
    let mut families = HashSet::new();
    for family in &manifest.families {
        let wrong = |reason: String| ManifestError::Family(plain(&family.name), plain(&reason));
        check_metric_name(&family.name).map_err(wrong)?;
        if family.help.trim().is_empty() {
            return Err(wrong("it has no help text".to_owned()));
        }
        if family.help.len() > MAX_TEXT_BYTES {
            return Err(wrong(format!("its help text is longer than {MAX_TEXT_BYTES} bytes")));
        }
        if family.label_names.len() > MAX_LABELS {
            return Err(wrong(format!("it has more than {MAX_LABELS} labels")));
        }
        let mut labels = HashSet::new();
        for label in &family.label_names {
            check_label_name(label).map_err(wrong)?;
            if !labels.insert(label) {
                return Err(wrong(format!("label {label:?} is there twice")));
            }
        }
        if !families.insert(&family.name) {
            return Err(ManifestError::Twice("family", family.name.clone()));
        }
    }
    Ok(())
}

fn check_name(what: &'static str, name: &str) -> Result<(), ManifestError> {
    let valid = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if name.is_empty() || name.len() > 100 || !name.bytes().all(valid) {
        return Err(ManifestError::Name(what, plain(name)));
    }
    Ok(())
}

fn check_document(document: &DocumentSpec, earlier: &HashSet<&str>) -> Result<(), ManifestError> {
    check_name("document", &document.name)?;
    for other in [&document.fallback_for, &document.same_day_as].into_iter().flatten() {
        if !earlier.contains(other.as_str()) {
            return Err(ManifestError::Reference(document.name.clone(), plain(other)));
        }
    }
    if document.path.len() > MAX_TEXT_BYTES {
        return Err(ManifestError::TooMany("bytes of a path", document.path.len(), MAX_TEXT_BYTES));
    }
    if document.need == Need::Offline {
        return Ok(());
    }
    let root = match document.scope {
        Scope::Organization => "/orgs/{org}/",
        Scope::Enterprise => "/enterprises/{enterprise}/",
    };
    let path = &document.path;
    // The token goes wherever the path leads: it may not leave the target's own part of the API.
    let rest = path.strip_prefix(root);
    let wanders = |rest: &str| {
        rest.split(['/', '?', '&', '=']).any(|part| part == "." || part == "..")
            || rest.contains(['\\', '%', '#', '@'])
            || path.contains("//")
            || rest.chars().any(|c| c.is_whitespace() || c.is_control())
            || rest.replace("{day}", "").contains(['{', '}'])
    };
    if rest.is_none_or(wanders) {
        return Err(ManifestError::Path(plain(path), document.name.clone(), root));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plugin::wit::FetchKind;

    fn manifest(path: &str, fallback_for: Option<&str>) -> Manifest {
        Manifest {
            name: "test".to_owned(),
            version: "1".to_owned(),
            documents: vec![DocumentSpec {
                name: "document".to_owned(),
                scope: Scope::Organization,
                path: path.to_owned(),
                fetch: FetchKind::Plain,
                need: Need::Required,
                fallback_for: fallback_for.map(str::to_owned),
                same_day_as: None,
            }],
            options: vec![],
            families: vec![],
        }
    }

    #[test]
    fn a_path_must_stay_under_the_targets_own() {
        for path in ["/orgs/{org}/copilot/billing", "/orgs/{org}/a?day={day}&per_page=100"] {
            assert_eq!(check(&manifest(path, None)), Ok(()), "{path}");
        }
        for path in [
            "",
            "/user",
            "/orgs/other/copilot",
            "/orgs/{org}",
            "/orgs/{org}/../other/copilot",
            "/orgs/{org}/%2e%2e/other",
            "/orgs/{org}//evil.example",
            "/orgs/{org}/a#b",
            "/orgs/{org}/a\\b",
            "/orgs/{org}/{secret}",
            "/orgs/{org}/a b",
            "/enterprises/{enterprise}/copilot",
            "https://evil.example/orgs/{org}/",
        ] {
            let refused = check(&manifest(path, None));
            assert!(matches!(refused, Err(ManifestError::Path(..))), "{path}: {refused:?}");
        }
    }

    #[test]
    fn a_document_refers_to_earlier_ones_only() {
        let refused = check(&manifest("/orgs/{org}/a", Some("document")));
        assert!(matches!(refused, Err(ManifestError::Reference(..))));
    }
}
