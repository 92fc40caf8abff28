//! Fetches a document, whatever kind it is.

use jiff::Timestamp;
use jiff::civil::Date;

use super::client::Client;
use super::error::FetchError;
use super::rate_limit::Weight;
use super::{day, paged, report};
use crate::model::{Document, DocumentSpec, FetchKind};

/// The result of fetching a document.
#[derive(Debug)]
pub enum Fetched {
    /// A document, whose content may be the same as before.
    Fresh(Document),
    /// The document is final: it was not requested again.
    Final,
    /// GitHub does not have it yet, which is not an error.
    Absent,
}

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
        Ok(match fetched {
            Fetched::Fresh(document) => {
                Fetched::Fresh(with_old_times(Document { source: spec.source(), ..document }, old))
            }
            other => other,
        })
    }

    /// Fetches a document of one day, or one that has no day. `None` if GitHub does not have it.
    pub(super) async fn fetch_once(
        &self,
        spec: &DocumentSpec,
        day: Option<Date>,
        old: Option<&Document>,
    ) -> Result<Option<Document>, FetchError> {
        let path = spec.path_for(self.target().login(), day);
        let request = self.request(&path, spec.permission.as_deref());
        let document = match spec.fetch {
            FetchKind::Plain => {
                let fetched_at = Timestamp::now();
                let limit = self.max_document_bytes();
                let part = self.get_part(&request, old, limit, Weight::Single).await?;
                part.map(|(part, _)| Document::new(vec![part], fetched_at, None))
            }
            FetchKind::Paged => paged::fetch(self, &request, old).await?,
            FetchKind::Report => report::fetch(self, &request, old).await?,
        };
        Ok(document.map(|mut document| {
            document.report_day = document.report_day.or(day);
            for part in &mut document.parts {
                part.day = day;
            }
            document
        }))
    }
}

/// A document whose content has not changed keeps the time at which that content was fetched.
fn with_old_times(document: Document, old: Option<&Document>) -> Document {
    match old.filter(|old| old.has_content_of(&document)) {
        Some(old) => Document { fetched_at: old.fetched_at, ..document },
        None => document,
    }
}
