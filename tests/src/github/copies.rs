//! Many organizations with the recordings of one.

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;

use crate::fixtures::{OCTO_ENTERPRISE, OCTO_LEGACY, OCTODEMO};

/// Answers a request about an organization that is not recorded with the recordings of octodemo.
pub async fn replace_organization(mut request: Request, next: Next) -> Response {
    let path = request.uri().to_string();
    let mut segments: Vec<&str> = path.split('/').collect();
    if let ["", "orgs" | "organizations", organization, ..] = segments.as_mut_slice()
        && [OCTODEMO, OCTO_LEGACY, OCTO_ENTERPRISE].iter().all(|known| known.name != *organization)
    {
        *organization = OCTODEMO.name;
    }
    if let Ok(uri) = segments.join("/").parse() {
        *request.uri_mut() = uri;
    }
    next.run(request).await
}
