//! A case: a directory with the recorded documents of one target. `record` writes it, `map` maps it,
//! and `mapping test` compares the result with the expositions in it.
//!
//! ```text
//! CASE/
//!   case.yaml               what the documents are about; every key is optional
//!   documents/seats.1.json  DOCUMENT[.NUMBER].json or .ndjson, perhaps with .gz
//!   latest.prom             the expected samples of the newest day
//!   history.prom            the expected samples of every day
//! ```

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::civil::Date;
use serde::Deserialize;

use super::args::RecordedDocument;
use super::files::OfflineError;
use crate::model::text::sanitize;
use crate::model::{MappingOption, Scope, Span, Target};

/// The file with the settings of a case.
pub(super) const SETTINGS: &str = "case.yaml";
/// The directory of its documents.
pub(super) const DOCUMENTS: &str = "documents";
/// The target of a case that names none.
const DEFAULT_ORG: &str = "octo-org";
/// The time at which the documents of a case count as fetched, unless it says so.
const DEFAULT_FETCHED_AT: &str = "2026-01-01T00:00:00Z";

/// A case.
#[derive(Debug)]
pub(super) struct Case {
    /// Its directory.
    pub directory: PathBuf,
    /// What the documents are about.
    pub target: Target,
    /// When they count as fetched.
    pub fetched_at: Timestamp,
    /// The options of the mapping.
    pub options: Vec<MappingOption>,
    /// The spans with an expected exposition.
    pub spans: Vec<Span>,
    /// The files, the parts of a document in their order.
    pub documents: Vec<RecordedDocument>,
}

/// `case.yaml`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct CaseSettings {
    org: Option<String>,
    enterprise: Option<String>,
    fetched_at: Option<Timestamp>,
    #[serde(default)]
    options: BTreeMap<String, Scalar>,
    spans: Option<Vec<SpanName>>,
    /// Files elsewhere, relative to the case, instead of those in `documents/`.
    documents: Option<BTreeMap<String, Vec<PathBuf>>>,
    /// The day of each part of a document that GitHub says it is about.
    #[serde(default)]
    days: BTreeMap<String, Vec<Date>>,
}

/// The value of an option: the quotes of YAML may be left out.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Scalar {
    Bool(bool),
    Integer(i64),
    Float(f64),
    Text(String),
}

impl Scalar {
    fn into_text(self) -> String {
        match self {
            Self::Bool(value) => value.to_string(),
            Self::Integer(value) => value.to_string(),
            Self::Float(value) => value.to_string(),
            Self::Text(value) => value,
        }
    }
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum SpanName {
    Latest,
    History,
}

impl Case {
    /// Whether a directory is a case.
    pub(super) fn is_at(directory: &Path) -> bool {
        directory.join(SETTINGS).is_file() || directory.join(DOCUMENTS).is_dir()
    }

    /// Reads a case: its settings, and the names of its files.
    pub(super) fn read(directory: &Path) -> Result<Self, OfflineError> {
        let wrong = |reason: String| OfflineError::Case { path: directory.to_owned(), reason };
        if !directory.is_dir() {
            let error = match fs::metadata(directory) {
                Ok(_) => io::Error::from(io::ErrorKind::NotADirectory),
                Err(error) => error,
            };
            return Err(OfflineError::Open { path: directory.to_owned(), error });
        }
        if !Self::is_at(directory) {
            return Err(wrong(format!("it has neither {DOCUMENTS}/ nor {SETTINGS}")));
        }
        let settings = read_settings(directory)?;
        let target = match (&settings.org, &settings.enterprise) {
            (Some(_), Some(_)) => {
                return Err(wrong(format!("{SETTINGS}: set org or enterprise, not both")));
            }
            (_, Some(name)) => Target::new(Scope::Enterprise, name),
            (name, None) => {
                Target::new(Scope::Organization, name.as_deref().unwrap_or(DEFAULT_ORG))
            }
        };
        let fetched_at = match settings.fetched_at {
            Some(time) => time,
            None => DEFAULT_FETCHED_AT.parse().map_err(|error| wrong(format!("{error}")))?,
        };
        let mut documents = match settings.documents {
            Some(documents) => elsewhere(directory, documents),
            None => inside(directory)?,
        };
        set_days(&mut documents, &settings.days);
        let options = settings.options.into_iter();
        let spans = settings.spans.unwrap_or_else(|| vec![SpanName::Latest, SpanName::History]);
        Ok(Self {
            directory: directory.to_owned(),
            target: target.map_err(wrong)?,
            fetched_at,
            options: options
                .map(|(name, value)| MappingOption { name, value: value.into_text() })
                .collect(),
            spans: spans
                .into_iter()
                .map(|span| match span {
                    SpanName::Latest => Span::Latest,
                    SpanName::History => Span::History,
                })
                .collect(),
            documents,
        })
    }

    /// Its name: that of its directory.
    pub(super) fn name(&self) -> String {
        let name = self.directory.canonicalize().ok();
        let name = name.as_deref().unwrap_or(&self.directory).file_name();
        sanitize(&name.unwrap_or_default().to_string_lossy())
    }

    /// The file with the expected samples of a span.
    pub(super) fn expected(&self, span: Span) -> PathBuf {
        self.directory.join(match span {
            Span::Latest => "latest.prom",
            Span::History => "history.prom",
        })
    }
}

fn read_settings(directory: &Path) -> Result<CaseSettings, OfflineError> {
    let path = directory.join(SETTINGS);
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(OfflineError::Open { path, error }),
    };
    if text.lines().all(|line| line.trim().is_empty() || line.trim().starts_with('#')) {
        return Ok(CaseSettings::default());
    }
    serde_saphyr::from_str(&text).map_err(|error| {
        // The first line has the position; the others show the text around it.
        let error = error.to_string();
        let reason = sanitize(error.lines().next().unwrap_or_default());
        OfflineError::Case { path, reason }
    })
}

/// The documents in other directories.
fn elsewhere(directory: &Path, documents: BTreeMap<String, Vec<PathBuf>>) -> Vec<RecordedDocument> {
    let files = documents
        .into_iter()
        .flat_map(|(name, paths)| paths.into_iter().map(move |path| (name.clone(), path)));
    files
        .map(|(name, path)| RecordedDocument { name, path: directory.join(path), day: None })
        .collect()
}

/// The documents of the case itself, by name and number.
fn inside(directory: &Path) -> Result<Vec<RecordedDocument>, OfflineError> {
    let path = directory.join(DOCUMENTS);
    let failed = |error| OfflineError::Open { path: path.clone(), error };
    let mut files: Vec<(String, u32, PathBuf)> = Vec::new();
    for entry in fs::read_dir(&path).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let file = entry.file_name().to_string_lossy().into_owned();
        if file.starts_with('.') {
            continue;
        }
        let (name, number) = parse_name(&file).ok_or_else(|| OfflineError::Case {
            path: entry.path(),
            reason:
                "the name of a document should be like seats.json, or like seats.1.json for a part"
                    .to_owned(),
        })?;
        files.push((name, number, entry.path()));
    }
    files.sort();
    let document = |(name, _, path)| RecordedDocument { name, path, day: None };
    Ok(files.into_iter().map(document).collect())
}

/// The document and the number in the name of a file; 0 is one without a number.
fn parse_name(file: &str) -> Option<(String, u32)> {
    let file = file.strip_suffix(".gz").unwrap_or(file);
    let stem = file.strip_suffix(".json").or_else(|| file.strip_suffix(".ndjson"))?;
    let (name, number) = match stem.rsplit_once('.') {
        Some((name, number)) => (name, number.parse().ok()?),
        None => (stem, 0),
    };
    let is_name = !name.is_empty() && !name.contains('.');
    is_name.then(|| (name.to_owned(), number))
}

/// Sets the days of parts. A document with fewer days than parts has the last of them for the rest.
fn set_days(documents: &mut [RecordedDocument], days: &BTreeMap<String, Vec<Date>>) {
    let mut parts: BTreeMap<String, usize> = BTreeMap::new();
    for document in documents {
        let part = parts.entry(document.name.clone()).or_default();
        let days = days.get(&document.name);
        document.day = days.and_then(|days| days.get(*part).or(days.last())).copied();
        *part += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn case(files: &[(&str, &str)]) -> (tempfile::TempDir, Result<Case, OfflineError>) {
        let directory = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = directory.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let case = Case::read(directory.path());
        (directory, case)
    }

    #[test]
    fn parts_are_in_the_order_of_their_numbers_not_of_their_letters() {
        let (_directory, case) = case(&[
            ("documents/seats.10.json", ""),
            ("documents/seats.2.json.gz", ""),
            ("documents/billing.json", ""),
            ("documents/users-1-day.1.ndjson", ""),
            ("documents/.hidden", ""),
        ]);
        let case = case.unwrap();
        let names = case.documents.iter().map(|document| {
            (document.name.as_str(), document.path.file_name().unwrap().to_str().unwrap())
        });
        assert_eq!(
            names.collect::<Vec<_>>(),
            [
                ("billing", "billing.json"),
                ("seats", "seats.2.json.gz"),
                ("seats", "seats.10.json"),
                ("users-1-day", "users-1-day.1.ndjson"),
            ]
        );
        assert_eq!(case.target.name(), DEFAULT_ORG);
        assert_eq!(case.spans, [Span::Latest, Span::History]);
    }

    #[test]
    fn the_settings_of_a_case_are_what_the_mapping_is_given() {
        let settings = "enterprise: octo\nfetched_at: 2026-11-22T06:00:00Z\noptions: {users: true, top: 5, a: b}\n\
                        spans: [latest]\ndays: {usage: [2026-11-20, 2026-11-21]}\n\
                        documents: {usage: [../a.json, b.json, c.json]}\n";
        let (_directory, case) = case(&[("case.yaml", settings)]);
        let case = case.unwrap();
        assert_eq!(case.target.to_string(), "enterprise octo");
        assert_eq!(case.fetched_at.to_string(), "2026-11-22T06:00:00Z");
        let options: Vec<_> =
            case.options.iter().map(|option| (&*option.name, &*option.value)).collect();
        assert_eq!(options, [("a", "b"), ("top", "5"), ("users", "true")]);
        assert_eq!(case.spans, [Span::Latest]);
        let days = case.documents.iter().map(|document| document.day.unwrap().to_string());
        assert_eq!(days.collect::<Vec<_>>(), ["2026-11-20", "2026-11-21", "2026-11-21"]);
    }

    #[test]
    fn an_invalid_case_is_refused_with_the_file_and_the_reason() {
        let refused = |files: &[(&str, &str)], wanted: &[&str]| {
            let (_directory, case) = case(files);
            let error = case.unwrap_err();
            assert_eq!(error.exit_code(), 65);
            let error = error.to_string();
            assert!(wanted.iter().all(|wanted| error.contains(wanted)), "{error}");
        };
        refused(&[], &["it has neither documents/ nor case.yaml"]);
        refused(&[("documents/seats.txt", "")], &["seats.txt", "should be like seats.json"]);
        refused(&[("case.yaml", "organization: a\n")], &["case.yaml", "organization"]);
        refused(&[("case.yaml", "org: a\nenterprise: b\n")], &["not both"]);
        refused(
            &[("case.yaml", "org: a b\n"), ("documents/a.json", "")],
            &["invalid organization"],
        );
    }
}
