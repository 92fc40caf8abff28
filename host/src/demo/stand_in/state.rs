//! What both hosts of the stand-in share.

use std::hash::{BuildHasher, RandomState};
use std::io;
use std::sync::Arc;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use jiff::civil::Date;

use super::rate_limit::RateLimit;
use crate::demo::clock::Clock;
use crate::demo::recordings::{Recordings, Search};
use crate::demo::window::Window;
use crate::model::Target;

/// What both hosts share.
pub struct StandIn {
    pub(super) recordings: Recordings,
    pub(super) clock: Box<dyn Clock>,
    pub(super) rate_limit: RateLimit,
    pub(super) token: String,
    pub(super) signature: String,
    pub(super) urls: BaseUrls,
}

/// The base URLs under which clients reach the two hosts, without a slash at the end.
pub struct BaseUrls {
    /// Of the API.
    pub api: String,
    /// Of the report files.
    pub files: String,
}

impl StandIn {
    /// A stand-in with the embedded recordings, and with a token and a signature of its own.
    pub fn new(clock: impl Clock, urls: BaseUrls) -> io::Result<Arc<Self>> {
        Ok(Arc::new(Self {
            recordings: Recordings::embedded(&clock)?,
            clock: Box::new(clock),
            rate_limit: RateLimit::default(),
            // New ones at every start, so that nothing can come to rely on them.
            token: format!("demo_{}", random()),
            signature: random(),
            urls,
        }))
    }

    /// The token that the API accepts.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// The secret in the links to report files.
    pub fn signature(&self) -> &str {
        &self.signature
    }

    /// The newest day with reports.
    pub fn newest_day(&self) -> Date {
        self.clock.newest_day()
    }

    /// The bodies of the document that a request to the API gets now for a path with a query: one, or those
    /// of the report's files. A list is whole, without pages. `None`: there is no such document or report.
    pub fn bodies(&self, path: &str) -> Option<Vec<Bytes>> {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let window = self.window();
        match self.recordings.find(path, query, window) {
            Search::Found(found) => Some(self.recordings.bodies(found, window)),
            Search::NoReport | Search::NotFound => None,
        }
    }

    /// Whether the reports of a day have slightly lower numbers while the day is new, as GitHub revises the
    /// reports of recent days. One day of four weeks is like that.
    pub fn is_revised(&self, day: Date) -> bool {
        self.window().is_revised(day)
    }

    /// The days with reports.
    pub(super) fn window(&self) -> Window {
        self.recordings.window(&*self.clock)
    }

    /// The targets with recordings.
    pub fn targets(&self) -> &[Target] {
        self.recordings.targets()
    }
}

/// Makes a response on a thread for blocking work: moving a large recording takes some milliseconds.
pub(super) async fn without_blocking(
    respond: impl FnOnce() -> Response + Send + 'static,
) -> Response {
    let responded = tokio::task::spawn_blocking(respond).await;
    responded.unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response())
}

/// 32 random hexadecimal digits, from the standard library's source of hash seeds.
fn random() -> String {
    let word = || RandomState::new().hash_one(0u8);
    format!("{:016x}{:016x}", word(), word())
}
