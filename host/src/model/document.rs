//! A document: what a mapping asks for, and what GitHub sent.

use std::collections::BTreeMap;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::target::Scope;
use crate::body::Body;

/// The documents of a target by name.
pub type Documents = BTreeMap<String, Document>;

/// A document that a mapping understands, for one scope.
#[derive(Clone, Debug, PartialEq)]
pub struct DocumentSpec {
    /// Its name, unique within the scope.
    pub name: String,
    /// The scope it belongs to.
    pub scope: Scope,
    /// The path under the API's base URL, with placeholders for the target and perhaps a date.
    pub path: String,
    /// How it is fetched.
    pub fetch: FetchKind,
    /// Whether the target depends on it.
    pub need: Need,
    /// An earlier document of this scope that this one replaces when GitHub answers 404 to it.
    pub fallback_for: Option<String>,
    /// Earlier day documents of this scope: this one is also fetched for their day, if it differs.
    pub same_day_as: Vec<String>,
    /// The document is fetched only if one of these options is `true`; always if there are none.
    pub only_with: Vec<String>,
    /// The permission a token needs to read it.
    pub permission: Option<String>,
}

/// How a document is fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FetchKind {
    /// One GET request.
    Plain,
    /// GET requests that follow the `Link` header.
    Paged,
    /// A GET request that returns download links; each linked file is a part.
    Report,
}

/// Whether a target depends on a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Without a fresh copy the target counts as down.
    Required,
    /// Its absence is not a failure.
    Optional,
    /// It is never fetched, only accepted offline.
    Offline,
}

/// The placeholders of a date in a path, and what replaces them.
type Placeholder = (&'static str, fn(Date) -> String);
const DATE_PLACEHOLDERS: [Placeholder; 4] = [
    ("{day}", |day| day.to_string()),
    ("{year}", |day| day.year().to_string()),
    ("{month}", |day| day.month().to_string()),
    ("{day-of-month}", |day| day.day().to_string()),
];

impl DocumentSpec {
    /// Tells what the document is, whatever a mapping calls it: how it is fetched, and from where.
    pub fn source(&self) -> String {
        let fetch = match self.fetch {
            FetchKind::Plain => "plain",
            FetchKind::Paged => "paged",
            FetchKind::Report => "report",
        };
        format!("{fetch} {}", self.path)
    }

    /// Whether its path has a date, so that there is one for each day.
    pub fn is_of_day(&self) -> bool {
        DATE_PLACEHOLDERS.iter().any(|(placeholder, _)| self.path.contains(placeholder))
    }

    /// Whether its path has a month and no day: on every day of the month, it is the month so far.
    pub fn is_of_month(&self) -> bool {
        let has = |placeholder| self.path.contains(placeholder);
        has("{month}") && !has("{day-of-month}") && !has("{day}")
    }

    /// Whether GitHub can be asked for the document as of a past day. A month is what it is now: it is asked
    /// for as of yesterday, and as of its last day.
    pub fn has_day(&self, day: Date, today: Date) -> bool {
        let is_yesterday = day.tomorrow().is_ok_and(|next| next == today);
        !self.is_of_month() || is_yesterday || day == day.last_of_month()
    }

    /// The path without its placeholders for a date.
    pub fn without_date(path: &str) -> String {
        DATE_PLACEHOLDERS.iter().fold(path.to_owned(), |path, (name, _)| path.replace(name, ""))
    }

    /// The path for a target's login and a day.
    pub fn path_for(&self, login: &str, day: Option<Date>) -> String {
        let owner = match self.scope {
            Scope::Organization => "{org}",
            Scope::Enterprise => "{enterprise}",
        };
        let path = self.path.replace(owner, login);
        let Some(day) = day else { return path };
        DATE_PLACEHOLDERS.iter().fold(path, |path, (name, text)| path.replace(name, &text(day)))
    }
}

/// A document as it was fetched.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// What it was fetched as: see [`DocumentSpec::source`].
    pub source: String,
    /// Its bodies: pages, or report files.
    pub parts: Vec<Part>,
    /// When GitHub sent its content.
    pub fetched_at: Timestamp,
    /// When GitHub last said that the content has not changed; at first, when it sent it.
    pub confirmed_at: Timestamp,
    /// The day that GitHub says the report is about (of 28 days the last one).
    pub report_day: Option<Date>,
}

/// One body of a document.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// The bytes.
    pub body: Body,
    /// What a conditional request needs.
    pub validator: Option<Validator>,
    /// The path of the next page: a 304 need not repeat it.
    pub next: Option<String>,
    /// The day it was requested for, if the document has one for each day.
    pub day: Option<Date>,
}

/// Tells whether a resource has changed. RFC 9110, section 13.1.2.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Validator {
    /// The SHA-256 of the URL without its signature.
    pub resource: String,
    /// The entity tag of the content.
    pub etag: Option<String>,
}

impl Part {
    /// The entity tag, if GitHub sent one.
    pub fn etag(&self) -> Option<&str> {
        self.validator.as_ref()?.etag.as_deref()
    }
}

impl Document {
    /// A document that was fetched just now; its source is set by the caller of the request.
    pub fn new(parts: Vec<Part>, fetched_at: Timestamp, report_day: Option<Date>) -> Self {
        let source = String::new();
        Self { source, parts, fetched_at, confirmed_at: fetched_at, report_day }
    }

    /// Notes that GitHub has no document of a day, and never will.
    pub fn absent(spec: &DocumentSpec, day: Date, at: Timestamp) -> Self {
        Self { source: spec.source(), ..Self::new(Vec::new(), at, Some(day)) }
    }

    /// Whether it only notes that there is none.
    pub fn is_absent(&self) -> bool {
        self.parts.is_empty()
    }

    /// Whether it was requested for a day, so that there is one for each day. A report of 28 days has a
    /// report day too, but there is only one.
    pub fn is_of_day(&self) -> bool {
        self.parts.iter().any(|part| part.day.is_some())
    }

    /// Whether it is a report, whose day lags. A bill of yesterday is newer than any report.
    fn is_report(&self) -> bool {
        self.source.starts_with("report ")
    }

    /// The newest day of reports, or without reports, of other documents.
    pub fn newest_day<'a>(documents: impl IntoIterator<Item = &'a Self>) -> Option<Date> {
        let days =
            documents.into_iter().map(|document| (document.is_report(), document.report_day));
        days.filter(|(_, day)| day.is_some()).max().and_then(|(_, day)| day)
    }

    /// Whether it is what `spec` asks for. A mapping of another version may ask for another document
    /// under the same name.
    pub fn is_of(&self, spec: &DocumentSpec) -> bool {
        self.source == spec.source()
    }

    /// Whether it was fetched or confirmed in the future: a clock was wrong when it was stored, and
    /// its age is unknown. The clocks of two machines may differ a little.
    pub fn is_of_the_future(&self, now: Timestamp) -> bool {
        const TOLERANCE: SignedDuration = SignedDuration::from_mins(5);
        let latest = now.saturating_add(TOLERANCE).unwrap_or(Timestamp::MAX);
        self.fetched_at.max(self.confirmed_at) > latest
    }

    /// Whether the content is the same, whenever it was fetched.
    pub fn has_content_of(&self, other: &Self) -> bool {
        let bodies = |document: &Self| -> Vec<_> {
            document.parts.iter().map(|part| part.body.clone()).collect()
        };
        self.source == other.source
            && self.report_day == other.report_day
            && bodies(self) == bodies(other)
    }

    /// The time that ages in the document are relative to: when its content was fetched, or the start
    /// of the day (UTC) on which GitHub last confirmed it. So a document that does not change is
    /// mapped again once a day, not at every confirmation.
    pub fn as_of(&self) -> Timestamp {
        let day = self.confirmed_at.to_zoned(TimeZone::UTC).start_of_day();
        day.map_or(self.fetched_at, |day| self.fetched_at.max(day.timestamp()))
    }

    /// The part that is this resource.
    pub fn part_of(&self, resource: &str) -> Option<&Part> {
        let is_resource =
            |part: &&Part| part.validator.as_ref().is_some_and(|v| v.resource == resource);
        self.parts.iter().find(is_resource)
    }

    /// The number of bytes that its bodies take, compressed.
    pub fn compressed_length(&self) -> u64 {
        self.parts.iter().map(|part| part.body.compressed_length()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(path: &str) -> DocumentSpec {
        DocumentSpec {
            name: "usage".to_owned(),
            scope: Scope::Organization,
            path: path.to_owned(),
            fetch: FetchKind::Plain,
            need: Need::Optional,
            fallback_for: None,
            same_day_as: vec![],
            only_with: vec![],
            permission: None,
        }
    }

    #[test]
    fn a_date_in_a_path_is_written_as_github_expects_it() {
        let day = Some(jiff::civil::date(2026, 3, 7));
        let usage = spec("/organizations/{org}/usage?year={year}&month={month}&day={day-of-month}");
        assert!(usage.is_of_day());
        assert_eq!(
            usage.path_for("octo-org", day),
            "/organizations/octo-org/usage?year=2026&month=3&day=7"
        );
        assert_eq!(spec("/orgs/{org}/r?day={day}").path_for("a", day), "/orgs/a/r?day=2026-03-07");
        assert!(!spec("/orgs/{org}/seats").is_of_day());
    }

    #[test]
    fn a_month_is_asked_for_as_of_yesterday_and_of_its_last_day() {
        let date = jiff::civil::date;
        let day = spec("/organizations/{org}/usage?year={year}&month={month}&day={day-of-month}");
        let month = spec("/organizations/{org}/usage?year={year}&month={month}");
        assert!(month.is_of_month() && month.is_of_day() && !day.is_of_month());
        let today = date(2028, 3, 15);
        let days = |spec: &DocumentSpec| {
            let days = date(2028, 1, 30).series(jiff::ToSpan::days(1));
            let days = days.take_while(|day| *day < today);
            days.filter(|day| spec.has_day(*day, today)).collect::<Vec<_>>()
        };
        assert_eq!(days(&month), [date(2028, 1, 31), date(2028, 2, 29), date(2028, 3, 14)]);
        assert_eq!(days(&day).len(), 45);
        // On the first day of a month, the month before is the newest.
        assert!(month.has_day(date(2028, 2, 29), date(2028, 3, 1)));
    }

    #[test]
    fn the_newest_day_is_that_of_the_reports_and_not_of_a_bill() {
        let document = |source: &str, day| Document {
            source: source.to_owned(),
            ..Document::new(vec![], Timestamp::UNIX_EPOCH, day)
        };
        let date = |day| Some(jiff::civil::date(2026, 11, day));
        let (bill, seats) = (document("plain /bill", date(25)), document("paged /seats", None));
        let reports = [document("report /a", date(23)), document("report /b", date(22))];
        let all = [&reports[0], &bill, &seats, &reports[1]];
        assert_eq!(Document::newest_day(all), date(23));
        assert_eq!(Document::newest_day([&bill, &seats]), date(25));
        assert_eq!(Document::newest_day([&seats]), None);
    }

    #[test]
    fn a_document_that_github_confirms_is_mapped_again_once_a_day() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let mut document = Document::new(vec![], at("2026-11-20T08:00:00Z"), None);
        assert_eq!(document.as_of(), at("2026-11-20T08:00:00Z"));
        document.confirmed_at = at("2026-11-20T23:00:00Z");
        assert_eq!(document.as_of(), at("2026-11-20T08:00:00Z"));
        document.confirmed_at = at("2026-11-21T07:00:00Z");
        assert_eq!(document.as_of(), at("2026-11-21T00:00:00Z"));
        document.confirmed_at = at("2026-11-21T09:00:00Z");
        assert_eq!(document.as_of(), at("2026-11-21T00:00:00Z"));
    }
}
