//! The section of a target on the page: its state, its documents and its charts.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use super::cache::ChartsState;
use super::numbers::{minute, short_age};
use super::range::Range;
use crate::model::text::sanitize;
use crate::model::{Document, Documents, MappingId};
use crate::output::{Status, TargetStatus};

/// The section of a target.
pub(super) struct Section {
    /// The label `org` of the target.
    pub org: String,
    /// The label `scope`.
    pub scope: &'static str,
    /// The class of the state in the style sheet.
    pub class: &'static str,
    /// Whether the data is up to date.
    pub state: &'static str,
    /// When the last refresh succeeded.
    pub last_success: String,
    /// The newest day that the data is about.
    pub report_day: String,
    /// When the next refresh is due.
    pub next_refresh: Option<String>,
    /// What failed.
    pub problems: Vec<String>,
    /// The optional documents that are not available, with the reason.
    pub left_out: Vec<String>,
    /// Why charts could not be drawn.
    pub chart_failures: Vec<String>,
    /// The mappings.
    pub mappings: Vec<String>,
    /// The documents.
    pub documents: Vec<DocumentRow>,
    /// The ranges of the charts with lines, if there are several.
    pub ranges: Vec<RangeLink>,
    /// The charts.
    pub charts: ChartsState,
}

/// A link to the charts of a range.
pub(super) struct RangeLink {
    /// The value of the query parameter: none for the default range.
    pub value: Option<&'static str>,
    /// The text.
    pub name: &'static str,
    /// Whether it is the range of the charts on the page.
    pub is_current: bool,
}

impl RangeLink {
    /// The link to a range on a page that shows the range `current`.
    pub(super) fn new(range: Range, current: Range) -> Self {
        Self {
            value: (range != Range::default()).then(|| range.value()),
            name: range.name(),
            is_current: range == current,
        }
    }
}

/// A document in the table of documents.
pub(super) struct DocumentRow {
    /// Its name.
    pub name: String,
    /// When GitHub last sent or confirmed it.
    pub fetched: String,
    /// How long ago that was.
    pub age: String,
    /// The day that it is about.
    pub day: String,
}

impl Section {
    /// Describes a target. `documents` are those that its mappings want.
    pub(super) fn new(status: &TargetStatus, documents: &Documents, charts: ChartsState) -> Self {
        let TargetStatus { target, outcome, mappings, has_data, .. } = status;
        let (class, state) = state(&outcome.status, *has_data);
        let mut problems = match &outcome.status {
            Status::Failed(problems) => problems.clone(),
            Status::Starting | Status::Fresh => Vec::new(),
        };
        problems.extend(outcome.attempt.clone());
        let drawn = match &charts {
            ChartsState::Ready(charts) => Some(charts),
            _ => None,
        };
        let day = Document::newest_day(documents.values());
        let day = day.or_else(|| drawn.as_ref()?.newest_day);
        let document = |(name, document): (&String, &Document)| DocumentRow {
            name: name.clone(),
            fetched: minute(document.confirmed_at),
            age: age(document.confirmed_at),
            day: document.report_day.map(|day| day.to_string()).unwrap_or_default(),
        };
        Self {
            org: target.name().to_owned(),
            scope: target.scope().label(),
            class,
            state,
            last_success: outcome.succeeded_at.map_or_else(|| "none yet".to_owned(), time_and_age),
            report_day: day.map_or_else(|| "none yet".to_owned(), day_and_age),
            next_refresh: outcome.next.map(minute),
            problems,
            left_out: outcome.left_out.clone(),
            chart_failures: drawn.map(|charts| charts.failures.clone()).unwrap_or_default(),
            mappings: mappings.iter().map(describe_mapping).collect(),
            documents: documents.iter().map(document).collect(),
            ranges: Vec::new(),
            charts,
        }
    }

    /// With links to ranges, if there are several.
    pub(super) fn with_ranges(self, ranges: Vec<Range>, current: Range) -> Self {
        let links = ranges.into_iter().map(|range| RangeLink::new(range, current));
        let ranges: Vec<_> = links.collect();
        Self { ranges: if ranges.len() > 1 { ranges } else { Vec::new() }, ..self }
    }

    /// Whether its charts are being computed: the page shows them once it is loaded again.
    pub(super) fn is_computing(&self) -> bool {
        matches!(self.charts, ChartsState::Computing)
    }
}

/// The class and the text of a state.
fn state(status: &Status, has_data: bool) -> (&'static str, &'static str) {
    match (status, has_data) {
        (Status::Fresh, _) => ("fresh", "up to date"),
        (Status::Starting, true) => ("starting", "first refresh in progress; serving stored data"),
        (Status::Starting, false) => ("starting", "first refresh in progress"),
        (Status::Failed(_), true) => ("failed", "failing; serving the last good data"),
        (Status::Failed(_), false) => ("failed", "failing; no data yet"),
    }
}

fn describe_mapping(mapping: &MappingId) -> String {
    let MappingId { name, version, sha256 } = mapping;
    let sha256 = sha256.get(..12).unwrap_or(sha256);
    format!("{} {} (sha256 {sha256}…)", sanitize(name), sanitize(version))
}

/// A time, and how long ago it was.
fn time_and_age(time: Timestamp) -> String {
    format!("{} ({} ago)", minute(time), age(time))
}

fn age(time: Timestamp) -> String {
    short_age(Timestamp::now().duration_since(time).try_into().unwrap_or_default())
}

/// A day, and how long ago it ended.
fn day_and_age(day: Date) -> String {
    let end = day.saturating_add(1.day()).to_zoned(TimeZone::UTC).map(|end| end.timestamp());
    match end {
        Ok(end) if end < Timestamp::now() => format!("{day} (ended {} ago)", age(end)),
        _ => day.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Scope, Target};
    use crate::output::Outcome;

    fn status(status: Status, has_data: bool) -> TargetStatus {
        let target = Target::new(Scope::Organization, "octo-org").unwrap();
        let outcome = Outcome { status, ..Outcome::default() };
        TargetStatus { target, outcome, mappings: vec![], has_data, samples: vec![] }
    }

    #[test]
    fn a_document_that_github_confirmed_is_as_old_as_the_confirmation() {
        let now = Timestamp::now();
        let mut document = Document::new(vec![], now - 50.hours(), None);
        document.confirmed_at = now - 3.hours();
        let documents = Documents::from([("seats".to_owned(), document)]);
        let section = Section::new(&status(Status::Fresh, true), &documents, ChartsState::NoData);
        assert_eq!(section.documents[0].age, "3 h");
    }

    #[test]
    fn a_failing_target_names_its_problems_and_says_what_is_served() {
        for (has_data, state) in
            [(true, "failing; serving the last good data"), (false, "failing; no data yet")]
        {
            let failed = status(Status::Failed(vec!["seats: 403".to_owned()]), has_data);
            let section = Section::new(&failed, &Documents::new(), ChartsState::NoData);
            assert_eq!(section.state, state);
            assert_eq!(section.problems, ["seats: 403"]);
        }
    }
}
