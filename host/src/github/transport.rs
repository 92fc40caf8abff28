//! Sends single requests, politely: few at once to the same host, with timeouts, and retries only
//! where they can help.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use backon::{ExponentialBuilder, Retryable};
use jiff::Timestamp;
use reqwest::header::{
    ACCEPT, AUTHORIZATION, HeaderMap, HeaderName, HeaderValue, IF_NONE_MATCH, LOCATION,
};
use reqwest::{Certificate, Method, Response, StatusCode};
use serde::Deserialize;
use thiserror::Error;
use tokio::sync::Semaphore;
use tracing::{debug, info};
use url::Url;

use super::error::FetchError;
use super::metrics::Metrics;
use super::rate_limit::{RateLimit, Weight, retry_after, server_time};
use super::refusal::Refusal;
use super::response::{is_web_page, read, web_page};
use crate::body::{Body, Spool};
use crate::config::GithubOptions;
use crate::config::is_loopback;
use crate::model::Secret;
use crate::model::mask::mask;

/// The largest error response, in bytes.
const MAX_ERROR_BYTES: u64 = 1 << 20;
/// How many characters of GitHub's error message are kept.
const MAX_MESSAGE_CHARS: usize = 300;
/// How many redirects are followed (a renamed organization causes one).
const MAX_REDIRECTS: usize = 3;
/// The longest delay before a retry.
const MAX_RETRY_DELAY: Duration = Duration::from_secs(30);
/// The longest wait of a single request for its rate limit; beyond that, it fails for now. Long lists
/// wait as long as it takes, because starting over would cost more requests.
const MAX_PAUSE: Duration = Duration::from_secs(90);

/// Why no request can be sent at all.
#[derive(Debug, Error)]
pub enum TransportError {
    /// The HTTP client could not be created.
    #[error("failed to create the HTTP client: {0}")]
    Client(#[from] reqwest::Error),
}

/// Told of every attempt that failed, and how long it is until the next one.
pub type OnRetry = Arc<dyn Fn(&FetchError, Duration) + Send + Sync>;

/// Sends all requests. Clones share their limits.
#[derive(Clone)]
pub struct Transport {
    proxied: reqwest::Client,
    /// For servers on this machine, which a proxy could not reach.
    direct: reqwest::Client,
    options: Arc<GithubOptions>,
    hosts: Arc<Mutex<HashMap<String, Arc<Host>>>>,
    spool: Spool,
    metrics: Metrics,
    on_retry: Option<OnRetry>,
}

struct Host {
    slots: Semaphore,
    /// How many seconds its clock is ahead of this machine's.
    skew: AtomicI64,
}

/// A request.
pub(super) struct Request<'a> {
    /// What is requested, for errors: no link and no secret.
    pub what: &'a str,
    /// The permission that it requires, for the error if it is refused.
    pub permission: Option<&'a str>,
    pub method: Method,
    pub url: Url,
    /// None for links, which grant access themselves: a token would be refused, and leaked.
    pub token: Option<&'a Secret>,
    /// The ETag of the stored version.
    pub etag: Option<&'a str>,
    /// Maximum size of the body, in bytes.
    pub limit: u64,
    /// Whether a redirect to a URL may be followed.
    pub trusted: &'a (dyn Fn(&Url) -> bool + Send + Sync),
    /// The rate limit that it counts toward, and its weight.
    pub rate: Option<(&'a RateLimit, Weight)>,
}

impl Request<'_> {
    fn succeeded(&self) {
        if let Some((rate, _)) = self.rate {
            rate.succeeded();
        }
    }
}

/// A successful response.
pub(super) enum Reply {
    /// The requested content.
    Content(Body, HeaderMap),
    /// The content has not changed (304).
    NotModified(HeaderMap),
    /// There is no content (204).
    Empty,
}

impl Transport {
    /// Creates the HTTP clients, which honor `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`. The bodies of
    /// responses go to `spool`.
    pub fn new(
        options: GithubOptions,
        spool: Spool,
        metrics: Metrics,
    ) -> Result<Self, TransportError> {
        let certificates = Certificate::from_pem_bundle(&options.ca_certificates)?;
        let builder = || {
            reqwest::Client::builder()
                .user_agent(concat!("copilot-metrics-exporter/", env!("CARGO_PKG_VERSION")))
                .tls_certs_merge(certificates.iter().cloned())
                .connect_timeout(options.connect_timeout)
                .read_timeout(options.response_timeout)
                // Redirects are followed below, where it is known which hosts to trust.
                .redirect(reqwest::redirect::Policy::none())
        };
        Ok(Self {
            proxied: builder().build()?,
            direct: builder().no_proxy().build()?,
            options: Arc::new(options),
            hosts: Arc::default(),
            spool,
            metrics,
            on_retry: None,
        })
    }

    /// The same transport, which tells `on_retry` of the attempts that fail.
    pub fn reporting_to(&self, on_retry: OnRetry) -> Self {
        Self { on_retry: Some(on_retry), ..self.clone() }
    }

    /// How requests are sent.
    pub fn options(&self) -> &GithubOptions {
        &self.options
    }

    /// How many seconds the clock of a URL's host is ahead of this machine's, as of its last response.
    pub(super) fn skew(&self, url: &Url) -> i64 {
        self.host(url).skew.load(Ordering::Relaxed)
    }

    /// Retries until it succeeds, fails permanently, or has failed too often.
    pub(super) async fn retrying<T, Attempt: Future<Output = Result<T, FetchError>>>(
        &self,
        attempt: impl FnMut() -> Attempt,
    ) -> Result<T, FetchError> {
        let pauses = ExponentialBuilder::default()
            .with_min_delay(self.options.retry_delay)
            .with_max_delay(MAX_RETRY_DELAY)
            .with_max_times(self.options.retries)
            .with_jitter();
        attempt
            .retry(pauses)
            // A request that the rate limit does not allow was not even sent.
            .when(|error| error.can_pass() && !matches!(error, FetchError::RateLimited { .. }))
            // If the server says when to retry, do so then, or give up if that is too late.
            .adjust(|error, pause| {
                let wait = pause?.max(error.retry_after());
                (wait <= MAX_PAUSE).then_some(wait)
            })
            .notify(|error, pause| {
                self.metrics.count_retry(&error.cause());
                match &self.on_retry {
                    Some(on_retry) => on_retry(error, pause),
                    None => debug!(%error, delay = pause.as_secs_f64(), "request failed, retrying"),
                }
            })
            .await
    }

    /// Sends a request as soon as its rate limit allows, and reads the whole response.
    pub(super) async fn exchange(&self, request: &Request<'_>) -> Result<Reply, FetchError> {
        let host = self.host(&request.url);
        let _slot = loop {
            // The semaphore is never closed, so this is never an error.
            let slot = host.slots.acquire().await;
            // Checked only now: while it waited for the slot, another request may have been refused.
            let Some((rate, weight)) = request.rate else { break slot };
            let Err(wait) = rate.take(weight, tokio::time::Instant::now()) else { break slot };
            drop(slot);
            if weight == Weight::Single && wait > MAX_PAUSE {
                return Err(FetchError::RateLimited { what: request.what.to_owned(), wait });
            }
            let credential = &rate.labels().credential;
            info!(
                request.what,
                credential,
                seconds = wait.as_secs(),
                "waiting for GitHub's rate limit"
            );
            tokio::time::sleep(wait).await;
        };
        let started = Instant::now();
        let timeout = self.options.request_timeout;
        let exchange = tokio::time::timeout(timeout, self.exchange_now(request, &host)).await;
        self.metrics.observe_request(request.token.is_some(), started.elapsed());
        exchange.unwrap_or_else(|_| {
            let reason = format!("it took longer than {} s", timeout.as_secs());
            Err(FetchError::impossible(request.what, reason).at_host(&request.url))
        })
    }

    async fn exchange_now(&self, request: &Request<'_>, host: &Host) -> Result<Reply, FetchError> {
        let what = request.what;
        let mut url = request.url.clone();
        for _ in 0..=MAX_REDIRECTS {
            let response = self.send(request, url.clone()).await?;
            if let Some(time) = server_time(response.headers()) {
                let skew = time.as_second() - Timestamp::now().as_second();
                host.skew.store(skew, Ordering::Relaxed);
            }
            if let Some((rate, _)) = request.rate {
                let reading = rate.note(response.headers(), tokio::time::Instant::now());
                self.metrics.set_rate_limit(rate.labels(), reading);
            }
            match response.status() {
                StatusCode::NO_CONTENT => {
                    request.succeeded();
                    return Ok(Reply::Empty);
                }
                StatusCode::NOT_MODIFIED if request.etag.is_some() => {
                    request.succeeded();
                    return Ok(Reply::NotModified(response.headers().clone()));
                }
                StatusCode::NOT_MODIFIED => {
                    let problem = "304 (not modified), though the request was not conditional";
                    return Err(FetchError::answer(what, problem));
                }
                status if status.is_success() => {
                    let headers = response.headers().clone();
                    if request.token.is_some() && is_web_page(&headers) {
                        return Err(FetchError::answer(what, web_page(&url)));
                    }
                    let body = read(what, response, request.limit, &self.spool).await?;
                    request.succeeded();
                    return Ok(Reply::Content(body, headers));
                }
                status if status.is_redirection() => {
                    url = redirect(what, &url, &response)?;
                    if !(request.trusted)(&url) {
                        return Err(FetchError::answer(
                            what,
                            "it redirects to another host, which is not trusted",
                        ));
                    }
                }
                status => return Err(refused(request, status, response).await),
            }
        }
        Err(FetchError::answer(what, "too many redirects"))
    }

    async fn send(&self, request: &Request<'_>, url: Url) -> Result<Response, FetchError> {
        let http = if is_loopback(&url) { &self.direct } else { &self.proxied };
        let mut sending = http.request(request.method.clone(), url);
        if let Some(token) = request.token {
            sending = sending.headers(headers(token, &self.options.api_version));
        }
        if let Some(etag) = request.etag {
            sending = sending.header(IF_NONE_MATCH, etag);
        }
        self.metrics.count_request();
        sending.send().await.map_err(|error| FetchError::request(request.what, error))
    }

    fn host(&self, url: &Url) -> Arc<Host> {
        let name = url.origin().ascii_serialization();
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        let slots = self.options.concurrency;
        let new = || Arc::new(Host { slots: Semaphore::new(slots), skew: AtomicI64::new(0) });
        Arc::clone(hosts.entry(name).or_insert_with(new))
    }
}

fn headers(token: &Secret, api_version: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT, HeaderValue::from_static("application/vnd.github+json"));
    let version = HeaderName::from_static("x-github-api-version");
    // It has been checked when it was read.
    if let Ok(value) = HeaderValue::from_str(api_version) {
        headers.insert(version, value);
    }
    // Tokens have been checked when they were read.
    if let Ok(mut value) = HeaderValue::from_str(&format!("Bearer {}", token.expose())) {
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
    }
    headers
}

/// The URL of a path in the API.
pub(super) fn url_of(api: &Url, path: &str) -> Result<Url, FetchError> {
    let base = api.as_str().trim_end_matches('/');
    Url::parse(&format!("{base}{path}"))
        .map_err(|error| FetchError::impossible(path, error.to_string()))
}

fn redirect(what: &str, from: &Url, response: &Response) -> Result<Url, FetchError> {
    let location = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
    let to = location.and_then(|location| from.join(location).ok());
    to.ok_or_else(|| FetchError::answer(what, "it redirects without a valid URL"))
}

/// Turns an error response into an error, with GitHub's message.
async fn refused(request: &Request<'_>, status: StatusCode, response: Response) -> FetchError {
    #[derive(Deserialize)]
    struct Answer {
        message: String,
    }
    let headers = response.headers().clone();
    let body = read(request.what, response, MAX_ERROR_BYTES, &Spool::default()).await.ok();
    let answer = body.and_then(|body| serde_json::from_reader::<_, Answer>(body.reader()).ok());
    let message: Option<String> = answer.map(|answer| {
        // A server or proxy may send the token back.
        let message = mask(&answer.message, request.token.map(Secret::expose));
        message.chars().filter(|c| !c.is_control()).take(MAX_MESSAGE_CHARS).collect()
    });
    // The message of a file host may quote the link, and is not about GitHub's settings.
    let of_api = request.token.is_some();
    let refusal = of_api
        .then(|| Refusal::of(status, &headers, message.as_deref().unwrap_or_default()))
        .flatten()
        .map(|refusal| refusal.for_path(request.what));
    if let (Some(Refusal::RateLimit), Some((rate, _))) = (refusal, request.rate) {
        rate.refused(&headers, tokio::time::Instant::now());
    }
    FetchError::Status {
        status: status.as_u16(),
        what: request.what.to_owned(),
        permission: request.permission.map(str::to_owned),
        message: message.filter(|_| of_api),
        refusal,
        // For the API, the rate limit takes care of it for all requests.
        retry_after: retry_after(&headers).filter(|_| refusal != Some(Refusal::RateLimit)),
    }
}
