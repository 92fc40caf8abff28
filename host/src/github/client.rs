//! Sends requests to GitHub, with the token and nowhere else.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderMap, HeaderName, HeaderValue, LOCATION};
use reqwest::{Response, StatusCode};
use serde::Deserialize;
use url::Url;

use super::body::{Body, BodyWriter};
use super::error::FetchError;
use crate::secret::Secret;
use crate::telemetry::Telemetry;

/// How long it may take to connect.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a server may be silent, before its answer or within it.
const READ_TIMEOUT: Duration = Duration::from_secs(30);
/// The greatest document that is taken, all parts together: the users report of 100,000
/// developers has some hundred megabytes. In memory it takes a tenth or less.
pub(super) const MAX_DOCUMENT_BYTES: u64 = 4 << 30;
/// The greatest answer with download links or an error.
const MAX_SMALL_BYTES: usize = 1 << 20;
/// How many redirects are followed, all within the API's own host (a renamed organization has one).
const MAX_REDIRECTS: usize = 3;
/// How much of GitHub's error message is kept.
const MAX_MESSAGE_CHARS: usize = 300;

/// A client of one GitHub, with one token.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    api: Url,
    token: Secret,
    telemetry: Arc<Telemetry>,
}

impl Client {
    /// A client of the API at `api`, such as `https://api.github.com`.
    pub fn new(api: Url, token: Secret, telemetry: Arc<Telemetry>) -> Result<Self, reqwest::Error> {
        let mut http = reqwest::Client::builder();
        if is_loopback(&api) {
            // A proxy could not reach a server on this machine, and would see the token.
            http = http.no_proxy();
        }
        let http = http
            .user_agent(concat!("copilot-metrics-exporter/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(READ_TIMEOUT)
            // Redirects are followed here, where it is known whom to trust.
            .redirect(reqwest::redirect::Policy::none())
            .build()?;
        Ok(Self { http, api, token, telemetry })
    }

    /// GETs a document's body. `None`: there is nothing (204).
    pub(super) async fn get_body(&self, path: &str) -> Result<Option<Body>, FetchError> {
        match self.get(path).await? {
            Some(response) => read_body(path, response).await.map(Some),
            None => Ok(None),
        }
    }

    /// GETs a small JSON answer. `None`: there is nothing (204).
    pub(super) async fn get_json<T: for<'de> Deserialize<'de>>(
        &self,
        path: &str,
    ) -> Result<Option<T>, FetchError> {
        let Some(response) = self.get(path).await? else { return Ok(None) };
        let bytes = read_small(path, response).await?;
        serde_json::from_slice(&bytes).map(Some).map_err(|error| FetchError::Answer {
            what: path.to_owned(),
            // serde's text may quote the answer, which has signed links.
            reason: format!(
                "it is not the expected JSON (line {}, column {})",
                error.line(),
                error.column()
            ),
        })
    }

    /// GETs a path of the API, with the token.
    pub(super) async fn get(&self, path: &str) -> Result<Option<Response>, FetchError> {
        let base = self.api.as_str().trim_end_matches('/');
        let mut url = Url::parse(&format!("{base}{path}")).map_err(|error| {
            FetchError::Request { what: path.to_owned(), reason: error.to_string() }
        })?;
        for _ in 0..=MAX_REDIRECTS {
            self.telemetry.count_github_request();
            let sent = self.http.get(url.clone()).headers(self.headers()).send().await;
            let response = sent.map_err(|error| FetchError::request(path, error))?;
            self.telemetry.set_rate_limit(response.headers());
            match response.status() {
                StatusCode::NO_CONTENT => return Ok(None),
                status if status.is_success() => return Ok(Some(response)),
                status if status.is_redirection() => url = self.redirect(path, &url, &response)?,
                status => return Err(refused(path, status, response).await),
            }
        }
        Err(FetchError::Answer { what: path.to_owned(), reason: "too many redirects".to_owned() })
    }

    /// GETs a report's file. The link is its own key: the token would be refused, and leaked.
    pub(super) async fn download(&self, what: &str, link: &str) -> Result<Body, FetchError> {
        let refused_link = |reason: &str| FetchError::Answer {
            what: what.to_owned(),
            reason: format!("a download link {reason}"),
        };
        let url = Url::parse(link).map_err(|_| refused_link("is no URL"))?;
        // Plain HTTP is for a stand-in on the same terms as the API itself.
        if url.scheme() != "https" && url.scheme() != self.api.scheme() {
            return Err(refused_link("is not https"));
        }
        self.telemetry.count_github_request();
        let sent = self.http.get(url).send().await;
        let response = sent.map_err(|error| FetchError::request(what, error))?;
        match response.status() {
            StatusCode::OK => read_body(what, response).await,
            // The body may quote the link.
            status => Err(FetchError::Status {
                status: status.as_u16(),
                what: what.to_owned(),
                message: None,
            }),
        }
    }

    fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/vnd.github+json"));
        let version = HeaderName::from_static("x-github-api-version");
        headers.insert(version, HeaderValue::from_static("2022-11-28"));
        // The settings have checked that the token is a header's value.
        if let Ok(mut value) = HeaderValue::from_str(&format!("Bearer {}", self.token.expose())) {
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        headers
    }

    /// The address of a redirect, if it stays at the API's own host.
    fn redirect(&self, what: &str, from: &Url, response: &Response) -> Result<Url, FetchError> {
        let location = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
        let to = location.and_then(|location| from.join(location).ok());
        to.filter(|to| self.is_own(to)).ok_or_else(|| FetchError::Answer {
            what: what.to_owned(),
            reason: "it redirects to another host, which must not get the token".to_owned(),
        })
    }

    /// The path and query of a URL, if it is one of this API.
    pub(super) fn own_path(&self, url: &str) -> Option<String> {
        let url = Url::parse(url).ok().filter(|url| self.is_own(url))?;
        let base = self.api.path().trim_end_matches('/');
        let path = url.path().strip_prefix(base)?;
        Some(url.query().map_or_else(|| path.to_owned(), |query| format!("{path}?{query}")))
    }

    fn is_own(&self, url: &Url) -> bool {
        url.origin() == self.api.origin()
    }
}

/// Whether the URL is one of this machine.
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// Compresses a body as it arrives.
pub(super) async fn read_body(what: &str, response: Response) -> Result<Body, FetchError> {
    let failed = |reason: String| FetchError::Request { what: what.to_owned(), reason };
    let mut writer = BodyWriter::new();
    let mut chunks = chunks(what, response);
    while let Some(chunk) = chunks.next().await {
        writer.write(&chunk?).map_err(|error| failed(error.to_string()))?;
        if writer.length() > MAX_DOCUMENT_BYTES {
            return Err(failed(format!("it is larger than {} GiB", MAX_DOCUMENT_BYTES >> 30)));
        }
    }
    writer.finish().map_err(|error| failed(error.to_string()))
}

async fn read_small(what: &str, response: Response) -> Result<Vec<u8>, FetchError> {
    let mut bytes = Vec::new();
    let mut chunks = chunks(what, response);
    while let Some(chunk) = chunks.next().await {
        bytes.extend_from_slice(&chunk?);
        if bytes.len() > MAX_SMALL_BYTES {
            let reason = format!("it is larger than {} MiB", MAX_SMALL_BYTES >> 20);
            return Err(FetchError::Answer { what: what.to_owned(), reason });
        }
    }
    Ok(bytes)
}

fn chunks(what: &str, response: Response) -> impl Stream<Item = Result<Bytes, FetchError>> + Unpin {
    response
        .bytes_stream()
        .map(move |chunk| chunk.map_err(|error| FetchError::request(what, error)))
}

/// Reads GitHub's message out of an error answer.
async fn refused(what: &str, status: StatusCode, response: Response) -> FetchError {
    #[derive(Deserialize)]
    struct Answer {
        message: String,
    }
    let body = read_small(what, response).await.unwrap_or_default();
    let message = serde_json::from_slice::<Answer>(&body).ok().map(|answer| {
        answer.message.chars().filter(|c| !c.is_control()).take(MAX_MESSAGE_CHARS).collect()
    });
    FetchError::Status { status: status.as_u16(), what: what.to_owned(), message }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::Cache;

    fn client(api: &str) -> Client {
        let telemetry = Telemetry::new(Arc::new(Cache::default())).unwrap();
        Client::new(api.parse().unwrap(), Secret::new("t"), Arc::new(telemetry)).unwrap()
    }

    #[test]
    fn the_next_page_is_followed_at_the_same_server_only() {
        let github = client("https://api.github.com");
        let next = "https://api.github.com/orgs/o/copilot/billing/seats?page=2";
        assert_eq!(github.own_path(next).unwrap(), "/orgs/o/copilot/billing/seats?page=2");
        for foreign in [
            "https://api.github.com.evil.example/orgs",
            "http://api.github.com/orgs",
            "https://api.github.com:444/orgs",
            "/orgs",
        ] {
            assert_eq!(github.own_path(foreign), None, "{foreign}");
        }
    }

    #[test]
    fn an_enterprise_server_has_its_api_under_a_path() {
        for api in ["https://ghes.example/api/v3", "https://ghes.example/api/v3/"] {
            let next = client(api).own_path("https://ghes.example/api/v3/orgs/o?page=2");
            assert_eq!(next.unwrap(), "/orgs/o?page=2");
        }
    }
}
