//! An HTTP client for registries.
//!
//! `oci-client`, the usual crate, reads manifests of any size, panics at a token with a line break, sends
//! passwords to any server that a registry names, and follows redirects to plain HTTP (0.18). A registry
//! is not trusted with any of that here.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderValue, LOCATION};
use reqwest::{Certificate, Method, Response, StatusCode};
use url::Url;

use super::authorization::{Access, Challenge, basic, bearer, may_issue_tokens};
use super::credentials;
use super::error::OciError;
use crate::config::{ArtifactReference, RegistryOptions, is_loopback};

/// The number of redirects that are followed: registries redirect to a storage service.
const MAX_REDIRECTS: usize = 5;
/// Timeout for connecting.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// The longest response with a token or an error.
const MAX_ANSWER_BYTES: u64 = 64 << 10;

/// A client for all registries.
pub struct Client {
    http: [reqwest::Client; 2],
    options: Arc<RegistryOptions>,
    /// The headers that worked last.
    authorizations: Mutex<HashMap<(String, String, Access), HeaderValue>>,
}

/// A request to a registry.
pub(super) struct Request<'a> {
    pub what: &'static str,
    pub method: Method,
    pub url: Url,
    pub access: Access,
    pub accept: &'a str,
    /// The content and its type.
    pub body: Option<(Bytes, &'a str)>,
}

impl<'a> Request<'a> {
    /// Requests what is at a URL.
    pub(super) fn get(what: &'static str, url: Url, accept: &'a str) -> Self {
        Self { what, method: Method::GET, url, access: Access::Pull, accept, body: None }
    }
}

impl Client {
    /// A client, which honors `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`, except on this machine.
    pub fn new(options: RegistryOptions) -> reqwest::Result<Self> {
        let certificates = Certificate::from_pem_bundle(&options.ca_certificates)?;
        let builder = || {
            reqwest::Client::builder()
                .user_agent(concat!("copilot-metrics-exporter/", env!("CARGO_PKG_VERSION")))
                .tls_certs_merge(certificates.iter().cloned())
                .connect_timeout(CONNECT_TIMEOUT.min(options.timeout))
                // They are followed below, where it is known which hosts to trust.
                .redirect(reqwest::redirect::Policy::none())
                // The digests are those of the bytes as they are sent.
                .no_gzip()
        };
        let http = [builder().build()?, builder().no_proxy().build()?];
        Ok(Self { http, options: Arc::new(options), authorizations: Mutex::default() })
    }

    /// How registries are reached.
    pub fn options(&self) -> &RegistryOptions {
        &self.options
    }

    /// The URL of a path in the repository of a reference, such as `manifests/1.0`.
    pub(super) fn url(&self, reference: &ArtifactReference, path: &str) -> Result<Url, OciError> {
        let is_plain = self.options.plain_http && reference.is_loopback();
        let scheme = if is_plain { "http" } else { "https" };
        let (host, repository) = (reference.host(), reference.repository());
        Url::parse(&format!("{scheme}://{host}/v2/{repository}/{path}")).map_err(|error| {
            OciError::Response { host: host.to_owned(), reason: error.to_string() }
        })
    }

    /// Sends a request, and signs in if needed. The response has any status but 401.
    pub(super) async fn send(
        &self,
        reference: &ArtifactReference,
        request: &Request<'_>,
    ) -> Result<Response, OciError> {
        let own = self.url(reference, "")?;
        let key =
            (reference.registry().to_owned(), reference.repository().to_owned(), request.access);
        let known = self.lock().get(&key).cloned();
        let response = self.follow(reference, request, &own, known.as_ref()).await?;
        if response.status() != StatusCode::UNAUTHORIZED {
            return Ok(response);
        }
        let (header, has_password) = match response.url().origin() == own.origin() {
            true => self.sign_in(reference, request.access, &response).await?,
            // It would get a password that is not meant for it.
            false => return Err(unauthorized(response.url(), false)),
        };
        let response = self.follow(reference, request, &own, Some(&header)).await?;
        if response.status() == StatusCode::UNAUTHORIZED {
            self.lock().remove(&key);
            return Err(unauthorized(response.url(), has_password));
        }
        self.lock().insert(key, header);
        Ok(response)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<(String, String, Access), HeaderValue>> {
        self.authorizations.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends a request and follows redirects. The header is only sent to the registry itself.
    async fn follow(
        &self,
        reference: &ArtifactReference,
        request: &Request<'_>,
        own: &Url,
        authorization: Option<&HeaderValue>,
    ) -> Result<Response, OciError> {
        let mut url = request.url.clone();
        for _ in 0..=MAX_REDIRECTS {
            self.check_url(reference, own, &url)?;
            let host = host_of(&url);
            let mut builder = self.http(&url).request(request.method.clone(), url.clone());
            builder = builder.header(ACCEPT, request.accept);
            if let Some((body, content_type)) = &request.body {
                builder = builder.header(CONTENT_TYPE, *content_type).body(body.clone());
            }
            if let Some(header) = authorization.filter(|_| url.origin() == own.origin()) {
                builder = builder.header(reqwest::header::AUTHORIZATION, header.clone());
            }
            let sent = builder.send().await;
            let response = sent.map_err(|error| OciError::of_request(&host, error))?;
            let can_redirect = [Method::GET, Method::HEAD].contains(&request.method);
            if !response.status().is_redirection() || !can_redirect {
                return Ok(response);
            }
            url = location(&response)?;
        }
        let reason = "redirects too often".to_owned();
        Err(OciError::Redirect { host: reference.host().to_owned(), reason })
    }

    /// Checks that a URL may be requested: plain HTTP never leaves this machine.
    fn check_url(
        &self,
        reference: &ArtifactReference,
        own: &Url,
        url: &Url,
    ) -> Result<(), OciError> {
        let is_plain = own.scheme() == "http" && url.scheme() == "http" && is_loopback(url);
        let problem = match () {
            () if url.scheme() != "https" && !is_plain => "which is not https",
            () if !url.username().is_empty() || url.password().is_some() => {
                "with a user in the URL"
            }
            () => return Ok(()),
        };
        let reason = format!("leads to {}, {problem}", host_of(url));
        Err(OciError::Redirect { host: reference.host().to_owned(), reason })
    }

    /// Signs in as the challenge of a response says. Returns the header, and whether it took a password.
    async fn sign_in(
        &self,
        reference: &ArtifactReference,
        access: Access,
        response: &Response,
    ) -> Result<(HeaderValue, bool), OciError> {
        let host = reference.host();
        let challenge = Challenge::of(response.headers(), reference, access);
        let password = credentials::find(&self.options, reference).await?;
        let unusable =
            |reason: &str| OciError::Response { host: host.to_owned(), reason: reason.to_owned() };
        match (challenge, password) {
            (Some(Challenge::Basic), Some(password)) => {
                let header =
                    basic(&password).ok_or_else(|| unusable("the password can't be sent"))?;
                Ok((header, true))
            }
            (Some(Challenge::Basic), None) => Err(unauthorized(response.url(), false)),
            (Some(Challenge::Bearer(url)), password) => {
                self.check_url(reference, &self.url(reference, "")?, &url)?;
                if password.is_some() && !may_issue_tokens(reference, &url) {
                    let reason = format!(
                        "wants the password to be sent to {}, which is not of its own domain",
                        host_of(&url)
                    );
                    return Err(OciError::Redirect { host: host.to_owned(), reason });
                }
                let has_password = password.is_some();
                let mut request = self.http(&url).get(url.clone());
                if let Some(header) = password.as_ref().and_then(basic) {
                    request = request.header(reqwest::header::AUTHORIZATION, header);
                }
                let sent = request.send().await;
                let response = sent.map_err(|error| OciError::of_request(&host_of(&url), error))?;
                match response.status() {
                    StatusCode::OK => {}
                    StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                        return Err(unauthorized(&url, has_password));
                    }
                    _ => return Err(failure(response, "a token").await),
                }
                let answer = read(response, MAX_ANSWER_BYTES, "token").await?;
                let header = bearer(&answer).ok_or_else(|| unusable("it has no valid token"))?;
                Ok((header, has_password))
            }
            (None, _) => Err(unusable("its status 401 does not say how to sign in")),
        }
    }

    fn http(&self, url: &Url) -> &reqwest::Client {
        let [proxied, direct] = &self.http;
        if is_loopback(url) { direct } else { proxied }
    }
}

/// The host of a URL, and its port if it is not the default one.
pub(super) fn host_of(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

fn unauthorized(url: &Url, has_password: bool) -> OciError {
    OciError::Unauthorized { host: host_of(url), has_password }
}

/// Where a response leads.
pub(super) fn location(response: &Response) -> Result<Url, OciError> {
    let text = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
    let url = text.and_then(|text| response.url().join(text).ok());
    url.ok_or_else(|| OciError::Response {
        host: host_of(response.url()),
        reason: "it has no valid location".to_owned(),
    })
}

/// Reads a response of at most `limit` bytes.
pub(super) async fn read(
    mut response: Response,
    limit: u64,
    what: &'static str,
) -> Result<Bytes, OciError> {
    let too_large = OciError::TooLarge { what, limit };
    let length = response.content_length().unwrap_or_default();
    if length > limit {
        return Err(too_large);
    }
    let host = host_of(response.url());
    let mut bytes = BytesMut::with_capacity(usize::try_from(length).unwrap_or_default());
    while let Some(chunk) =
        response.chunk().await.map_err(|error| OciError::of_request(&host, error))?
    {
        if bytes.len() as u64 + chunk.len() as u64 > limit {
            return Err(too_large);
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes.freeze())
}

/// The error of a response that is not successful. Of its body, only the code is quoted.
pub(super) async fn failure(response: Response, what: &'static str) -> OciError {
    let (status, host) = (response.status().as_u16(), host_of(response.url()));
    let body = read(response, MAX_ANSWER_BYTES, what).await.unwrap_or_default();
    let body: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
    let code = body.pointer("/errors/0/code").and_then(serde_json::Value::as_str);
    let is_code = |code: &&str| {
        code.len() <= 50 && code.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_')
    };
    let code = code.filter(is_code).map(str::to_owned);
    OciError::Status { host, status, what, code }
}
