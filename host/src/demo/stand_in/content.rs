//! Responses: JSON, messages, and entity tags.

use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, ETAG, IF_NONE_MATCH, LINK};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde_json::json;

/// What a request is for.
pub(super) struct Content {
    /// The body.
    pub(super) body: Bytes,
    /// The `Link` header.
    pub(super) link: Option<HeaderValue>,
}

impl Content {
    /// A body without links.
    pub(super) fn new(body: impl Into<Bytes>) -> Self {
        Self { body: body.into(), link: None }
    }

    /// The response, with an entity tag; 304 if the client has this content already.
    pub(super) fn respond_to(self, request: &HeaderMap) -> Response {
        let etag = format!("\"{:08x}{:x}\"", crc32fast::hash(&self.body), self.body.len());
        let is_known =
            request.get(IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == etag.as_bytes());
        let mut response = match is_known {
            true => StatusCode::NOT_MODIFIED.into_response(),
            false => json_response(self.body),
        };
        if let Ok(etag) = HeaderValue::try_from(etag) {
            response.headers_mut().insert(ETAG, etag);
        }
        if let (false, Some(link)) = (is_known, self.link) {
            response.headers_mut().insert(LINK, link);
        }
        response
    }
}

/// GitHub's response to a request that fails.
pub(super) fn message(status: StatusCode, text: &str) -> Response {
    let body = json!({"message": text, "status": status.as_str()});
    (status, json_response(body.to_string().into())).into_response()
}

fn json_response(body: Bytes) -> Response {
    let mut response = Response::new(Body::from(body));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
