//! GitHub's side: gets the documents that a mapping declares.
//!
//! [`Client`] sends requests and knows whom to trust with the token; [`report`] follows the
//! download links of reports, [`paged`] the `Link` headers of lists. Bodies are compressed as
//! they arrive, so that a report of any size is never held as text.

mod body;
mod client;
mod error;
mod paged;
mod report;

pub use body::Body;
pub use client::{Client, is_loopback};
pub use error::FetchError;

use client::MAX_DOCUMENT_BYTES;
use jiff::Timestamp;
use jiff::civil::Date;

use crate::plugin::wit::{DocumentSpec, FetchKind};
use crate::target::{Scope, Target};

/// A document as it was fetched.
#[derive(Clone, Debug)]
pub struct Document {
    /// Its bodies: pages, or report files.
    pub parts: Vec<Body>,
    /// When GitHub answered.
    pub fetched_at: Timestamp,
    /// The day that GitHub says the report is about (the last one of 28).
    pub report_day: Option<Date>,
}

/// Refuses a document whose parts are too much together.
fn check_size(what: &str, parts: &[Body]) -> Result<(), FetchError> {
    let bytes: u64 = parts.iter().map(Body::length).sum();
    match bytes > MAX_DOCUMENT_BYTES {
        false => Ok(()),
        true => Err(FetchError::Request {
            what: what.to_owned(),
            reason: format!("it is larger than {} GiB", MAX_DOCUMENT_BYTES >> 30),
        }),
    }
}

impl Client {
    /// Fetches a document. `None`: GitHub has no report yet, which is not an error.
    ///
    /// A report by day is asked for `day` if given, else for the newest one that there is.
    pub async fn fetch(
        &self,
        target: &Target,
        document: &DocumentSpec,
        day: Option<Date>,
    ) -> Result<Option<Document>, FetchError> {
        let path = document.path.replace(
            match target.scope() {
                Scope::Organization => "{org}",
                Scope::Enterprise => "{enterprise}",
            },
            target.name(),
        );
        match document.fetch {
            FetchKind::Plain => {
                let fetched_at = Timestamp::now();
                let body = self.get_body(&path).await?;
                Ok(body.map(|body| Document { parts: vec![body], fetched_at, report_day: None }))
            }
            FetchKind::Paged => paged::fetch(self, &path).await,
            FetchKind::Report if path.contains("{day}") => report::by_day(self, &path, day).await,
            FetchKind::Report => report::fetch(self, &path).await,
        }
    }
}
