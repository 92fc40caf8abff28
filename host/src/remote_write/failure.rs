//! Why requests failed: no response, or an error response and what it says. No text contains a secret.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::Response;
use reqwest::header::CONTENT_TYPE;
use serde::Deserialize;
use thiserror::Error;

use crate::github::retry_after;
use crate::model::Secret;
use crate::model::mask::mask;
use crate::model::text::{causes, sanitize};

/// How much of an error response is read, in bytes.
const MAX_ERROR_BYTES: usize = 64 << 10;
/// How many characters of a server's message are kept.
const MAX_MESSAGE_CHARS: usize = 300;
/// Why a request failed.
#[derive(Clone, Debug, Error)]
pub enum Failure {
    /// It can't be sent, such as because a file with a password is missing.
    #[error("{0}")]
    Setup(String),
    /// There was no complete response.
    #[error("no complete response from {host}: {reason}")]
    NoResponse {
        /// Host and port.
        host: String,
        /// What happened.
        reason: String,
    },
    /// The server returned an error status.
    #[error("{0}")]
    Status(Refusal),
}

/// An error response.
#[derive(Clone, Debug, Error)]
#[error("status {status}{}", if message.is_empty() { String::new() } else { format!(": {message}") })]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// The first line of what the server says about it; empty if it says nothing.
    pub message: String,
    /// When to retry, if the server says so.
    pub retry_after: Option<Duration>,
}

/// A failure without a complete response.
pub(super) fn no_response(host: String, error: reqwest::Error) -> Failure {
    // The text would contain the URL.
    Failure::NoResponse { host, reason: mask(&causes(&error.without_url()), None) }
}

/// Reads a body; `None` if it is longer than the limit.
pub(super) async fn read(mut response: Response, limit: usize) -> reqwest::Result<Option<Bytes>> {
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > limit {
            return Ok(None);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Some(body.freeze()))
}

/// Reads an error response.
pub(super) async fn refusal(response: Response, secrets: &[Secret]) -> Refusal {
    let status = response.status();
    let retry_after = retry_after(response.headers());
    let content_type = response.headers().get(CONTENT_TYPE);
    let content_type = content_type.and_then(|value| value.to_str().ok()).unwrap_or_default();
    let message = if status.is_redirection() {
        "it redirects the request".to_owned()
    } else if content_type.to_ascii_lowercase().starts_with("text/html") {
        "it sent a web page".to_owned()
    } else {
        let body = read(response, MAX_ERROR_BYTES).await.ok().flatten().unwrap_or_default();
        message(&String::from_utf8_lossy(&body), secrets)
    };
    Refusal { status: status.as_u16(), message, retry_after }
}

/// The first line of a server's message, or its message in JSON, without secrets.
fn message(body: &str, secrets: &[Secret]) -> String {
    /// Prometheus' query API has `error`, others have `message`.
    #[derive(Deserialize)]
    struct Answer {
        #[serde(alias = "message")]
        error: String,
    }
    let text = match serde_json::from_str::<Answer>(body) {
        Ok(answer) => answer.error,
        Err(_) => body.to_owned(),
    };
    let line = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    // Whatever contains a part of a secret at the cut is masked before it is cut.
    let masked =
        secrets.iter().fold(line.to_owned(), |text, secret| mask(&text, Some(secret.expose())));
    sanitize(&mask(&masked, None)).chars().take(MAX_MESSAGE_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_servers_message_the_first_line_is_kept_without_secrets() {
        let secrets = [Secret::new("hunter2hunter2"), Secret::new("s3cr3ts3cr3t")];
        let echo = "\n out of bounds: s3cr3ts3cr3t, Basic hunter2hunter2\u{7} \nsecond line";
        assert_eq!(message(echo, &secrets), "out of bounds: ***, Basic ***");
        let json = r#"{"status":"error","errorType":"bad_data","error":"invalid \"time\""}"#;
        assert_eq!(message(json, &secrets), "invalid \"time\"");
        assert_eq!(message("", &secrets), "");
        assert_eq!(message(&"a".repeat(1000), &secrets).len(), MAX_MESSAGE_CHARS);
        let cut = format!("{}hunter2hunter2", "a ".repeat(148));
        assert!(!message(&cut, &secrets).contains("hunter2"));
    }
}
