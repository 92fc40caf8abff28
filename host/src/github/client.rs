//! Requests a target's documents, signed in and within the rate limit.

use std::sync::Arc;

use reqwest::Method;
use reqwest::header::{ETAG, HeaderMap};
use serde::Deserialize;
use url::Url;

use super::authorization::Authorization;
use super::credential::{Credential, Credentials};
use super::error::FetchError;
use super::hosts::{is_own, may_download};
use super::rate_limit::{Labels, RateLimit, Weight};
use super::response::too_large;
use super::transport::{Reply, Request, Transport, url_of};
use crate::body::Body;
use crate::config::CredentialSettings;
use crate::model::digest::sha256;
use crate::model::{Document, Part, Target, Validator};

/// The largest response with download links, in bytes.
const MAX_ENVELOPE_BYTES: u64 = 1 << 20;
/// The longest ETag that is kept, in bytes.
const MAX_ETAG_BYTES: usize = 256;

/// A request to the API.
#[derive(Clone, Copy)]
pub(super) struct ApiRequest<'a> {
    /// The path and query.
    pub path: &'a str,
    /// The permission that it requires, for the error if GitHub refuses it.
    pub permission: Option<&'a str>,
}

impl<'a> ApiRequest<'a> {
    /// The request for another page of the same list.
    pub(super) fn page(self, path: &'a str) -> Self {
        Self { path, ..self }
    }
}

/// Fetches the documents of one target.
pub struct Client {
    transport: Transport,
    credential: Arc<Credential>,
    api: Url,
    target: Target,
    /// The least that each request matters to the rate limit.
    weight: Weight,
}

impl Client {
    /// Creates a client for a target.
    pub fn new(
        transport: Transport,
        credentials: &Credentials,
        credential: &Arc<CredentialSettings>,
        api: &Url,
        target: &Target,
    ) -> Self {
        Self {
            transport,
            credential: credentials.get(credential, api),
            api: api.clone(),
            target: target.clone(),
            weight: Weight::Single,
        }
    }

    /// Leaves a fifth of the hourly requests to others, as pages of long lists do: for work that is not
    /// urgent.
    pub fn leaving_reserve(self) -> Self {
        Self { weight: Weight::Bulk, ..self }
    }

    /// Whose rate limit its requests count toward, and the requests per hour that it allows, if GitHub has
    /// reported that. The installation of an App is empty until it has signed in, unless it is set.
    pub fn rate_limit(&self) -> (Labels, Option<i64>) {
        self.credential.rate_limit(&self.target)
    }

    /// The rate limit that its requests count toward, with a digest that is the same in every replica, after
    /// signing in if needed. `None`: that failed, as the next request will.
    pub async fn signed_in_limit(&self) -> Option<(String, Arc<RateLimit>)> {
        let authorization = self.credential.authorize(&self.transport, &self.target).await;
        let rate = authorization.ok()?.rate;
        Some((self.credential.digest_of(&rate), rate))
    }

    /// The same without signing in.
    pub fn known_limit(&self) -> Option<(String, Arc<RateLimit>)> {
        let rate = self.credential.known_limit(&self.target)?;
        Some((self.credential.digest_of(&rate), rate))
    }

    /// Whether each organization and enterprise has its own rate limit with this credential, as with an App
    /// that is installed in each of them.
    pub fn has_own_limit(&self) -> bool {
        self.credential.has_own_limits()
    }

    /// Creates a request to the API.
    pub(super) fn request<'a>(&self, path: &'a str, permission: Option<&'a str>) -> ApiRequest<'a> {
        ApiRequest { path, permission }
    }

    /// Maximum size of a document, all parts together.
    pub(super) fn max_document_bytes(&self) -> u64 {
        self.transport.options().max_document_bytes
    }

    /// The target.
    pub(super) fn target(&self) -> &Target {
        &self.target
    }

    /// How many more bytes a document may have after `parts`.
    pub(super) fn left(&self, what: &str, parts: &[Part]) -> Result<u64, FetchError> {
        let limit = self.max_document_bytes();
        let bytes: u64 = parts.iter().map(|part| part.body.length()).sum();
        limit.checked_sub(bytes).ok_or_else(|| too_large(what, limit))
    }

    /// Requests a part of a document, and takes it from `old` if GitHub says that it has not changed.
    /// `None` if there is no content (204).
    pub(super) async fn get_part(
        &self,
        request: &ApiRequest<'_>,
        old: Option<&Document>,
        limit: u64,
        weight: Weight,
    ) -> Result<Option<(Part, HeaderMap)>, FetchError> {
        let resource = sha256([request.path]);
        let known = old.and_then(|old| old.part_of(&resource));
        let etag = known.and_then(|part| part.etag());
        let reply = self.transport.retrying(|| self.attempt(request, etag, limit, weight)).await?;
        Ok(match reply {
            Reply::Empty => None,
            Reply::Content(body, headers) => Some((
                Part { body, validator: validator(resource, &headers), next: None, day: None },
                headers,
            )),
            Reply::NotModified(headers) => known.map(|part| (part.clone(), headers)),
        })
    }

    /// Requests a small JSON document. `None` if there is no content (204).
    pub(super) async fn get_json<T: for<'de> Deserialize<'de>>(
        &self,
        request: &ApiRequest<'_>,
    ) -> Result<Option<T>, FetchError> {
        let attempt = || self.attempt(request, None, MAX_ENVELOPE_BYTES, Weight::Single);
        match self.transport.retrying(attempt).await? {
            Reply::Empty | Reply::NotModified(_) => Ok(None),
            Reply::Content(body, _) => decode(request.path, &body).map(Some),
        }
    }

    /// Downloads a file of a report, or takes it from `old`. The link itself grants access.
    pub(super) async fn download(
        &self,
        what: &str,
        link: &str,
        old: Option<&Document>,
        limit: u64,
    ) -> Result<Part, FetchError> {
        let refused = |reason: &str| FetchError::answer(what, format!("a download link {reason}"));
        let url = Url::parse(link).map_err(|_| refused("is not a valid URL"))?;
        let configured = &self.transport.options().download_hosts;
        may_download(&self.api, configured, &url).map_err(|reason| refused(&reason))?;
        let resource = resource_of(&url);
        let known = old.and_then(|old| old.part_of(&resource));
        let trusted = |url: &Url| may_download(&self.api, configured, url).is_ok();
        let request = Request {
            what,
            permission: None,
            method: Method::GET,
            url,
            token: None,
            etag: known.and_then(|part| part.etag()),
            limit,
            trusted: &trusted,
            rate: None,
        };
        match self.transport.retrying(|| self.transport.exchange(&request)).await? {
            Reply::Content(body, headers) => {
                Ok(Part { body, validator: validator(resource, &headers), next: None, day: None })
            }
            Reply::NotModified(_) => {
                known.cloned().ok_or_else(|| refused("leads to an empty response"))
            }
            Reply::Empty => Err(refused("leads to an empty response")),
        }
    }

    /// Sends a request to the API once, or twice if the token has been replaced in the meantime.
    async fn attempt(
        &self,
        request: &ApiRequest<'_>,
        etag: Option<&str>,
        limit: u64,
        weight: Weight,
    ) -> Result<Reply, FetchError> {
        let authorization = self.credential.authorize(&self.transport, &self.target).await;
        let authorization = authorization.map_err(FetchError::of_sign_in)?;
        match self.exchange(request, etag, limit, weight, &authorization).await {
            Err(error @ FetchError::Status { status: 401, .. }) => {
                let refused = &authorization.token;
                let renewed = self.credential.renew(&self.transport, &self.target, refused).await;
                match renewed.map_err(FetchError::of_sign_in)? {
                    Some(renewed) => self.exchange(request, etag, limit, weight, &renewed).await,
                    None => Err(error),
                }
            }
            reply => reply,
        }
    }

    async fn exchange(
        &self,
        request: &ApiRequest<'_>,
        etag: Option<&str>,
        limit: u64,
        weight: Weight,
        authorization: &Authorization,
    ) -> Result<Reply, FetchError> {
        let url = url_of(&self.api, request.path)?;
        let trusted = |url: &Url| is_own(&self.api, url);
        let request = Request {
            what: request.path,
            permission: request.permission,
            method: Method::GET,
            url,
            token: Some(&authorization.token),
            etag,
            limit,
            trusted: &trusted,
            rate: Some((&authorization.rate, weight.max(self.weight))),
        };
        self.transport.exchange(&request).await
    }

    /// The path and query of a URL, if it belongs to this API.
    pub(super) fn own_path(&self, url: &str) -> Option<String> {
        let url = Url::parse(url).ok().filter(|url| is_own(&self.api, url))?;
        let base = self.api.path().trim_end_matches('/');
        let path = url.path().strip_prefix(base)?;
        Some(url.query().map_or_else(|| path.to_owned(), |query| format!("{path}?{query}")))
    }
}

/// Identifies the target of a link without its signature: two links to the same file are the same
/// resource.
pub(super) fn resource_of(link: &Url) -> String {
    let mut url = link.clone();
    url.set_query(None);
    url.set_fragment(None);
    sha256([url.as_str()])
}

fn validator(resource: String, headers: &HeaderMap) -> Option<Validator> {
    let etag = headers.get(ETAG).and_then(|value| value.to_str().ok());
    let etag = etag.filter(|etag| etag.len() <= MAX_ETAG_BYTES).map(str::to_owned);
    Some(Validator { resource, etag })
}

pub(super) fn decode<T: for<'de> Deserialize<'de>>(
    path: &str,
    body: &Body,
) -> Result<T, FetchError> {
    serde_json::from_reader(body.reader()).map_err(|error| {
        // serde's error may quote the response, which contains signed links.
        let (line, column) = (error.line(), error.column());
        FetchError::answer(path, format!("not the expected JSON (line {line}, column {column})"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_links_to_the_same_file_are_the_same_resource() {
        let resource = |link: &str| resource_of(&link.parse().unwrap());
        let first = resource("https://files.example/a/1.json?se=1&sig=x");
        assert_eq!(first, resource("https://files.example/a/1.json?se=2&sig=y"));
        assert_ne!(first, resource("https://files.example/a/2.json?se=1&sig=x"));
        assert!(!first.contains("sig"));
    }
}
