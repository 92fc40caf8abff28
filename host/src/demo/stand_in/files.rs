//! The host of the report files, which accepts signed links only.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use jiff::civil::Date;

use super::content::Content;
use super::state::{StandIn, without_blocking};
use crate::demo::recordings::Found;
use crate::demo::template::parameter;

/// The host's routes.
pub fn files_router(stand_in: Arc<StandIn>) -> Router {
    Router::new().fallback(respond).with_state(stand_in)
}

async fn respond(State(stand_in): State<Arc<StandIn>>, headers: HeaderMap, uri: Uri) -> Response {
    without_blocking(move || stand_in.file_response(&headers, &uri)).await
}

impl StandIn {
    /// The signed links to a report's files.
    pub(super) fn links_to(&self, report: Found<'_>) -> Vec<String> {
        let (base, signature) = (&self.urls.files, &self.signature);
        let (day, login) = (report.day, report.source.target.login());
        let name = report.source.name();
        (0..self.recordings.file_count(report, self.window()))
            .map(|file| format!("{base}/{day}/{login}/{name}/{file}.json?se=3600&sig={signature}"))
            .collect()
    }

    pub(super) fn file_response(&self, request: &HeaderMap, uri: &Uri) -> Response {
        if request.contains_key(AUTHORIZATION) {
            // As the storage behind GitHub's links does, which expects another scheme there.
            return (StatusCode::UNAUTHORIZED, "InvalidAuthenticationInfo").into_response();
        }
        if parameter(uri.query().unwrap_or_default(), "sig") != Some(&self.signature) {
            return (StatusCode::FORBIDDEN, "AuthenticationFailed").into_response();
        }
        match self.file(uri.path()) {
            Some(content) => content.respond_to(request),
            None => StatusCode::NOT_FOUND.into_response(),
        }
    }

    /// The file that a link leads to.
    fn file(&self, path: &str) -> Option<Content> {
        let mut segments = path.strip_prefix('/')?.split('/');
        let day: Date = segments.next()?.parse().ok()?;
        let (login, name) = (segments.next()?, segments.next()?);
        let file = segments.next()?.strip_suffix(".json")?.parse().ok()?;
        let window = self.window();
        let report = self.recordings.find_report(login, name, day, window)?;
        self.recordings.body(report, file, window).map(Content::new)
    }
}
