//! The index of the recordings: which path of GitHub's API each of them is the response of.
//!
//! It lies beside the recordings in `tests/fixtures/demo`, so that this crate does not know any
//! document by name.

use std::io::{self, Read};
use std::sync::Arc;

use flate2::read::GzDecoder;
use jiff::civil::Date;
use serde::Deserialize;

use super::members::Report;
use super::rows::Rows;
use super::template::Template;
use super::window::{Window, is_weekend};
use crate::model::{Scope, Target};

/// Every file below `tests/fixtures/demo`, by its path in there: embedded by the build script.
static FILES: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/demo_files.rs"));

/// An embedded file, compressed: recordings are most of the demo's data.
#[derive(Clone, Copy, Debug)]
pub(super) struct RecordedFile(&'static [u8]);

impl RecordedFile {
    /// Its bytes.
    pub(super) fn read(self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        GzDecoder::new(self.0).read_to_end(&mut bytes)?;
        Ok(bytes)
    }
}

/// The file of the index.
const INDEX: &str = "index.json";

/// The index as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct IndexFile {
    newest_day: Date,
    fixed: Vec<String>,
    targets: Vec<TargetEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TargetEntry {
    scope: ScopeName,
    login: String,
    recordings: Vec<RecordingEntry>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum ScopeName {
    Organization,
    Enterprise,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RecordingEntry {
    path: String,
    kind: Kind,
    array: Option<String>,
    day: Option<String>,
    member: Option<String>,
    files: Vec<String>,
    weekend: Option<WeekendEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WeekendEntry {
    day: Date,
    files: Vec<String>,
}

/// How GitHub sends a document.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Kind {
    /// One response.
    Plain,
    /// A list in pages.
    Paged,
    /// One response with the usage of a day or of a month. Its file has a row for each recorded day.
    Usage,
    /// One response with the usage of a month by day and organization. Its first file has the organizations'
    /// shares of the usage in its second file.
    UsageByOrganization,
    /// One response with budgets. Its second file is the usage that they are for.
    Budgets,
    /// Links to the files of one day's report.
    ReportDay,
    /// Links to the files of a report of 28 days.
    #[serde(rename = "report-28-day")]
    Report28Day,
}

impl Kind {
    /// Whether it is made of recorded usage (see [`usage`](super::usage)).
    pub(super) fn is_bill(self) -> bool {
        matches!(self, Self::Usage | Self::UsageByOrganization | Self::Budgets)
    }
}

/// A recorded document.
pub(super) struct Source {
    /// Whose it is.
    pub(super) target: Target,
    /// Its path in GitHub's API.
    pub(super) path: Template,
    /// How it is sent.
    pub(super) kind: Kind,
    /// Of a list, the key of its array, unless the list itself is one. Of a day's report, the array in
    /// the files whose element for the day is the report, unless the files are the report.
    pub(super) array: Option<String>,
    /// The field with the day of each element of the array, if they are about one day each.
    pub(super) day: Option<String>,
    /// The field with the member that each row of a day's report is about, if they are about one each.
    pub(super) member: Option<String>,
    /// The integers that are not counts. `None`: its numbers are the same on every day.
    pub(super) fixed: Option<Arc<[String]>>,
    /// Its bodies as they were recorded on the newest recorded day.
    pub(super) files: Vec<RecordedFile>,
    /// Those of a day on a weekend, if they are not in an array.
    pub(super) weekend: Option<(Date, Vec<RecordedFile>)>,
}

/// Every recorded document.
pub(super) struct Index {
    /// The newest recorded day.
    pub(super) newest_day: Date,
    /// The targets with recordings.
    pub(super) targets: Vec<Target>,
    /// The documents of all targets.
    pub(super) sources: Vec<Source>,
}

impl Index {
    /// Reads the embedded index.
    pub(super) fn embedded() -> io::Result<Self> {
        let index: IndexFile = serde_json::from_slice(&file(INDEX)?.read()?)?;
        let fixed = Arc::from(index.fixed);
        let (mut targets, mut sources) = (Vec::new(), Vec::new());
        for entry in index.targets {
            let scope = match entry.scope {
                ScopeName::Organization => Scope::Organization,
                ScopeName::Enterprise => Scope::Enterprise,
            };
            let target = Target::new(scope, &entry.login).map_err(io::Error::other)?;
            for recording in entry.recordings {
                sources.push(recording.load(&target, &fixed)?);
            }
            targets.push(target);
        }
        Ok(Self { newest_day: index.newest_day, targets, sources })
    }
}

impl RecordingEntry {
    fn load(self, target: &Target, fixed: &Arc<[String]>) -> io::Result<Source> {
        let weekend = self.weekend.map(|entry| Ok((entry.day, load(&entry.files)?)));
        let weekend: io::Result<Option<_>> = weekend.transpose();
        let is_report = matches!(self.kind, Kind::ReportDay | Kind::Report28Day);
        Ok(Source {
            target: target.clone(),
            path: Template::new(&self.path),
            kind: self.kind,
            array: self.array,
            day: self.day,
            member: self.member,
            fixed: is_report.then(|| Arc::clone(fixed)),
            files: load(&self.files)?,
            weekend: weekend?,
        })
    }
}

impl Source {
    /// The name of a report in the links to its files: the last part of its path that says what it is.
    pub(super) fn name(&self) -> &str {
        let segments = self.path.path().rsplit('/');
        segments.into_iter().find(|segment| *segment != "latest").unwrap_or_default()
    }

    /// Of a report without an array, what its rows are about.
    pub(super) fn report(&self) -> Report<'_> {
        Report { member: self.member.as_deref(), fixed: self.fixed.as_deref().unwrap_or_default() }
    }

    /// The rows that are about one day each.
    pub(super) fn rows(&self) -> Option<Rows<'_>> {
        let day = self.day.as_deref()?;
        Some(Rows { array: self.array.as_deref(), day, fixed: self.fixed.as_deref() })
    }

    /// Whether there is no report for a day, although there are some for older ones.
    pub(super) fn has_gap(&self, day: Date, window: Window) -> bool {
        self.kind == Kind::ReportDay && window.is_gap(day)
    }

    /// The files that show a recorded day, and the day they are of.
    pub(super) fn files_of(&self, recorded: Date, newest: Date) -> (Date, &[RecordedFile]) {
        match &self.weekend {
            Some((day, files)) if is_weekend(recorded) => (*day, files),
            _ => (newest, &self.files),
        }
    }
}

fn load(paths: &[String]) -> io::Result<Vec<RecordedFile>> {
    paths.iter().map(|path| file(path)).collect()
}

fn file(path: &str) -> io::Result<RecordedFile> {
    let found = FILES.iter().find(|(known, _)| *known == path);
    let (_, bytes) = found.ok_or_else(|| io::Error::other(format!("no recording {path}")))?;
    Ok(RecordedFile(bytes))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_recording_in_the_index_is_embedded_and_has_a_path_of_its_own() {
        let index = Index::embedded().unwrap();
        assert!(!index.targets.is_empty());
        let mut paths = BTreeSet::new();
        let mut reports = BTreeSet::new();
        for source in &index.sources {
            assert!(!source.files.is_empty(), "{}", source.path);
            assert!(paths.insert(source.path.to_string()), "{} is listed twice", source.path);
            let is_report = matches!(source.kind, Kind::ReportDay | Kind::Report28Day);
            let name = (source.target.login(), source.name());
            assert!(!is_report || reports.insert(name), "{name:?} is listed twice");
            assert_eq!(source.kind == Kind::ReportDay, source.path.is_of_day() && is_report);
            assert!(source.weekend.iter().all(|(day, _)| is_weekend(*day)), "{}", source.path);
        }
    }

    #[test]
    fn every_recording_is_below_its_targets_path() {
        for source in Index::embedded().unwrap().sources {
            let login = source.target.login();
            let roots: &[&str] = match source.target.scope() {
                Scope::Organization => &["/orgs/", "/organizations/"],
                Scope::Enterprise => &["/enterprises/"],
            };
            let is_below = |root: &&str| source.path.path().starts_with(&format!("{root}{login}/"));
            assert!(roots.iter().any(is_below), "{}", source.path);
        }
    }
}
