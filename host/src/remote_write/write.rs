//! Sends write requests, and repeats them as Prometheus does.
//! <https://prometheus.io/docs/specs/prw/remote_write_spec/#retries-backoff>

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use backon::{ExponentialBuilder, Retryable};
use reqwest::Method;
use reqwest::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use tracing::debug;

use super::deadline::Deadline;
use super::encode::Request;
use super::endpoint::Endpoint;
use super::error::{WriteError, failure_can_pass};
use super::failure::Failure;
use super::http::HttpRequest;
use crate::config::ProtobufMessage;

/// The longest delay that a server may ask for.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(5 * 60);
/// The shortest timeout of a request, however close the deadline is.
const MIN_TIMEOUT: Duration = Duration::from_secs(1);
/// How much of a successful response is read, in bytes. It should be empty.
const MAX_RESPONSE_BYTES: usize = 64 << 10;

const VERSION: HeaderName = HeaderName::from_static("x-prometheus-remote-write-version");
const WRITTEN: HeaderName = HeaderName::from_static("x-prometheus-remote-write-samples-written");

/// What the server has accepted.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Written {
    /// The number of requests.
    pub requests: usize,
    /// The number of samples in them.
    pub samples: usize,
}

impl Endpoint {
    /// Sends requests one after the other. Connection errors, 5xx and 429 are retried until the deadline,
    /// after a delay that doubles from `min_backoff` to `max_backoff`, or longer if the server asks for it.
    ///
    /// The first error ends it: the requests before are written, those after it are not sent. It may be
    /// cancelled at any time. To write requests again that were accepted changes nothing.
    pub async fn write(
        &self,
        requests: &[Request],
        deadline: Deadline,
    ) -> Result<Written, WriteError> {
        let mut written = Written::default();
        for request in requests {
            self.write_one(request, deadline).await?;
            written.requests += 1;
            written.samples += request.samples;
        }
        Ok(written)
    }

    async fn write_one(&self, request: &Request, deadline: Deadline) -> Result<(), WriteError> {
        let queue = &self.settings.queue;
        let pauses = ExponentialBuilder::default()
            .with_min_delay(queue.min_backoff)
            .with_max_delay(queue.max_backoff)
            .without_max_times();
        let attempts = AtomicU32::new(0);
        let attempt = || {
            attempts.fetch_add(1, Ordering::Relaxed);
            self.attempt(request, deadline)
        };
        let confirmed = attempt
            .retry(pauses)
            .when(can_pass)
            .adjust(|failure, pause| {
                let wait = pause?.max(asked_delay(failure).min(MAX_RETRY_AFTER));
                (wait < deadline.left()).then_some(wait)
            })
            .notify(|failure, pause| {
                let (endpoint, delay) = (self.name(), pause.as_secs_f64());
                debug!(endpoint, error = %failure, delay, "write request failed, retrying");
            })
            .await
            .map_err(|failure| WriteError::of(failure, attempts.load(Ordering::Relaxed)))?;
        let sent = request.samples;
        match (confirmed, request.message) {
            (Some(count), _) if count < sent as u64 => {
                Err(WriteError::Unconfirmed { sent, written: Some(count) })
            }
            // A server of version 1.0 may accept the message without understanding anything of it.
            (None, ProtobufMessage::V2) => Err(WriteError::Unconfirmed { sent, written: None }),
            _ => {
                self.metrics.count_samples(self.name(), sent);
                Ok(())
            }
        }
    }

    /// Sends a request once. Returns how many samples were written, if the server says so.
    async fn attempt(&self, request: &Request, deadline: Deadline) -> Result<Option<u64>, Failure> {
        let started = Instant::now();
        let sending = self.receiver.send(HttpRequest {
            method: Method::POST,
            path: "",
            headers: headers(request.message),
            body: request.body.clone(),
            timeout: self.settings.remote_timeout.min(deadline.left().max(MIN_TIMEOUT)),
        });
        let reply = match sending.await {
            Ok(reply) => {
                let (status, confirmed) = (reply.status(), samples_written(reply.headers()));
                // Whatever it says: the connection can be used again once it has been read.
                reply.read(MAX_RESPONSE_BYTES).await.map(|_| (status, confirmed))
            }
            Err(failure) => Err(failure),
        };
        let status = match &reply {
            Ok((status, _)) => Some(*status),
            Err(Failure::Status(refusal)) => Some(refusal.status),
            Err(Failure::NoResponse { .. }) => None,
            // No request was sent.
            Err(Failure::Setup(_)) => return reply.map(|(_, confirmed)| confirmed),
        };
        self.metrics.observe_request(self.name(), status, started.elapsed());
        reply.map(|(_, confirmed)| confirmed)
    }
}

fn headers(message: ProtobufMessage) -> HeaderMap {
    let (content_type, version) = match message {
        ProtobufMessage::V1 => ("application/x-protobuf", "0.1.0"),
        ProtobufMessage::V2 => {
            ("application/x-protobuf;proto=io.prometheus.write.v2.Request", "2.0.0")
        }
    };
    HeaderMap::from_iter([
        (CONTENT_TYPE, HeaderValue::from_static(content_type)),
        (CONTENT_ENCODING, HeaderValue::from_static("snappy")),
        (VERSION, HeaderValue::from_static(version)),
    ])
}

fn samples_written(headers: &HeaderMap) -> Option<u64> {
    headers.get(WRITTEN)?.to_str().ok()?.trim().parse().ok()
}

fn can_pass(failure: &Failure) -> bool {
    match failure {
        Failure::Setup(_) => false,
        Failure::NoResponse { .. } => true,
        Failure::Status(refusal) => failure_can_pass(refusal.status),
    }
}

/// How long the server asks to wait.
fn asked_delay(failure: &Failure) -> Duration {
    match failure {
        Failure::Status(refusal) => refusal.retry_after.unwrap_or_default(),
        Failure::Setup(_) | Failure::NoResponse { .. } => Duration::ZERO,
    }
}
