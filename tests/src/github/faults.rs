//! What can go wrong with GitHub, on demand.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{CONTENT_LENGTH, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream;

use super::requests::path_of;

/// A way to fail.
#[derive(Clone, Debug)]
pub enum Fault {
    /// Respond with this status and JSON message, and these headers.
    Status(u16, &'static str, Vec<(&'static str, String)>),
    /// Respond with this body instead of the right one.
    Body(Bytes),
    /// Break the connection after this many bytes of the right body.
    CutOff(usize),
    /// Never respond.
    Hang,
    /// Send the right body byte by byte, with this pause before each.
    Trickle(Duration),
}

/// The faults that are switched on.
#[derive(Default)]
pub(super) struct Faults(Mutex<Vec<ActiveFault>>);

/// A fault of the requests whose path and query contain a text.
struct ActiveFault {
    path_part: String,
    fault: Fault,
    times_left: usize,
}

impl Faults {
    /// Makes this many requests fail.
    pub(super) fn add(&self, times: usize, path_part: &str, fault: Fault) {
        let path_part = path_part.to_owned();
        self.lock().push(ActiveFault { path_part, fault, times_left: times });
    }

    /// Makes everything work again.
    pub(super) fn clear(&self) {
        self.lock().clear();
    }

    /// The API, with these faults.
    pub(super) fn apply_to_api(self: &Arc<Self>, router: Router) -> Router {
        router.layer(from_fn_with_state((Arc::clone(self), false), apply))
    }

    /// The host of the report files, with these faults.
    pub(super) fn apply_to_files(self: &Arc<Self>, router: Router) -> Router {
        router.layer(from_fn_with_state((Arc::clone(self), true), apply))
    }

    /// The fault of a request, which counts.
    fn next(&self, path: &str) -> Option<Fault> {
        let mut faults = self.lock();
        let applies =
            |active: &&mut ActiveFault| active.times_left > 0 && path.contains(&active.path_part);
        let active = faults.iter_mut().find(applies)?;
        active.times_left -= 1;
        Some(active.fault.clone())
    }

    fn lock(&self) -> MutexGuard<'_, Vec<ActiveFault>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn apply(
    State((faults, file)): State<(Arc<Faults>, bool)>,
    mut request: Request,
    next: Next,
) -> Response {
    let Some(fault) = faults.next(&path_with_day(&request, file)) else {
        return next.run(request).await;
    };
    // What is sent instead of the right response has nothing to do with what the client has already.
    request.headers_mut().remove(IF_NONE_MATCH);
    let mut right = next.run(request).await;
    right.headers_mut().remove(ETAG);
    right.headers_mut().remove(CONTENT_LENGTH);
    fault.spoil(right).await
}

/// The path of a request as it is logged; of a report file with the day of the report.
fn path_with_day(request: &Request, file: bool) -> String {
    let path = path_of(request, file);
    match request.uri().path().trim_start_matches('/').split_once('/') {
        Some((day, _)) if file => format!("{path}?day={day}"),
        _ => path,
    }
}

impl Fault {
    /// The response instead of the right one.
    async fn spoil(self, right: Response) -> Response {
        match self {
            Self::Status(status, message, headers) => with_status(status, message, headers, &right),
            Self::Body(body) => right.map(|_| Body::from(body)),
            Self::CutOff(bytes) => cut_off(bytes, right).await,
            Self::Hang => std::future::pending().await,
            Self::Trickle(pause) => trickle(pause, right).await,
        }
    }
}

fn with_status(
    status: u16,
    message: &str,
    headers: Vec<(&'static str, String)>,
    right: &Response,
) -> Response {
    let body = serde_json::json!({"message": message, "status": status.to_string()});
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or_default();
    for (name, value) in right.headers() {
        if name.as_str().starts_with("x-ratelimit-") {
            response.headers_mut().insert(name, value.clone());
        }
    }
    for (name, value) in headers {
        let value = HeaderValue::try_from(value).unwrap_or_else(|error| panic!("{name}: {error}"));
        response.headers_mut().insert(HeaderName::from_static(name), value);
    }
    response
}

async fn cut_off(bytes: usize, right: Response) -> Response {
    let (head, body) = right.into_parts();
    let whole = axum::body::to_bytes(body, usize::MAX).await.unwrap_or_default();
    let start = whole.slice(..bytes.min(whole.len()));
    let pieces = [Ok(start), Err(std::io::Error::other("cut off on purpose"))];
    Response::from_parts(head, Body::from_stream(stream::iter(pieces)))
}

async fn trickle(pause: Duration, right: Response) -> Response {
    let (head, body) = right.into_parts();
    let whole = axum::body::to_bytes(body, usize::MAX).await.unwrap_or_default();
    let bytes = stream::unfold(0, move |at| {
        let byte = whole.get(at..at + 1).map(|_| whole.slice(at..at + 1));
        async move {
            tokio::time::sleep(pause).await;
            byte.map(|byte| (Ok::<_, std::io::Error>(byte), at + 1))
        }
    });
    Response::from_parts(head, Body::from_stream(bytes))
}
