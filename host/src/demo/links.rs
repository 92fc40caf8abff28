//! The host of the report files.

use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};

/// The path of a report's file, and the signature that opens it.
pub(super) fn link(
    base: &str,
    owner: &str,
    document: &str,
    file: usize,
    signature: &str,
) -> String {
    format!("{base}/{owner}/{document}/{file}.json?se=3600&sig={signature}")
}

/// The answer of GitHub's file host to a request that is not in order.
pub(super) fn refuse(headers: &HeaderMap, uri: &Uri, signature: &str) -> Option<Response> {
    if headers.contains_key(AUTHORIZATION) {
        // As the storage behind GitHub's report links does, which takes it for its own scheme.
        return Some((StatusCode::UNAUTHORIZED, "InvalidAuthenticationInfo").into_response());
    }
    let signed = uri
        .query()
        .unwrap_or_default()
        .split('&')
        .any(|pair| pair.strip_prefix("sig=").is_some_and(|given| given == signature));
    (!signed).then(|| (StatusCode::FORBIDDEN, "AuthenticationFailed").into_response())
}

/// The owner, document and number of the file in a path that [`link`] made.
pub(super) fn parse(path: &str) -> Option<(&str, &str, usize)> {
    let mut parts = path.trim_start_matches('/').split('/');
    let (owner, document, file) = (parts.next()?, parts.next()?, parts.next()?);
    Some((owner, document, file.strip_suffix(".json")?.parse().ok()?))
}
