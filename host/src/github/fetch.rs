//! Fetches a document, whatever kind it is.

use jiff::civil::Date;

use super::client::Client;
use super::day;
use super::error::FetchError;
use super::fetched::Fetched;
use crate::model::{Document, DocumentSpec};

impl Client {
    /// Fetches a document; `old` is the stored version.
    ///
    /// A day document is fetched for the newest day that GitHub has. If that is not `joined_day`, its
    /// parts of that day are fetched too and come first.
    pub async fn fetch(
        &self,
        spec: &DocumentSpec,
        joined_day: Option<Date>,
        old: Option<&Document>,
    ) -> Result<Fetched, FetchError> {
        let old = old.filter(|old| old.is_of(spec));
        let fetched = match spec.is_of_day() {
            true => day::newest(self, spec, joined_day, old).await?,
            false => {
                let document = self.fetch_once(spec, None, old).await?;
                document.map_or(Fetched::Absent, Fetched::Fresh)
            }
        };
        Ok(of_spec(fetched, spec, old))
    }

    /// Fetches the document of exactly this day; `old` is the stored version. Absent is a day without a
    /// report, which may also be a 404; another day instead of it is an error.
    pub async fn fetch_day(
        &self,
        spec: &DocumentSpec,
        day: Date,
        old: Option<&Document>,
    ) -> Result<Fetched, FetchError> {
        let old = old.filter(|old| old.is_of(spec));
        let fetched = day::exactly(self, spec, day, old).await?;
        Ok(of_spec(fetched, spec, old))
    }
}

/// What was fetched as what `spec` asks for.
fn of_spec(fetched: Fetched, spec: &DocumentSpec, old: Option<&Document>) -> Fetched {
    match fetched {
        Fetched::Fresh(document) => {
            Fetched::Fresh(with_old_times(Document { source: spec.source(), ..document }, old))
        }
        other => other,
    }
}

/// A document whose content has not changed keeps the time at which that content was fetched.
fn with_old_times(document: Document, old: Option<&Document>) -> Document {
    match old.filter(|old| old.has_content_of(&document)) {
        Some(old) => Document { fetched_at: old.fetched_at, ..document },
        None => document,
    }
}
