//! The log of the requests to a stand-in.

use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::{self, State};
use axum::http::header::{AUTHORIZATION, IF_NONE_MATCH};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;

/// A request to a stand-in.
#[derive(Clone, Debug)]
pub struct Request {
    /// The path and query; of a report file the path, without its day and without the signature.
    pub path: String,
    /// Whether it went to the host of the report files, not to the API.
    pub file: bool,
    /// Whether it had an `Authorization` header.
    pub authorized: bool,
    /// Whether it was conditional (`If-None-Match`).
    pub conditional: bool,
}

/// The requests so far.
#[derive(Default)]
pub(super) struct Requests(Mutex<Vec<Request>>);

impl Requests {
    /// The API, whose requests are logged.
    pub(super) fn log_api(self: &Arc<Self>, router: Router) -> Router {
        router.layer(from_fn_with_state((Arc::clone(self), false), log))
    }

    /// The host of the files, whose requests are logged.
    pub(super) fn log_files(self: &Arc<Self>, router: Router) -> Router {
        router.layer(from_fn_with_state((Arc::clone(self), true), log))
    }

    /// All of them, oldest first.
    pub(super) fn all(&self) -> Vec<Request> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

async fn log(
    State((requests, file)): State<(Arc<Requests>, bool)>,
    request: extract::Request,
    next: Next,
) -> Response {
    let headers = request.headers();
    let logged = Request {
        path: path_of(&request, file),
        file,
        authorized: headers.contains_key(AUTHORIZATION),
        conditional: headers.contains_key(IF_NONE_MATCH),
    };
    requests.0.lock().unwrap_or_else(PoisonError::into_inner).push(logged);
    next.run(request).await
}

/// The path as it is logged.
pub(super) fn path_of(request: &extract::Request, file: bool) -> String {
    let uri = request.uri();
    if !file {
        return uri.to_string();
    }
    // The first segment of a file's path is the day of its report.
    let rest = uri.path().trim_start_matches('/').split_once('/').map(|(_, rest)| rest);
    format!("/{}", rest.unwrap_or_default())
}
