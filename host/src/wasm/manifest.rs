//! Checks a mapping's manifest before it is used.

use std::collections::{HashMap, HashSet};

use thiserror::Error;

use crate::model::names::{check_label_name, check_metric_name, without_suffix};
use crate::model::text::sanitize;
use crate::model::{Chart, ChartForm, DocumentSpec, Manifest, Need, Scope};

/// The largest manifest. The default mapping has 150 families and 20 documents.
const MAX_DOCUMENTS: usize = 200;
const MAX_OPTIONS: usize = 100;
const MAX_FAMILIES: usize = 2000;
const MAX_LABELS: usize = 30;
const MAX_CHARTS: usize = 200;
const MAX_TEXT_BYTES: usize = 2000;
const MAX_VERSION_BYTES: usize = 100;

/// What is wrong with a manifest.
#[derive(Debug, Error, PartialEq)]
pub enum ManifestError {
    /// A malformed name.
    #[error("{0} {1:?} is not of the form [a-z0-9-]+")]
    Name(&'static str, String),
    /// A version that can't be displayed.
    #[error("the version {0:?} is not 1 to {MAX_VERSION_BYTES} letters, digits and punctuation")]
    Version(String),
    /// Too many or too long parts.
    #[error("too many {0}: {1}, the limit is {2}")]
    TooMany(&'static str, usize, usize),
    /// Two parts with the same name.
    #[error("duplicate {0} {1:?}")]
    Duplicate(&'static str, String),
    /// A path outside of the target's own part of the API.
    #[error("invalid path {0:?} of document {1:?}: it must start with {2} and stay under it")]
    Path(String, String, &'static str),
    /// A document refers to one that does not exist or comes later.
    #[error("document {0:?} refers to {1:?}, which is not an earlier document of its scope")]
    Reference(String, String),
    /// `same-day-as` between documents that do not have one for each day.
    #[error("document {0:?} refers to the day of {1:?}, but not both have a date in their path")]
    Day(String, String),
    /// A document depends on an option that does not exist.
    #[error("document {0:?} depends on {1:?}, which is not an option of the mapping")]
    Option(String, String),
    /// A chart that can't be drawn.
    #[error("chart {0:?}: {1}")]
    Chart(String, String),
    /// A family that can't be served.
    #[error("family {0:?}: {1}")]
    Family(String, String),
}

/// Checks everything.
pub(super) fn check(manifest: &Manifest) -> Result<(), ManifestError> {
    check_name("the mapping's name", &manifest.name)?;
    let version = &manifest.version;
    let visible = version.bytes().all(|byte| byte.is_ascii_graphic());
    if version.is_empty() || version.len() > MAX_VERSION_BYTES || !visible {
        return Err(ManifestError::Version(sanitize(version)));
    }
    for (what, count, most) in [
        ("documents", manifest.documents.len(), MAX_DOCUMENTS),
        ("options", manifest.options.len(), MAX_OPTIONS),
        ("families", manifest.families.len(), MAX_FAMILIES),
        ("charts", manifest.charts.len(), MAX_CHARTS),
    ] {
        if count > most {
            return Err(ManifestError::TooMany(what, count, most));
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
            return Err(ManifestError::Duplicate("option", option.name.clone()));
        }
    }
    let mut families = HashSet::new();
    for family in &manifest.families {
        let wrong =
            |reason: String| ManifestError::Family(sanitize(&family.name), sanitize(&reason));
        check_metric_name(&family.name).map_err(wrong)?;
        if family.help.trim().is_empty() {
            return Err(wrong("its help text is empty".to_owned()));
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
                return Err(wrong(format!("duplicate label {label:?}")));
            }
        }
        if !families.insert(&family.name) {
            return Err(ManifestError::Duplicate("family", family.name.clone()));
        }
    }
    for name in &families {
        let other = without_suffix(name).filter(|other| families.iter().any(|of| of == other));
        if let Some(other) = other {
            let reason = format!("it looks like a series of the family {other}");
            return Err(ManifestError::Family(sanitize(name), sanitize(&reason)));
        }
    }
    for scope in [Scope::Organization, Scope::Enterprise] {
        let mut earlier: HashMap<&str, &DocumentSpec> = HashMap::new();
        for document in manifest.documents_of(scope) {
            check_document(document, &earlier)?;
            if let Some(option) =
                document.only_with.iter().find(|option| !manifest.has_option(option))
            {
                return Err(ManifestError::Option(document.name.clone(), sanitize(option)));
            }
            if earlier.insert(document.name.as_str(), document).is_some() {
                return Err(ManifestError::Duplicate("document", document.name.clone()));
            }
        }
    }
    manifest.charts.iter().try_for_each(|chart| check_chart(chart, manifest))
}

/// Checks that a chart has a title and is about families and labels of the manifest.
fn check_chart(chart: &Chart, manifest: &Manifest) -> Result<(), ManifestError> {
    let wrong = |reason: String| ManifestError::Chart(sanitize(&chart.title), sanitize(&reason));
    let too_long = |text: &str| text.len() > MAX_TEXT_BYTES;
    if chart.title.trim().is_empty() || too_long(&chart.title) || too_long(&chart.help) {
        return Err(wrong("its title or help text is empty or too long".to_owned()));
    }
    for selection in chart.selections() {
        let family = manifest.family(&selection.family).ok_or_else(|| {
            wrong(format!("{:?} is not a family of the mapping", selection.family))
        })?;
        let bars = match &chart.form {
            ChartForm::BarsByLabel(bars) => Some(&bars.label),
            ChartForm::Lines(_) | ChartForm::Bars(_) => None,
        };
        let labels = selection.matchers.iter().map(|matcher| &matcher.label).chain(bars);
        for label in labels {
            if !family.label_names.contains(label) {
                return Err(wrong(format!("{} does not have the label {label:?}", family.name)));
            }
        }
    }
    Ok(())
}

fn check_name(what: &'static str, name: &str) -> Result<(), ManifestError> {
    let valid = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if name.is_empty() || name.len() > 100 || !name.bytes().all(valid) {
        return Err(ManifestError::Name(what, sanitize(name)));
    }
    Ok(())
}

fn check_document(
    document: &DocumentSpec,
    earlier: &HashMap<&str, &DocumentSpec>,
) -> Result<(), ManifestError> {
    check_name("document", &document.name)?;
    for other in document.fallback_for.iter().chain(&document.same_day_as) {
        if !earlier.contains_key(other.as_str()) {
            return Err(ManifestError::Reference(document.name.clone(), sanitize(other)));
        }
    }
    for other in &document.same_day_as {
        let other_is_of_day = earlier.get(other.as_str()).is_some_and(|other| other.is_of_day());
        if !(document.is_of_day() && other_is_of_day) {
            return Err(ManifestError::Day(document.name.clone(), sanitize(other)));
        }
    }
    let texts = [Some(&document.path), document.permission.as_ref()];
    if let Some(text) = texts.into_iter().flatten().find(|text| text.len() > MAX_TEXT_BYTES) {
        return Err(ManifestError::TooMany("bytes of a document", text.len(), MAX_TEXT_BYTES));
    }
    if document.need == Need::Offline {
        return Ok(());
    }
    check_path(document)
}

/// The token is sent wherever the path leads, so it must not leave the target's own part of the API.
fn check_path(document: &DocumentSpec) -> Result<(), ManifestError> {
    let (roots, expected): (&[&str], _) = match document.scope {
        Scope::Organization => {
            (&["/orgs/{org}/", "/organizations/{org}/"], "/orgs/{org}/ or /organizations/{org}/")
        }
        Scope::Enterprise => (&["/enterprises/{enterprise}/"], "/enterprises/{enterprise}/"),
    };
    let path = &document.path;
    let rest = roots.iter().find_map(|root| path.strip_prefix(root));
    let leaves_root = |rest: &str| {
        rest.split(['/', '?', '&', '=']).any(|part| part == "." || part == "..")
            || rest.contains(['\\', '%', '#', '@'])
            || path.contains("//")
            || rest.chars().any(|c| c.is_whitespace() || c.is_control())
            || DocumentSpec::without_date(rest).contains(['{', '}'])
    };
    if rest.is_none_or(leaves_root) {
        return Err(ManifestError::Path(sanitize(path), document.name.clone(), expected));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::model::{Family, FetchKind, MetricKind};

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
                same_day_as: vec![],
                only_with: vec![],
                permission: None,
            }],
            ..Manifest::default()
        }
    }

    #[test]
    fn a_path_must_stay_under_the_targets_own() {
        for path in [
            "/orgs/{org}/copilot/billing",
            "/orgs/{org}/a?day={day}&per_page=100",
            "/organizations/{org}/usage?year={year}&month={month}&day={day-of-month}",
        ] {
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
            "/organizations/other/usage",
            "/orgs/{org}/a b",
            "/enterprises/{enterprise}/copilot",
            "https://evil.example/orgs/{org}/",
        ] {
            let refused = check(&manifest(path, None));
            assert!(matches!(refused, Err(ManifestError::Path(..))), "{path}: {refused:?}");
        }
    }

    #[test]
    fn no_family_looks_like_a_series_of_another_one() {
        let named = |names: &[&str]| {
            let family = |name: &&str| {
                Arc::new(Family {
                    name: (*name).to_owned(),
                    help: "h".to_owned(),
                    kind: MetricKind::Gauge,
                    label_names: vec![],
                    enabled_by: None,
                    detail: 0,
                })
            };
            let families = names.iter().map(family).collect();
            check(&Manifest { families, ..manifest("/orgs/{org}/a", None) })
        };
        assert_eq!(named(&["seats", "users_total"]), Ok(()));
        for pair in [["seats", "seats_total"], ["seats_count", "seats"]] {
            let refused = named(&pair).unwrap_err().to_string();
            assert!(refused.contains("a series of the family seats"), "{refused}");
        }
    }

    #[test]
    fn a_document_refers_to_earlier_ones_only() {
        let refused = check(&manifest("/orgs/{org}/a", Some("document")));
        assert!(matches!(refused, Err(ManifestError::Reference(..))));
    }
}
