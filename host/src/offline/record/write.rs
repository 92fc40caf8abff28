//! Writes a case.

use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::civil::Date;

use super::fetch::{Obtained, Outcome};
use super::summary::{Entry, Recorded};
use crate::config::TargetSettings;
use crate::model::{Document, Part, Scope};
use crate::offline::anonymize::json::{Rewrite, RewriteError, rewrite};
use crate::offline::case::{DOCUMENTS, SETTINGS};
use crate::offline::files::OfflineError;

/// What a case is about, besides its documents.
pub(super) struct About<'a> {
    /// The settings of the target.
    pub settings: &'a TargetSettings,
    /// The name of the target in the case.
    pub name: String,
    /// When the documents were fetched.
    pub fetched_at: Timestamp,
}

/// Writes a case into a directory.
pub(super) fn write_case(
    directory: &Path,
    about: &About<'_>,
    obtained: &[Obtained],
    policy: &mut dyn Rewrite,
) -> Result<Recorded, OfflineError> {
    let documents = directory.join(DOCUMENTS);
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |error| OfflineError::Write { path, error }
    };
    fs::create_dir_all(&documents).map_err(failed(&documents))?;
    let mut recorded = Recorded {
        target: format!("{} {}", about.settings.target.scope(), about.name),
        directory: directory.to_owned(),
        entries: Vec::new(),
    };
    let mut days: Vec<(&str, Vec<Date>)> = Vec::new();
    for Obtained { name, is_required, result } in obtained {
        let (is_recorded, text) = match result {
            Outcome::Fetched(document) => {
                let written = write_document(&documents, name, document, policy);
                match written {
                    Ok(text) => {
                        days.extend(days_of(document).map(|days| (name.as_str(), days)));
                        (true, text)
                    }
                    Err((path, RewriteError::Io(error))) => return Err(failed(&path)(error)),
                    Err((_, error)) => (false, format!("not recorded: {error}")),
                }
            }
            Outcome::Absent => (false, "GitHub does not have it yet".to_owned()),
            Outcome::NotRequested(reason) => (false, format!("not requested: {reason}")),
            Outcome::Failed(error) => (false, format!("failed: {error}")),
        };
        let is_missing = *is_required && !is_recorded;
        recorded.entries.push(Entry { name: name.clone(), text, is_missing });
    }
    let path = directory.join(SETTINGS);
    fs::write(&path, settings(about, &days)).map_err(failed(&path))?;
    Ok(recorded)
}

/// Writes the parts of a document. Returns what is written; an error has the file. A document that can't be
/// written as a whole is not written at all.
fn write_document(
    directory: &Path,
    name: &str,
    document: &Document,
    policy: &mut dyn Rewrite,
) -> Result<String, (PathBuf, RewriteError)> {
    let mut written: Vec<PathBuf> = Vec::new();
    let mut bytes = 0;
    for (number, part) in (1..).zip(&document.parts) {
        let number = if document.parts.len() == 1 { String::new() } else { format!(".{number}") };
        match write_part(directory, &format!("{name}{number}"), part, policy) {
            Ok((path, length)) => {
                written.push(path);
                bytes += length;
            }
            Err(error) => {
                for path in written {
                    fs::remove_file(path).ok();
                }
                return Err(error);
            }
        }
    }
    let files = match written.len() {
        1 => "1 file".to_owned(),
        number => format!("{number} files"),
    };
    let day = document.report_day.map(|day| format!(", of {day}")).unwrap_or_default();
    Ok(format!("{files}, {bytes} bytes{day}"))
}

/// Writes a part. Returns the file and its length.
fn write_part(
    directory: &Path,
    stem: &str,
    part: &Part,
    policy: &mut dyn Rewrite,
) -> Result<(PathBuf, u64), (PathBuf, RewriteError)> {
    // The name depends on what is in it. A name with a dot in front is not part of a case.
    let new = directory.join(format!(".{stem}"));
    let mut write = || -> Result<(PathBuf, u64), RewriteError> {
        let mut file = BufWriter::new(File::create(&new)?);
        let values = rewrite(BufReader::new(part.body.reader()), &mut file, policy)?;
        file.flush()?;
        let length = file.get_ref().metadata()?.len();
        let extension = if values > 1 { "ndjson" } else { "json" };
        let path = directory.join(format!("{stem}.{extension}"));
        fs::rename(&new, &path)?;
        Ok((path, length))
    };
    let written = write();
    if written.is_err() {
        fs::remove_file(&new).ok();
    }
    written.map_err(|error| (new, error))
}

/// Reads the documents without writing them: an anonymizer learns the names.
pub(super) fn read_all(obtained: &[Obtained], policy: &mut dyn Rewrite) {
    for of in obtained {
        let Outcome::Fetched(document) = &of.result else { continue };
        for part in &document.parts {
            // What can't be read is reported when it is to be written.
            rewrite(BufReader::new(part.body.reader()), io::sink(), policy).ok();
        }
    }
}

/// The days of a document, of each part, if they are known; one if they are all the same.
fn days_of(document: &Document) -> Option<Vec<Date>> {
    let days = document.parts.iter().map(|part| part.day.or(document.report_day));
    let mut days: Vec<Date> = days.collect::<Option<_>>()?;
    if days.iter().all(|day| days.first() == Some(day)) {
        days.truncate(1);
    }
    Some(days)
}

/// The text of `case.yaml`.
fn settings(about: &About<'_>, days: &[(&str, Vec<Date>)]) -> String {
    let target = match about.settings.target.scope() {
        Scope::Organization => "org",
        Scope::Enterprise => "enterprise",
    };
    let mut text = format!("{target}: {}\nfetched_at: {}\n", quoted(&about.name), about.fetched_at);
    let options = about.settings.mapping.mapping_options();
    if !options.is_empty() {
        text.push_str("options:\n");
        for option in options {
            text.push_str(&format!("  {}: {}\n", option.name, quoted(&option.value)));
        }
    }
    if !days.is_empty() {
        text.push_str("days:\n");
        for (name, days) in days {
            let days: Vec<String> = days.iter().map(Date::to_string).collect();
            text.push_str(&format!("  {name}: [{}]\n", days.join(", ")));
        }
    }
    text
}

/// A text in quotes: a JSON string is one in YAML.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
