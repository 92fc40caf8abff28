//! Fetches the document of one day, or one without a day.

use jiff::Timestamp;
use jiff::civil::Date;

use super::client::Client;
use super::error::FetchError;
use super::rate_limit::Weight;
use super::{paged, report};
use crate::model::{Document, DocumentSpec, FetchKind};

impl Client {
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
