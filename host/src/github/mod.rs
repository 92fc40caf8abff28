//! GitHub's side: gets the documents that a mapping declares.
//!
//! [`Client`] asks for a target's documents; `report` follows the download links of reports,
//! `paged` the `Link` headers of lists. [`Credential`] signs in, `app` as a GitHub App;
//! [`RateLimit`] says when to wait, `hosts` whom to trust, [`Refusal`] what a 403 means.
//! [`Transport`] sends single requests, and again where that can help. Bodies are compressed as
//! they arrive, so that a report of any size is never held as text.

mod app;
mod body;
mod client;
mod credential;
mod document;
mod error;
mod hosts;
mod paged;
mod rate_limit;
mod refusal;
mod report;
mod transport;

pub use app::check_private_key;
pub use body::Body;
pub use client::Client;
pub use credential::{Credential, Credentials, read_token_file};
pub use document::{Document, Part, Validator};
pub use error::FetchError;
pub use hosts::is_loopback;
pub use rate_limit::{Labels, RateLimit, Reading, Weight};
pub use refusal::Refusal;
pub use transport::{Transport, TransportError, read_ca_file};

use jiff::Timestamp;
use jiff::civil::Date;

use crate::plugin::wit::{DocumentSpec, FetchKind};
use crate::target::Scope;

/// How asking for a document ended.
#[derive(Debug)]
pub enum Fetched {
    /// This is it.
    Fresh(Document),
    /// It is final, and not asked for again.
    Kept,
    /// GitHub has none yet, which is not an error.
    Absent,
}

impl Client {
    /// Fetches a document; `old` is the one there is.
    ///
    /// A report by day is asked for `day` if given, else for the newest one that there is.
    pub async fn fetch(
        &self,
        document: &DocumentSpec,
        day: Option<Date>,
        old: Option<&Document>,
    ) -> Result<Fetched, FetchError> {
        let old = old.filter(|old| old.is_of(document));
        let fetched = self.fetch_any(document, day, old).await?;
        Ok(match fetched {
            Fetched::Fresh(fresh) => {
                Fetched::Fresh(Document { source: Document::source_of(document), ..fresh })
            }
            other => other,
        })
    }

    async fn fetch_any(
        &self,
        document: &DocumentSpec,
        day: Option<Date>,
        old: Option<&Document>,
    ) -> Result<Fetched, FetchError> {
        let owner = match self.target().scope() {
            Scope::Organization => "{org}",
            Scope::Enterprise => "{enterprise}",
        };
        let path = document.path.replace(owner, self.target().login());
        let fetched = match document.fetch {
            FetchKind::Plain => {
                let fetched_at = Timestamp::now();
                let limit = self.max_document_bytes();
                let part = self.get_part(&path, old, limit, Weight::Single).await?;
                part.map(|(part, _)| Document::new(vec![part], fetched_at, None))
            }
            FetchKind::Paged => paged::fetch(self, &path, old).await?,
            FetchKind::Report if path.contains("{day}") => {
                return report::by_day(self, &path, day, old).await;
            }
            FetchKind::Report => report::fetch(self, &path, old).await?,
        };
        Ok(fetched.map_or(Fetched::Absent, Fetched::Fresh))
    }
}
