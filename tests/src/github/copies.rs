//! Many organizations with the recordings of one.

use axum::extract::Request;
use axum::http::header::LINK;
use axum::middleware::Next;
use axum::response::Response;

use crate::fixtures::{OCTO_ENTERPRISE, OCTO_LEGACY, OCTODEMO};

/// Answers a request about an organization that is not recorded with the recordings of `original`. Links to
/// further pages lead to that organization too.
pub async fn respond_with_copy(original: &str, mut request: Request, next: Next) -> Response {
    let path = request.uri().to_string();
    let mut segments: Vec<&str> = path.split('/').collect();
    let is_recorded =
        |name| [OCTODEMO, OCTO_LEGACY, OCTO_ENTERPRISE].iter().any(|of| of.name == name);
    let ["", family @ ("orgs" | "organizations"), organization, ..] = segments.as_mut_slice()
    else {
        return next.run(request).await;
    };
    if is_recorded(*organization) {
        return next.run(request).await;
    }
    let part = |organization: &str| format!("/{family}/{organization}/");
    let (copied, original_part) = (part(organization), part(original));
    *organization = original;
    *request.uri_mut() = segments.join("/").parse().unwrap_or_else(|error| panic!("{error}"));
    let mut response = next.run(request).await;
    if let Some(link) = response.headers_mut().get_mut(LINK) {
        let links = link.to_str().unwrap_or_default().replace(&original_part, &copied);
        *link = links.parse().unwrap_or_else(|error| panic!("{error}"));
    }
    response
}
