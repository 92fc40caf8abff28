//! The exporter's web side.
//!
//! | path | answer |
//! |---|---|
//! | `/metrics` | the exposition, text 0.0.4, gzipped where accepted |
//! | `/-/healthy` | 200 while the process runs |
//! | `/-/ready` | 200 once there is data to serve, else 503 and why not |
//! | `POST /-/reload` | reads the settings again; 500 and why if they can't be used |
//! | `/` | the page: state and pictures, of all targets or of `?org=…&scope=…` |
//!
//! [`Server`] answers on sockets (`connections` bounds them, `tls` encrypts), [`Web`] has the settings of
//! `--web.config.file`, `auth` the users. Everything but `/-/healthy` is for users only, where there are any.

mod auth;
mod connections;
mod listener;
pub mod tls;
mod web;

pub use listener::{Listener, Server, serve};
pub use web::Web;

use self::auth::Admission;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Query, Request, State};
use axum::http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_SECURITY_POLICY,
    CONTENT_TYPE, RETRY_AFTER, VARY, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use bytes::Bytes;
use futures_util::stream;
use http_body_util::StreamBody;
use hyper::body::Frame;
use tracing::error;

use crate::web::page::{POLICY, Page, Selection};
use crate::output::publisher::{Publisher, Status};
use crate::refresh::reload::Reloader;
use crate::telemetry::Telemetry;

/// Prometheus 3 fails a scrape whose content type it does not know, to the letter.
/// <https://prometheus.io/docs/instrumenting/content_negotiation/>
const TEXT_FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// How long a scrape waits for the first data of all targets: well below Prometheus' default
/// timeout of 10 s, and long enough for the small documents of most organizations.
pub const FIRST_DATA_WAIT: Duration = Duration::from_secs(2);

/// What the answers are made of.
pub struct App {
    /// The exporter's own metrics.
    pub telemetry: Arc<Telemetry>,
    /// The data.
    pub publisher: Arc<Publisher>,
    /// The page.
    pub page: Page,
    /// Reads the settings again.
    pub reloader: Reloader,
    /// The web side's own settings.
    pub web: Arc<Web>,
}

/// The routes.
pub fn router(app: Arc<App>) -> Router {
    let guard = from_fn_with_state(Arc::clone(&app.web), guard);
    Router::new()
        .route("/", get(page))
        .route("/metrics", get(metrics))
        .route(HEALTHY, get(|| async { "healthy\n" }))
        .route("/-/ready", get(ready))
        .route("/-/reload", post(reload).put(reload))
        .layer(guard)
        .with_state(app)
}

/// The path that is open to everybody: a probe has no password, and learns nothing there.
pub const HEALTHY: &str = "/-/healthy";

/// Lets requests pass as the web config says.
async fn guard(State(web): State<Arc<Web>>, request: Request, next: Next) -> Response {
    let current = web.current();
    let mut response = match request.uri().path() {
        HEALTHY => next.run(request).await,
        _ if !current.has_room() => later(StatusCode::TOO_MANY_REQUESTS),
        _ => match &current.users {
            None => next.run(request).await,
            Some(users) => match users.admit(request.headers()).await {
                Admission::Welcome => next.run(request).await,
                Admission::Busy => later(StatusCode::SERVICE_UNAVAILABLE),
                Admission::Refused => {
                    let challenge = [(WWW_AUTHENTICATE, "Basic")];
                    (StatusCode::UNAUTHORIZED, challenge, "unauthorized\n").into_response()
                }
            },
        },
    };
    response.headers_mut().extend(current.headers.clone());
    response
}

fn later(status: StatusCode) -> Response {
    (status, [(RETRY_AFTER, "1")], "too many requests\n").into_response()
}

async fn metrics(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    app.telemetry.count_scrape(app.publisher.has_data());
    if app.publisher.missing().is_some() {
        app.telemetry.count_failure("env_missing");
    }
    app.publisher.settled(FIRST_DATA_WAIT).await;
    let own = match app.telemetry.encode() {
        Ok(own) => own,
        Err(error) => {
            error!(%error, "the exporter's own metrics can't be written");
            return StatusCode::INTERNAL_SERVER_ERROR.into_response();
        }
    };
    let snapshot = app.publisher.snapshot();
    let gzip = accepts_gzip(&headers);
    let pieces = match gzip {
        true => Vec::from(snapshot.gzip_with(own.as_bytes())),
        false => vec![snapshot.text().clone(), own.into()],
    };
    let mut response = respond(pieces);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(TEXT_FORMAT));
    headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
    if gzip {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    response
}

/// Sends the pieces one after the other: joining them would copy the whole snapshot at every scrape.
fn respond(pieces: Vec<Bytes>) -> Response {
    let length: usize = pieces.iter().map(Bytes::len).sum();
    let frames = pieces
        .into_iter()
        .filter(|piece| !piece.is_empty())
        .map(|piece| Ok::<_, std::convert::Infallible>(Frame::data(piece)));
    let mut response = Response::new(Body::new(StreamBody::new(stream::iter(frames))));
    response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(length));
    response
}

/// Whether the client takes gzip. RFC 9110, section 12.5.3.
fn accepts_gzip(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    accepted.flat_map(|value| value.split(',')).any(|coding| {
        let mut parts = coding.split(';').map(str::trim);
        let gzip = parts.next().is_some_and(|name| name.eq_ignore_ascii_case("gzip"));
        let refused = |q: &str| q.parse::<f32>().is_ok_and(|q| q == 0.0);
        gzip && !parts.filter_map(|part| part.strip_prefix("q=")).any(refused)
    })
}

async fn ready(State(app): State<Arc<App>>) -> (StatusCode, String) {
    if let Some(missing) = app.publisher.missing() {
        return (StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {missing}\n"));
    }
    if app.publisher.has_data() {
        return (StatusCode::OK, "ready\n".to_owned());
    }
    let mut text = "not ready: no target has data yet\n".to_owned();
    for (target, status) in app.publisher.statuses() {
        text.push_str(&match status {
            Status::Failed(problems) => format!("{target}: {}\n", problems.join("; ")),
            Status::Starting | Status::Fresh => {
                format!("{target}: the first refresh is under way\n")
            }
        });
    }
    (StatusCode::SERVICE_UNAVAILABLE, text)
}

async fn reload(State(app): State<Arc<App>>) -> (StatusCode, String) {
    match app.reloader.reload().await {
        Ok(()) => (StatusCode::OK, "reloaded\n".to_owned()),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("not reloaded: {error}\n")),
    }
}

async fn page(State(app): State<Arc<App>>, Query(selection): Query<Selection>) -> Response {
    let html = match app.page.render(&selection).await {
        Ok(html) => html,
        Err(error) => {
            error!(%error, "the page can't be written");
            return StatusCode::INTERNAL_SERVER_ERROR.into_response();
        }
    };
    let headers = [
        (CACHE_CONTROL, "no-store"),
        (CONTENT_SECURITY_POLICY, POLICY.as_str()),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, Html(html)).into_response()
}
