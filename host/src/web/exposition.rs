//! The responses with metrics: `/metrics` and `/metrics/daily`.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::io::{self, Read};
use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, VARY};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use flate2::read::GzDecoder;
use futures_util::stream;
use http_body_util::StreamBody;
use hyper::body::Frame;
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

pub(super) async fn metrics(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    app.metrics.count_scrape(app.publisher.has_data());
    if app.publisher.missing().is_some() {
        app.github.count_failure("env_missing");
    }
    app.publisher.settled().await;
    let format = accept::format(&headers);
    let own_metrics = match encode_own(&app.registry, format) {
        Ok(text) => text,
        Err(error) => {
            error!(%error, "cannot encode the exporter's own metrics");
            return StatusCode::INTERNAL_SERVER_ERROR.into_response();
        }
    };
    let snapshot = app.publisher.snapshot();
    let gzip = accepts_gzip(&headers);
    let pieces = match gzip {
        true => snapshot.gzip(format, own_metrics.as_bytes()),
        false => snapshot.plain(format, own_metrics.into()),
    };
    exposition(respond(pieces), format, gzip)
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
