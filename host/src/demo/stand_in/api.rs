//! GitHub's API, which wants a token.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use jiff::ToSpan;
use serde_json::json;

use super::content::{Content, message};
use super::pages;
use super::state::{StandIn, without_blocking};
use crate::demo::index::Kind;
use crate::demo::recordings::{Found, Search};

/// The API's routes.
pub fn api_router(stand_in: Arc<StandIn>) -> Router {
    Router::new().fallback(respond).with_state(stand_in)
}

async fn respond(State(stand_in): State<Arc<StandIn>>, headers: HeaderMap, uri: Uri) -> Response {
    without_blocking(move || stand_in.api_response(&headers, &uri)).await
}

impl StandIn {
    pub(super) fn api_response(&self, request: &HeaderMap, uri: &Uri) -> Response {
        let mut response = self.api_response_without_limit(request, uri);
        let counted = response.status() != StatusCode::NOT_MODIFIED;
        self.rate_limit.write_headers(self.clock.now(), counted, response.headers_mut());
        response
    }

    fn api_response_without_limit(&self, request: &HeaderMap, uri: &Uri) -> Response {
        let authorization = request.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let token = authorization.and_then(|value| value.strip_prefix("Bearer "));
        if token != Some(&self.token) {
            return message(StatusCode::UNAUTHORIZED, "Bad credentials");
        }
        let query = uri.query().unwrap_or_default();
        let content = match self.recordings.find(uri.path(), query, self.window()) {
            Search::Found(found) => self.content(found, query),
            Search::NoReport => return StatusCode::NO_CONTENT.into_response(),
            Search::NotFound => None,
        };
        match content {
            Some(content) => content.respond_to(request),
            None => message(StatusCode::NOT_FOUND, "Not Found"),
        }
    }

    fn content(&self, found: Found<'_>, query: &str) -> Option<Content> {
        let source = found.source;
        let window = self.window();
        match source.kind {
            Kind::Plain | Kind::Usage | Kind::UsageByOrganization => {
                self.recordings.body(found, 0, window).map(Content::new)
            }
            Kind::Paged | Kind::Budgets => {
                let list = self.recordings.body(found, 0, window)?;
                let url = format!("{}{}", self.urls.api, source.path.path());
                pages::page(&list, source.array.as_deref(), &url, query)
            }
            Kind::ReportDay => {
                let links = self.links_to(found);
                let envelope = json!({"download_links": links, "report_day": found.day});
                Some(Content::new(envelope.to_string()))
            }
            Kind::Report28Day => {
                let envelope = json!({
                    "download_links": self.links_to(found),
                    "report_start_day": found.day.saturating_sub(27.days()),
                    "report_end_day": found.day,
                });
                Some(Content::new(envelope.to_string()))
            }
        }
    }
}
