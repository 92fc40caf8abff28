//! What can go wrong with GitHub, on demand.

use std::sync::{Mutex, PoisonError};

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
}

/// The faults that are switched on, each for the requests whose path and query have a text in them.
#[derive(Default)]
pub struct Faults(Mutex<Vec<(String, Fault)>>);

impl Faults {
    /// Makes requests fail from now on.
    pub fn add(&self, path_has: &str, fault: Fault) {
        self.lock().push((path_has.to_owned(), fault));
    }

    /// Everything works again.
    pub fn clear(&self) {
        self.lock().clear();
    }

    /// Answers a request whose right answer is `right`.
    pub async fn answer(&self, path: &str, right: Response) -> Response {
        let fault =
            self.lock().iter().find(|(text, _)| path.contains(text)).map(|(_, f)| f.clone());
        match fault {
            None => right,
            Some(Fault::Status(status, message, headers)) => {
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
            Some(Fault::Body(body)) => right.map(|_| Body::from(body)),
            Some(Fault::CutOff(bytes)) => cut_off(bytes, right).await,
            Some(Fault::Hang) => std::future::pending().await,
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<(String, Fault)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn cut_off(bytes: usize, right: Response) -> Response {
    let (head, body) = right.into_parts();
    let whole = axum::body::to_bytes(body, usize::MAX).await.unwrap_or_default();
    let start = whole.slice(..bytes.min(whole.len()));
    let pieces = [Ok(start), Err(std::io::Error::other("cut off on purpose"))];
    Response::from_parts(head, Body::from_stream(stream::iter(pieces)))
}
