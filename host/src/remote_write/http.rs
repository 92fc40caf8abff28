//! Sends single requests to an endpoint: sign-in, TLS, proxy, redirects. No error contains a secret.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use reqwest::redirect::{Attempt, Policy};
use reqwest::{Client, Method, Proxy, Response, StatusCode};
use url::Url;

use super::failure::{Failure, no_response, read, refusal};
use crate::config::{Authentication, EndpointUrl, RemoteWriteSettings, Stamp, is_loopback};
use crate::model::Secret;
use crate::model::text::causes;

/// The name and version of the exporter.
const USER_AGENT: &str = concat!("copilot-metrics-exporter/", env!("CARGO_PKG_VERSION"));
/// How many redirects are followed.
const MAX_REDIRECTS: usize = 3;

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
    client: Arc<Mutex<Option<BuiltClient>>>,
}

/// A client, and the stamps of the files with certificates that it was built from.
struct BuiltClient {
    stamps: Vec<Stamp>,
    client: Client,
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
        let Prepared { client, headers, secrets } = self.prepare().await.map_err(Failure::Setup)?;
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

    async fn prepare(&self) -> Result<Prepared, String> {
        let (settings, base) = (Arc::clone(&self.settings), self.base.clone());
        let client = Arc::clone(&self.client);
        let is_built = client.lock().unwrap_or_else(PoisonError::into_inner).is_some();
        let prepare = move || prepare(&settings, &base, &client);
        // Reading files blocks, also those of the system's CA certificates.
        match is_built && !self.settings.has_files() {
            true => prepare(),
            false => {
                tokio::task::spawn_blocking(prepare).await.map_err(|error| error.to_string())?
            }
        }
    }
}

fn prepare(
    settings: &RemoteWriteSettings,
    base: &EndpointUrl,
    client: &Mutex<Option<BuiltClient>>,
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
    let proxy = settings.proxy_url.as_ref().and_then(|url| Url::parse(url.expose()).ok());
    secrets.extend(proxy.and_then(|url| url.password().map(Secret::new)));
    // The client is only replaced if a certificate has changed, since it keeps connections open.
    let mut client = client.lock().unwrap_or_else(PoisonError::into_inner);
    let client = match &*client {
        Some(built) if built.stamps == settings.tls.stamps() => built.client.clone(),
        _ => {
            let new = build(settings, base)?;
            client.insert(new).client.clone()
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

fn build(settings: &RemoteWriteSettings, base: &EndpointUrl) -> Result<BuiltClient, String> {
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
    Ok(BuiltClient { stamps: tls.stamps, client })
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
