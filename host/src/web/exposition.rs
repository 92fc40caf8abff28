//! The responses with metrics: `/metrics` and its parts `/metrics/data` and `/metrics/self`, and
//! `/metrics/daily`.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::io::{self, Read};
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, VARY};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use flate2::read::GzDecoder;
use futures_util::stream;
use http_body_util::StreamBody;
use hyper::body::Frame;
use serde::Deserialize;
use tracing::error;

use super::accept;
use super::app::App;
use crate::output::{Format, encode_own};

/// The content type of a format. Prometheus 3 fails a scrape whose content type is not exactly one of those
/// it knows. <https://prometheus.io/docs/instrumenting/content_negotiation/>
fn content_type(format: Format) -> HeaderValue {
    HeaderValue::from_static(match format {
        Format::Text => "text/plain; version=0.0.4; charset=utf-8",
        Format::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
    })
}

/// How much of the daily samples is decompressed at once, for clients that do not accept gzip.
const DECOMPRESSED_BYTES: usize = 64 << 10;

/// The part of the metrics that is requested.
#[derive(Deserialize)]
pub(super) struct Selection {
    /// Only the series of the targets of this name.
    org: Option<String>,
    /// And only of the one with this scope: an organization and an enterprise may have one name.
    scope: Option<String>,
}

pub(super) async fn metrics(
    State(app): State<Arc<App>>,
    Query(selection): Query<Selection>,
    headers: HeaderMap,
) -> Response {
    begin(&app).await;
    if let Some(org) = selection.org {
        return of_target(app, org, selection.scope).await;
    }
    let format = accept::format(&headers);
    let own_metrics = match encode_own(&app.registry, format) {
        Ok(text) => text,
        Err(error) => return failed(&error),
    };
    published(&app, format, own_metrics.into(), &headers)
}

/// The snapshot, followed by `tail`.
fn published(app: &App, format: Format, tail: Bytes, headers: &HeaderMap) -> Response {
    let snapshot = app.publisher.snapshot();
    let gzip = accepts_gzip(headers);
    let pieces = match gzip {
        true => snapshot.gzip(format, &tail),
        false => snapshot.plain(format, tail),
    };
    exposition(respond(pieces), format, gzip)
}

/// What is the same in all replicas.
pub(super) async fn data(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    begin(&app).await;
    let format = accept::format(&headers);
    published(&app, format, format.end().into(), &headers)
}

/// What is about this process.
pub(super) async fn own(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    let format = accept::format(&headers);
    match encode_own(&app.registry, format) {
        Ok(text) => exposition(respond(vec![text.into()]), format, false),
        Err(error) => failed(&error),
    }
}

/// The series of the targets of a name, or of the one of them with a scope.
async fn of_target(app: Arc<App>, org: String, scope: Option<String>) -> Response {
    let texts = tokio::task::spawn_blocking(move || {
        let samples = app.publisher.text_of(&org, scope.as_deref())?;
        let mut labels = vec![("org", org.as_str())];
        labels.extend(scope.as_deref().map(|scope| ("scope", scope)));
        Some(samples.and_then(|samples| Ok((samples, app.registry.encode_where(&labels)?))))
    });
    match texts.await {
        Ok(Some(Ok((samples, own)))) => {
            exposition(respond(vec![samples, own.into()]), Format::Text, false)
        }
        Ok(Some(Err(error))) => failed(&error),
        Ok(None) => (StatusCode::NOT_FOUND, "no target has this name and scope\n").into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// Counts a scrape, and waits for the first data.
async fn begin(app: &App) {
    app.metrics.count_scrape(app.publisher.has_data());
    if app.publisher.missing().is_some() {
        app.github.count_failure("env_missing");
    }
    app.publisher.settled().await;
}

fn failed(error: &prometheus::Error) -> Response {
    error!(%error, "cannot encode metrics");
    StatusCode::INTERNAL_SERVER_ERROR.into_response()
}

pub(super) async fn daily(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    let Some(daily) = &app.daily else {
        return (StatusCode::NOT_FOUND, "daily samples are turned off\n").into_response();
    };
    daily.ask().await;
    let pieces = daily.gzip();
    if accepts_gzip(&headers) {
        return exposition(respond(pieces), Format::Text, true);
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
    exposition(Response::new(Body::new(StreamBody::new(text))), Format::Text, false)
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
fn exposition(mut response: Response, format: Format, gzip: bool) -> Response {
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, content_type(format));
    headers.insert(VARY, HeaderValue::from_static("accept, accept-encoding"));
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
