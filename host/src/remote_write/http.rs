//! Sends single requests to an endpoint: sign-in, TLS, proxy, redirects. No error contains a secret.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::{Bytes, BytesMut};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::redirect::{Attempt, Policy};
use reqwest::{Client, Method, Proxy, Response, StatusCode};
use serde::Deserialize;
use thiserror::Error;
use url::Url;

use crate::config::{Authentication, EndpointUrl, RemoteWriteSettings, Stamp, is_loopback};
use crate::github::retry_after;
use crate::model::Secret;
use crate::model::mask::mask;
use crate::model::text::{causes, sanitize};

/// The name and version of the exporter.
const USER_AGENT: &str = concat!("copilot-metrics-exporter/", env!("CARGO_PKG_VERSION"));
/// How much of an error response is read, in bytes.
const MAX_ERROR_BYTES: usize = 64 << 10;
/// How many characters of a server's message are kept.
const MAX_MESSAGE_CHARS: usize = 300;
/// How many redirects are followed.
const MAX_REDIRECTS: usize = 3;

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

/// A request.
pub(super) struct HttpRequest {
    pub method: Method,
    /// What follows the path of the base URL.
    pub path: &'static str,
    pub headers: HeaderMap,
    pub body: Bytes,
    /// Timeout including the whole response.
    pub timeout: Duration,
}

impl HttpRequest {
    /// A GET request below the base URL.
    pub(super) fn get(path: &'static str, timeout: Duration) -> Self {
        let (headers, body) = (HeaderMap::new(), Bytes::new());
        Self { method: Method::GET, path, headers, body, timeout }
    }
}

/// A successful response.
pub(super) struct Reply {
    response: Response,
    host: String,
}

impl Reply {
    pub(super) fn headers(&self) -> &HeaderMap {
        self.response.headers()
    }

    pub(super) fn status(&self) -> u16 {
        self.response.status().as_u16()
    }

    /// The body; `None` if it is longer than the limit.
    pub(super) async fn read(self, limit: usize) -> Result<Option<Bytes>, Failure> {
        let host = self.host;
        read(self.response, limit).await.map_err(|error| no_response(host, error))
    }
}

/// Sends requests to one base URL. Files with secrets and certificates are read again for each request.
pub(super) struct Http {
    settings: Arc<RemoteWriteSettings>,
    base: EndpointUrl,
    /// The client, and the stamps of the files with certificates that it was made of.
    client: Arc<Mutex<Option<(Vec<Stamp>, Client)>>>,
}

/// What is read before each request.
struct Prepared {
    client: Client,
    headers: HeaderMap,
    /// What must not be in a message.
    secrets: Vec<Secret>,
}

impl Http {
    pub(super) fn new(settings: &Arc<RemoteWriteSettings>, base: &EndpointUrl) -> Self {
        Self { settings: Arc::clone(settings), base: base.clone(), client: Arc::default() }
    }

    /// Sends a request. An error status is a failure.
    pub(super) async fn send(&self, request: HttpRequest) -> Result<Reply, Failure> {
        let (settings, base) = (Arc::clone(&self.settings), self.base.clone());
        let client = Arc::clone(&self.client);
        // Reading files blocks.
        let prepared =
            tokio::task::spawn_blocking(move || prepare(&settings, &base, &client)).await;
        let prepared = prepared.map_err(|error| Failure::Setup(error.to_string()))?;
        let Prepared { client, headers, secrets } = prepared.map_err(Failure::Setup)?;
        let mut url = self.base.expose().clone();
        if !request.path.is_empty() {
            let path = format!("{}{}", url.path().trim_end_matches('/'), request.path);
            url.set_path(&path);
        }
        let sending = client.request(request.method, url).timeout(request.timeout);
        let sending = sending.headers(headers).headers(request.headers).body(request.body);
        let host = self.base.host();
        match sending.send().await {
            Ok(response) if response.status().is_success() => Ok(Reply { response, host }),
            Ok(response) => Err(Failure::Status(refusal(response, &secrets).await)),
            Err(error) => Err(no_response(host, error)),
        }
    }
}

fn prepare(
    settings: &RemoteWriteSettings,
    base: &EndpointUrl,
    client: &Mutex<Option<(Vec<Stamp>, Client)>>,
) -> Result<Prepared, String> {
    let mut secrets: Vec<Secret> = settings.headers.values().cloned().collect();
    let mut headers = HeaderMap::new();
    for (name, value) in &settings.headers {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|error| error.to_string())?;
        headers.insert(name, sensitive(value.expose())?);
    }
    let authorization = match &settings.authentication {
        Authentication::None => None,
        Authentication::Basic { username, password } => {
            let (username, password) = (username.read()?, password.read()?);
            let pair = STANDARD.encode(format!("{}:{}", username.expose(), password.expose()));
            secrets.extend([password, Secret::new(pair.as_str())]);
            Some(format!("Basic {pair}"))
        }
        Authentication::Header { scheme, credentials } => {
            let credentials = credentials.read()?;
            let value = format!("{scheme} {}", credentials.expose());
            secrets.push(credentials);
            Some(value)
        }
    };
    if let Some(value) = authorization {
        headers.insert(AUTHORIZATION, sensitive(&value)?);
    }
    let values = settings.url.expose().query_pairs();
    secrets.extend(values.map(|(_, value)| Secret::new(value.into_owned())));
    // The client is only replaced if a certificate has changed, since it keeps connections open.
    let mut client = client.lock().unwrap_or_else(PoisonError::into_inner);
    let client = match &*client {
        Some((stamps, client)) if *stamps == settings.tls.stamps() => client.clone(),
        _ => {
            let (stamps, new) = build(settings, base)?;
            client.insert((stamps, new)).1.clone()
        }
    };
    Ok(Prepared { client, headers, secrets })
}

fn sensitive(text: &str) -> Result<HeaderValue, String> {
    let value = HeaderValue::from_bytes(text.as_bytes());
    let mut value = value.map_err(|_| "a header contains a control character".to_owned())?;
    value.set_sensitive(true);
    Ok(value)
}

fn build(
    settings: &RemoteWriteSettings,
    base: &EndpointUrl,
) -> Result<(Vec<Stamp>, Client), String> {
    let tls = settings.tls.read()?;
    let mut builder = Client::builder()
        .user_agent(USER_AGENT)
        .tls_danger_accept_invalid_certs(settings.tls.insecure_skip_verify)
        .connect_timeout(settings.remote_timeout)
        .redirect(Policy::custom(|attempt| match may_follow(&attempt) {
            true => attempt.follow(),
            false => attempt.stop(),
        }));
    if let Some(certificates) = tls.ca {
        builder = builder.tls_certs_only(certificates);
    }
    if let Some(identity) = tls.identity {
        builder = builder.identity(identity);
    }
    if let Some(version) = settings.tls.min_version {
        builder = builder.tls_version_min(version);
    }
    // Otherwise, the client honors HTTPS_PROXY, HTTP_PROXY and NO_PROXY.
    if let Some(proxy) = &settings.proxy_url {
        let proxy = Proxy::all(proxy.expose()).map_err(|_| "proxy_url is not usable".to_owned())?;
        builder = builder.proxy(proxy);
    } else if is_loopback(base.expose()) {
        builder = builder.no_proxy();
    }
    let client = builder.build().map_err(|error| causes(&error.without_url()))?;
    Ok((tls.stamps, client))
}

/// Whether a redirect is followed: credentials only go to the server that they are meant for, and other
/// statuses would turn a POST request into a GET request.
fn may_follow(attempt: &Attempt<'_>) -> bool {
    let keeps_method =
        matches!(attempt.status(), StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT);
    let previous = attempt.previous();
    let is_same = |url: &Url| url.origin() == attempt.url().origin();
    keeps_method && previous.len() <= MAX_REDIRECTS && previous.last().is_some_and(is_same)
}

fn no_response(host: String, error: reqwest::Error) -> Failure {
    // The text would contain the URL.
    Failure::NoResponse { host, reason: mask(&causes(&error.without_url()), None) }
}

async fn read(mut response: Response, limit: usize) -> reqwest::Result<Option<Bytes>> {
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > limit {
            return Ok(None);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Some(body.freeze()))
}

async fn refusal(response: Response, secrets: &[Secret]) -> Refusal {
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
