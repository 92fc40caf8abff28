//! What can go wrong with GitHub, on demand.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream;

/// A way to fail.
#[derive(Clone, Debug)]
pub enum Fault {
    /// Answer with this status and JSON message, and these headers.
    Status(u16, &'static str, Vec<(&'static str, String)>),
    /// Answer with this body in place of the right one.
    Body(Bytes),
    /// Break the connection after as many bytes of the right body.
    CutOff(usize),
    /// Never answer.
    Hang,
    /// Send the right body byte by byte, with a pause as long before each.
    Trickle(Duration),
}

/// The faults that are switched on.
#[derive(Default)]
pub struct Faults(Mutex<Vec<Switched>>);

/// A fault of the requests whose path and query have a text in them.
struct Switched {
    path_has: String,
    fault: Fault,
    times: usize,
}

impl Faults {
    /// Makes requests fail from now on.
    pub fn add(&self, path_has: &str, fault: Fault) {
        self.add_times(usize::MAX, path_has, fault);
    }

    /// Makes as many requests fail.
    pub fn add_times(&self, times: usize, path_has: &str, fault: Fault) {
        self.lock().push(Switched { path_has: path_has.to_owned(), fault, times });
    }

    /// Everything works again.
    pub fn clear(&self) {
        self.lock().clear();
    }

    /// The fault for a request, which counts as one of its times.
    pub(super) fn next(&self, path: &str) -> Option<Fault> {
        let mut faults = self.lock();
        let is = |switched: &&mut Switched| switched.times > 0 && path.contains(&switched.path_has);
        let switched = faults.iter_mut().find(is)?;
        switched.times -= 1;
        Some(switched.fault.clone())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Switched>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Fault {
    /// Answers a request whose right answer is `right`.
    pub(super) async fn answer(self, right: Response) -> Response {
        match self {
            Self::Status(status, message, headers) => {
                let body = serde_json::json!({"message": message, "status": status.to_string()});
                let mut response = Response::new(Body::from(body.to_string()));
                *response.status_mut() = StatusCode::from_u16(status).unwrap_or_default();
                for (name, value) in headers {
                    if let Ok(value) = HeaderValue::from_str(&value) {
                        response.headers_mut().insert(HeaderName::from_static(name), value);
                    }
                }
                response
            }
            Self::Body(body) => right.map(|_| Body::from(body)),
            Self::CutOff(bytes) => cut_off(bytes, right).await,
            Self::Hang => std::future::pending().await,
            Self::Trickle(pause) => trickle(pause, right).await,
        }
    }
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
