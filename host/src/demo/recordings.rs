//! The recordings, moved in time so that the recorded days become the newest ones, and a year before them.

use std::collections::HashMap;
use std::io::{self, Read};
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use jiff::civil::Date;
use serde_json::Value;

use super::clock::Clock;
use super::index::{Index, Kind, RecordedFile, Source};
use super::shift::{shift_days, shift_periods};
use super::template::Template;
use super::usage;
use super::window::{Window, anchor};
use crate::body::Body;
use crate::model::{Scope, Target};

/// A document of an invented target, whose newest day is two days ago.
pub struct Recording {
    /// The organization or enterprise.
    pub target: Target,
    /// The path in GitHub's API with the target's login and with placeholders for a date, such as
    /// `/orgs/octo-org/report?day={day}`.
    pub path: String,
    /// The bodies: one, or those of the report's files. A list is whole, without pages.
    pub bodies: Vec<Bytes>,
}

impl Recording {
    /// Whether it is the response to a document's path, with the target's login but without a day (see
    /// [`path_for`](crate::model::DocumentSpec::path_for)). The path may have further parameters, such as `per_page`.
    pub fn is_response_to(&self, path: &str) -> bool {
        Template::new(&self.path).is_requested_by(path)
    }
}

/// The recorded documents, and their bodies of the newest day.
pub(super) struct Recordings {
    index: Index,
    /// The day that shows the newest recorded one.
    anchor: Date,
    /// By source and file: the newest day so far, and the body of that day, compressed. Older days are
    /// requested once, if at all.
    newest: Mutex<HashMap<(usize, usize), (Date, Body)>>,
}

/// A day's document, or another one with the newest day.
#[derive(Clone, Copy)]
pub(super) struct Found<'a> {
    number: usize,
    /// What was recorded.
    pub(super) source: &'a Source,
    /// The requested day, or the newest.
    pub(super) day: Date,
}

/// The result of a search.
pub(super) enum Search<'a> {
    /// The document.
    Found(Found<'a>),
    /// It exists for other days, but not for this one, or not yet.
    NoReport,
    /// It does not exist.
    NotFound,
}

impl Recordings {
    /// The embedded recordings, for a stand-in that starts now.
    pub(super) fn embedded(clock: &dyn Clock) -> io::Result<Self> {
        let index = Index::embedded()?;
        let anchor = anchor(clock.newest_day(), index.newest_day, clock.keeps_weekdays());
        Ok(Self { index, anchor, newest: Mutex::default() })
    }

    /// The targets with recordings.
    pub(super) fn targets(&self) -> &[Target] {
        &self.index.targets
    }

    /// The days that have reports at a time.
    pub(super) fn window(&self, clock: &dyn Clock) -> Window {
        Window::new(clock.newest_day(), self.index.newest_day, self.anchor).at_hour(clock.hour())
    }

    /// Finds the document that a request to the API is for.
    pub(super) fn find(&self, path: &str, query: &str, window: Window) -> Search<'_> {
        let newest = window.newest();
        let mut sources = self.index.sources.iter().enumerate();
        let found = sources.find(|(_, source)| source.path.matches(path, query));
        let Some((number, source)) = found else { return Search::NotFound };
        if matches!(source.kind, Kind::Usage | Kind::UsageByOrganization) {
            let days = usage::requested(&source.path, query);
            // GitHub has no usage that is too old; of a day to come, it has none yet.
            let days = days.filter(|days| window.contains(*days.end()) || *days.end() > newest);
            return days.map_or(Search::NotFound, |days| {
                Search::Found(Found { number, source, day: *days.end() })
            });
        }
        if !source.path.is_of_day() {
            return Search::Found(Found { number, source, day: newest });
        }
        match source.path.requested_day(query) {
            Some(day) if day > newest => Search::NoReport,
            Some(day) if source.has_gap(day, window) => match source.target.scope() {
                Scope::Organization => Search::NoReport,
                // GitHub documents no 204 for enterprises.
                Scope::Enterprise => Search::NotFound,
            },
            Some(day) if window.contains(day) => Search::Found(Found { number, source, day }),
            _ => Search::NotFound,
        }
    }

    /// Finds a report by what is in the links to its files.
    pub(super) fn find_report(
        &self,
        login: &str,
        report: &str,
        day: Date,
        window: Window,
    ) -> Option<Found<'_>> {
        let is_report = |source: &Source| {
            matches!(source.kind, Kind::ReportDay | Kind::Report28Day)
                && source.target.login() == login
                && source.name() == report
        };
        let mut sources = self.index.sources.iter().enumerate();
        let (number, source) = sources.find(|(_, source)| is_report(source))?;
        let exists = window.contains(day) && !source.has_gap(day, window);
        exists.then_some(Found { number, source, day })
    }

    /// The body of a document's file. `None`: it does not exist.
    pub(super) fn body(&self, found: Found<'_>, file: usize, window: Window) -> Option<Bytes> {
        if found.source.kind.is_bill() {
            return self.bill(found, window).map(Into::into);
        }
        let (key, newest) = ((found.number, file), window.newest());
        if found.day == newest
            && let Some((day, body)) = self.newest().get(&key).cloned()
            && day == newest
        {
            let mut bytes = Vec::new();
            body.reader().read_to_end(&mut bytes).ok()?;
            return Some(bytes.into());
        }
        let body = self.move_body(found, file, window)?;
        if found.day == newest {
            self.newest().insert(key, (newest, Body::of(&body).ok()?));
        }
        Some(body)
    }

    /// The usage of a day or a month, or budgets.
    fn bill(&self, found: Found<'_>, window: Window) -> Option<Vec<u8>> {
        let Found { source, day, .. } = found;
        let mut files = source.files.iter().map(|file| file.read().ok());
        let recorded = files.next()??;
        if source.kind == Kind::Budgets {
            return usage::budgets(&recorded, &files.next()??, window.newest_billed(), window);
        }
        let first = if source.path.is_of_month() { day.first_of_month() } else { day };
        let days = first..=day;
        match source.kind {
            Kind::UsageByOrganization => {
                usage::by_organization(&recorded, &files.next()??, &days, window)
            }
            _ => usage::body(&recorded, &source.path, &days, window),
        }
    }

    /// How many files the report of a day has.
    pub(super) fn file_count(&self, found: Found<'_>, window: Window) -> usize {
        match found.source.kind.is_bill() {
            true => 1,
            false => self.files_of(found, window).1.len(),
        }
    }

    /// The recorded files of a day, and the day they are of.
    fn files_of<'a>(&self, found: Found<'a>, window: Window) -> (Date, &'a [RecordedFile]) {
        found.source.files_of(window.recorded(found.day), self.index.newest_day)
    }

    /// The bodies of a document: one, or those of the report's files.
    pub(super) fn bodies(&self, found: Found<'_>, window: Window) -> Vec<Bytes> {
        let files = 0..self.file_count(found, window);
        files.filter_map(|file| self.body(found, file, window)).collect()
    }

    /// Every recording with the newest day.
    pub(super) fn all(&self, clock: &dyn Clock) -> Vec<Recording> {
        let window = self.window(clock);
        let recording = |(number, source): (usize, &Source)| {
            let found = Found { number, source, day: window.newest() };
            Recording {
                target: source.target.clone(),
                path: source.path.to_string(),
                bodies: self.bodies(found, window),
            }
        };
        self.index.sources.iter().enumerate().map(recording).collect()
    }

    fn move_body(&self, found: Found<'_>, file: usize, window: Window) -> Option<Bytes> {
        let (recorded_day, files) = self.files_of(found, window);
        let recorded = &files.get(file)?.read().ok()?;
        let rows = found.source.rows();
        if !found.source.path.is_of_day() {
            return window.shift(recorded, rows).map(Into::into);
        }
        if let Some(rows) = rows {
            return window.row(recorded, rows, found.day).map(Into::into);
        }
        let days = (found.day - recorded_day).get_days();
        let shifted = shift_days(recorded, days);
        match found.source.kind {
            Kind::Plain => {
                let mut value: Value = serde_json::from_slice(&shifted).ok()?;
                shift_periods(&mut value, days);
                Some(format!("{value}\n").into())
            }
            Kind::ReportDay => {
                let activity = window.activity(found.day);
                found.source.report().rows_of(shifted, found.day, activity).map(Into::into)
            }
            _ => Some(shifted.into()),
        }
    }

    fn newest(&self) -> std::sync::MutexGuard<'_, HashMap<(usize, usize), (Date, Body)>> {
        self.newest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
