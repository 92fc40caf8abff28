//! The routes.
//!
//! | path | response |
//! |---|---|
//! | `/metrics` | the metrics in the text format 0.0.4, gzipped if accepted |
//! | `/metrics/daily` | the daily samples in the same format; 404 if they are turned off |
//! | `/-/healthy` | 200 while the process runs |
//! | `/-/ready` | 200 if there is data to serve, otherwise 503 and the reason |
//! | `POST /-/reload` | reloads the settings; 500 and the reason if they can't be used; 403 unless allowed |
//! | `/` | the page: state and charts of all targets, or of `?org=…&scope=…` |
//!
//! If the web config has users, everything except `/-/healthy` requires a password.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::io::{self, Read};
use std::net::IpAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Query, Request, State};
use axum::http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_SECURITY_POLICY,
    CONTENT_TYPE, HOST, ORIGIN, RETRY_AFTER, VARY, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Version};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use bytes::Bytes;
use flate2::read::GzDecoder;
use futures_util::stream;
use http_body_util::StreamBody;
use hyper::body::Frame;
use tracing::error;

use super::auth::Admission;
use super::metrics::Metrics;
use super::page::{self, Page, Selection};
use super::peer::Peer;
use super::watch::Web;
use crate::github;
use crate::model::metrics::Registry;
use crate::model::text::visible;
use crate::output::{DailyExposition, Publisher, Status};
use crate::refresh::Reloader;

/// Prometheus 3 fails a scrape whose content type is not exactly one of those it knows.
/// <https://prometheus.io/docs/instrumenting/content_negotiation/>
const TEXT_FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// How much of the daily samples is decompressed at once, for clients that do not accept gzip.
const DECOMPRESSED_BYTES: usize = 64 << 10;

/// The path of the metrics.
pub(super) const METRICS: &str = "/metrics";

/// The path that never requires a password: probes have none, and the response reveals nothing.
pub const HEALTHY: &str = "/-/healthy";

/// What requests are answered from.
pub struct App {
    /// The exporter's own metrics.
    pub registry: Registry,
    /// Those of the scrapes.
    pub metrics: Metrics,
    /// Those of requests to GitHub: missing settings count as failed ones.
    pub github: github::Metrics,
    /// The data.
    pub publisher: Arc<Publisher>,
    /// The daily samples, unless they are turned off.
    pub daily: Option<Arc<DailyExposition>>,
    /// The page.
    pub page: Page,
    /// Reloads the settings.
    pub reloader: Reloader,
    /// Whether it does so for requests without a password.
    pub enable_lifecycle: bool,
    /// The web settings.
    pub web: Arc<Web>,
}

/// The routes.
pub fn router(app: Arc<App>) -> Router {
    let guard = from_fn_with_state(Arc::clone(&app.web), guard);
    Router::new()
        .route("/", get(page))
        .route(METRICS, get(metrics))
        .route("/metrics/daily", get(daily))
        .route(HEALTHY, get(|| async { "healthy\n" }))
        .route("/-/ready", get(ready))
        .route("/-/reload", post(reload).put(reload))
        .layer(guard)
        .with_state(app)
}

/// Admits requests as the web settings demand.
async fn guard(State(web): State<Arc<Web>>, request: Request, next: Next) -> Response {
    let settings = web.settings();
    let mut response = match request.uri().path() {
        // RFC 9112, section 3.2.
        _ if request.version() == Version::HTTP_11 && !request.headers().contains_key(HOST) => {
            (StatusCode::BAD_REQUEST, "the Host header is missing\n").into_response()
        }
        HEALTHY if !web.admits_probe(peer_of(&request)) => {
            retry_later(StatusCode::TOO_MANY_REQUESTS)
        }
        HEALTHY => next.run(request).await,
        _ if !settings.admits_request() => retry_later(StatusCode::TOO_MANY_REQUESTS),
        _ => match &settings.users {
            None => next.run(request).await,
            Some(users) => match users.admit(request.headers(), peer_of(&request)).await {
                Admission::Admitted => next.run(request).await,
                Admission::Busy => retry_later(StatusCode::SERVICE_UNAVAILABLE),
                Admission::Rejected => {
                    let challenge = [(WWW_AUTHENTICATE, "Basic")];
                    (StatusCode::UNAUTHORIZED, challenge, "unauthorized\n").into_response()
                }
            },
        },
    };
    response.headers_mut().extend(settings.headers.clone());
    response
}

/// The address that a request comes from.
fn peer_of(request: &Request) -> Option<IpAddr> {
    request.extensions().get().map(|Peer(address)| *address)
}

fn retry_later(status: StatusCode) -> Response {
    (status, [(RETRY_AFTER, "1")], "too many requests\n").into_response()
}

async fn metrics(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    app.metrics.count_scrape(app.publisher.has_data());
    if app.publisher.missing().is_some() {
        app.github.count_failure("env_missing");
    }
    app.publisher.settled().await;
    let own_metrics = match app.registry.encode() {
        Ok(text) => text,
        Err(error) => {
            error!(%error, "cannot encode the exporter's own metrics");
            return StatusCode::INTERNAL_SERVER_ERROR.into_response();
        }
    };
    let snapshot = app.publisher.snapshot();
    let gzip = accepts_gzip(&headers);
    let pieces = match gzip {
        true => Vec::from(snapshot.gzip_with(own_metrics.as_bytes())),
        false => vec![snapshot.text().clone(), own_metrics.into()],
    };
    exposition(respond(pieces), gzip)
}

async fn daily(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    let Some(daily) = &app.daily else {
        return (StatusCode::NOT_FOUND, "daily samples are turned off\n").into_response();
    };
    let pieces = daily.gzip();
    if accepts_gzip(&headers) {
        return exposition(respond(pieces), true);
    }
    // Decompressed while it is sent: it may be larger than everything else together.
    let text = stream::unfold(GzDecoder::new(Joined(pieces.into())), |mut text| async move {
        let read = tokio::task::spawn_blocking(move || {
            let mut chunk = vec![0; DECOMPRESSED_BYTES];
            let read = text.read(&mut chunk);
            (read.map(|length| chunk.drain(..length).collect::<Bytes>()), text)
        });
        match read.await.ok()? {
            (Ok(chunk), _) if chunk.is_empty() => None,
            (chunk, text) => Some((chunk.map(Frame::data), text)),
        }
    });
    exposition(Response::new(Body::new(StreamBody::new(text))), false)
}

/// Reads pieces one after the other.
struct Joined(VecDeque<Bytes>);

impl Read for Joined {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while let Some(piece) = self.0.front_mut() {
            if piece.is_empty() {
                self.0.pop_front();
                continue;
            }
            let wanted = buffer.len().min(piece.len());
            let taken = piece.split_to(wanted);
            buffer.get_mut(..wanted).unwrap_or_default().copy_from_slice(&taken);
            return Ok(wanted);
        }
        Ok(0)
    }
}

/// Adds the headers of an exposition.
fn exposition(mut response: Response, gzip: bool) -> Response {
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(TEXT_FORMAT));
    headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
    if gzip {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    response
}

/// Sends the pieces one after the other: joining them would copy the whole snapshot for each scrape.
fn respond(pieces: Vec<Bytes>) -> Response {
    let length: usize = pieces.iter().map(Bytes::len).sum();
    let frames = pieces
        .into_iter()
        .filter(|piece| !piece.is_empty())
        .map(|piece| Ok::<_, Infallible>(Frame::data(piece)));
    let mut response = Response::new(Body::new(StreamBody::new(stream::iter(frames))));
    response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(length));
    response
}

/// Whether the client accepts gzip. RFC 9110, section 12.5.3.
fn accepts_gzip(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    accepted.flat_map(|value| value.split(',')).any(|coding| {
        let mut parts = coding.split(';').map(str::trim);
        let is_gzip = parts.next().is_some_and(|name| name.eq_ignore_ascii_case("gzip"));
        let is_zero = |weight: &str| weight.parse::<f32>().is_ok_and(|weight| weight == 0.0);
        is_gzip && !parts.filter_map(|part| part.strip_prefix("q=")).any(is_zero)
    })
}

async fn ready(State(app): State<Arc<App>>) -> (StatusCode, String) {
    if let Some(missing) = app.publisher.missing() {
        return (StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {}\n", visible(&missing)));
    }
    if app.publisher.has_data() {
        return (StatusCode::OK, "ready\n".to_owned());
    }
    let mut text = "not ready: no target has data yet\n".to_owned();
    for status in app.publisher.statuses() {
        let target = &status.target;
        let state = match &status.outcome.status {
            Status::Failed(problems) => {
                let next = status.outcome.next.map(|next| next.strftime("%H:%M:%S UTC"));
                let next = next.map(|next| format!("; next attempt at {next}")).unwrap_or_default();
                format!("{}{next}", problems.join("; "))
            }
            Status::Starting | Status::Fresh => {
                let attempt = status.outcome.attempt.as_ref();
                let attempt = attempt.map(|attempt| format!("; {attempt}")).unwrap_or_default();
                format!("first refresh in progress{attempt}")
            }
        };
        text.push_str(&visible(&format!("{target}: {state}")));
        text.push('\n');
    }
    (StatusCode::SERVICE_UNAVAILABLE, text)
}

async fn reload(State(app): State<Arc<App>>, headers: HeaderMap) -> (StatusCode, String) {
    if !app.enable_lifecycle && app.web.settings().users.is_none() {
        let help = "reloads over HTTP are off: send SIGHUP, or start with --web.enable-lifecycle\n";
        return (StatusCode::FORBIDDEN, help.to_owned());
    }
    if is_from_other_site(&headers) {
        return (StatusCode::FORBIDDEN, "requests of other sites are refused\n".to_owned());
    }
    match app.reloader.reload().await {
        Ok(()) => (StatusCode::OK, "reloaded\n".to_owned()),
        Err(error) => {
            (StatusCode::INTERNAL_SERVER_ERROR, format!("not reloaded: {}\n", visible(&error)))
        }
    }
}

/// Whether a browser sends the request for a page of another site. Browsers set `Origin` for every POST.
/// <https://developer.mozilla.org/en-US/docs/Web/HTTP/Reference/Headers/Origin>
fn is_from_other_site(headers: &HeaderMap) -> bool {
    let Some(origin) = headers.get(ORIGIN) else { return false };
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    let origin = origin.to_str().ok().and_then(|origin| origin.split_once("://"));
    match (origin, host) {
        (Some((_, origin)), Some(host)) => !origin.eq_ignore_ascii_case(host),
        _ => true,
    }
}

async fn page(State(app): State<Arc<App>>, Query(selection): Query<Selection>) -> Response {
    let html = match app.page.render(&selection).await {
        Ok(html) => html,
        Err(error) => {
            error!(%error, "cannot render the page");
            return StatusCode::INTERNAL_SERVER_ERROR.into_response();
        }
    };
    let headers = [
        (CACHE_CONTROL, "no-store"),
        (CONTENT_SECURITY_POLICY, page::CONTENT_SECURITY_POLICY.as_str()),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, Html(html)).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_used_if_the_client_accepts_it() {
        let accepts = |value: &'static str| {
            accepts_gzip(&HeaderMap::from_iter([(
                ACCEPT_ENCODING,
                HeaderValue::from_static(value),
            )]))
        };
        assert!(["gzip", "deflate, GZIP;q=0.5", "gzip;q=1"].into_iter().all(accepts));
        assert!(!["", "identity", "gzip;q=0", "gzip; q=0.0", "br"].into_iter().any(accepts));
        assert!(!accepts_gzip(&HeaderMap::new()));
    }
}
