//! The stand-in for GitHub's API.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, ETAG, IF_NONE_MATCH, LINK};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};
use serde_json::{Value, json};
use tokio_util::sync::{CancellationToken, DropGuard};
use url::Url;

use super::faults::{Fault, Faults};
use super::links;
use super::recordings::{self, RECORDINGS, moved_to};
use crate::web::{Listener, serve};

/// The requests that GitHub allows in an hour.
const RATE_LIMIT: usize = 5000;

/// A request that the stand-in got.
#[derive(Clone, Debug)]
pub struct Request {
    /// The path and query, without the signature of a file's link.
    pub path: String,
    /// Whether it came to the host of the report files, not to the API.
    pub file: bool,
    /// Whether it had an `Authorization` header.
    pub authorized: bool,
    /// Whether it asked only for what is not there yet (`If-None-Match`).
    pub conditional: bool,
}

/// How a stand-in differs from the usual one.
#[derive(Default)]
pub struct Options {
    /// The newest day that has reports.
    pub newest: Option<Date>,
    /// More of the API.
    pub routes: Router,
    /// The base URLs of the API and of the files, where something stands before the stand-in.
    pub seen_at: Option<(String, String)>,
}

/// A running stand-in. It stops when it is dropped.
pub struct StandIn {
    hub: Arc<Hub>,
    api: Url,
    files: SocketAddr,
    _stop: DropGuard,
}

/// What both hosts share.
struct Hub {
    documents: HashMap<(&'static str, &'static str), Vec<Bytes>>,
    newest: Date,
    token: String,
    /// Every token that is taken, and for whose data (all, if none are named).
    tokens: Mutex<HashMap<String, Vec<String>>>,
    signature: String,
    /// The base URLs of the two hosts.
    api: String,
    files: String,
    faults: Faults,
    requests: Mutex<Vec<Request>>,
}

impl StandIn {
    /// Starts both hosts on free loopback ports.
    pub async fn start() -> io::Result<Self> {
        Self::start_with(Options::default()).await
    }

    /// The same with differences.
    pub async fn start_with(options: Options) -> io::Result<Self> {
        let (api, files) =
            (Listener::bind("127.0.0.1:0").await?, Listener::bind("127.0.0.1:0").await?);
        let newest = options.newest.unwrap_or_else(recordings::newest_day);
        let documents = RECORDINGS.iter().map(|recording| {
            let moved = recording.files.iter().map(|file| moved_to(newest, file).into());
            ((recording.owner, recording.document), moved.collect())
        });
        let own = (api.local_addr()?, files.local_addr()?);
        let url = Url::parse(&format!("http://{}", own.0)).map_err(io::Error::other)?;
        let seen_at = options.seen_at;
        let (seen_api, seen_files) =
            seen_at.unwrap_or_else(|| (format!("http://{}", own.0), format!("http://{}", own.1)));
        // New ones at every start, so that nothing can come to rely on them.
        let token = format!("demo_{}", random());
        let hub = Arc::new(Hub {
            documents: documents.collect(),
            newest,
            tokens: Mutex::new(HashMap::from([(token.clone(), Vec::new())])),
            token,
            signature: random(),
            api: seen_api,
            files: seen_files,
            faults: Faults::default(),
            requests: Mutex::default(),
        });
        let stop = CancellationToken::new();
        let router: Router = Router::new().fallback(answer_api).with_state(Arc::clone(&hub));
        tokio::spawn(serve(api, options.routes.fallback_service(router), stop.clone()));
        let router = Router::new().fallback(answer_file).with_state(Arc::clone(&hub));
        tokio::spawn(serve(files, router, stop.clone()));
        Ok(Self { hub, api: url, files: own.1, _stop: stop.drop_guard() })
    }

    /// The API's base URL.
    pub fn api(&self) -> &Url {
        &self.api
    }

    /// The address of the host of the files.
    pub fn files(&self) -> SocketAddr {
        self.files
    }

    /// Takes a token too, for the data of these owners.
    pub fn grant(&self, token: &str, owners: &[&str]) {
        let owners = owners.iter().map(|owner| (*owner).to_owned()).collect();
        self.hub.tokens().insert(token.to_owned(), owners);
    }

    /// Takes a token no longer.
    pub fn revoke(&self, token: &str) {
        self.hub.tokens().remove(token);
    }

    /// The token that the API takes from the start.
    pub fn token(&self) -> &str {
        &self.hub.token
    }

    /// The secret in the links to report files.
    pub fn signature(&self) -> &str {
        &self.hub.signature
    }

    /// The newest day that has reports.
    pub fn newest_day(&self) -> Date {
        self.hub.newest
    }

    /// Makes requests fail whose path and query have `path_has` in them.
    pub fn fail(&self, path_has: &str, fault: Fault) {
        self.hub.faults.add(path_has, fault);
    }

    /// Makes as many of them fail, and then none.
    pub fn fail_times(&self, times: usize, path_has: &str, fault: Fault) {
        self.hub.faults.add_times(times, path_has, fault);
    }

    /// Makes everything work again.
    pub fn mend(&self) {
        self.hub.faults.clear();
    }

    /// The requests so far, in the order in which they came.
    pub fn requests(&self) -> Vec<Request> {
        self.hub.requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// 32 random hexadecimal digits, from the standard library's source of hash seeds.
fn random() -> String {
    let word = || RandomState::new().hash_one(0u8);
    format!("{:016x}{:016x}", word(), word())
}

async fn answer_api(State(hub): State<Arc<Hub>>, headers: HeaderMap, uri: Uri) -> Response {
    let path = hub.note(&uri, &headers, false);
    let right = match hub.refuse(&headers, &uri) {
        Some(refused) => refused,
        None => hub.document(&uri),
    };
    let mut answer = hub.answer(&path, &headers, right).await;
    let used = hub.requests.lock().unwrap_or_else(PoisonError::into_inner).len();
    let reset = Timestamp::now().as_second() + 3600;
    for (name, value) in [
        ("x-ratelimit-limit", HeaderValue::from(RATE_LIMIT)),
        ("x-ratelimit-remaining", HeaderValue::from(RATE_LIMIT.saturating_sub(used))),
        ("x-ratelimit-reset", HeaderValue::from(reset)),
    ] {
        // A fault may say otherwise.
        answer.headers_mut().entry(name).or_insert(value);
    }
    answer
}

async fn answer_file(State(hub): State<Arc<Hub>>, headers: HeaderMap, uri: Uri) -> Response {
    let path = hub.note(&uri, &headers, true);
    let file = || {
        let (owner, document, file) = links::parse(uri.path())?;
        Some(hub.bodies(owner, document)?.get(file)?.clone().into_response())
    };
    let right = links::refuse(&headers, &uri, &hub.signature)
        .or_else(file)
        .unwrap_or_else(|| StatusCode::NOT_FOUND.into_response());
    hub.answer(&path, &headers, right).await
}

/// Gives an answer a tag, or says that it is as it was (304).
async fn tagged(headers: &HeaderMap, right: Response) -> Response {
    if right.status() != StatusCode::OK {
        return right;
    }
    let (mut head, body) = right.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap_or_default();
    let tag = format!("\"{:08x}{:x}\"", crc32fast::hash(&body), body.len());
    let same = headers.get(IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes());
    head.headers.insert(ETAG, HeaderValue::from_str(&tag).unwrap_or(HeaderValue::from_static("")));
    if same {
        head.status = StatusCode::NOT_MODIFIED;
        head.headers.remove(LINK);
        return Response::from_parts(head, Body::empty());
    }
    Response::from_parts(head, Body::from(body))
}

impl Hub {
    fn note(&self, uri: &Uri, headers: &HeaderMap, file: bool) -> String {
        let path = match file {
            true => uri.path().to_owned(),
            false => uri.to_string(),
        };
        let authorized = headers.contains_key(AUTHORIZATION);
        let conditional = headers.contains_key(IF_NONE_MATCH);
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        requests.push(Request { path: path.clone(), file, authorized, conditional });
        path
    }

    /// The right answer, or what a fault makes of it.
    async fn answer(&self, path: &str, headers: &HeaderMap, right: Response) -> Response {
        match self.faults.next(path) {
            Some(fault) => fault.answer(right).await,
            None => tagged(headers, right).await,
        }
    }

    fn tokens(&self) -> MutexGuard<'_, HashMap<String, Vec<String>>> {
        self.tokens.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The answer of GitHub's API to a request that is not allowed.
    fn refuse(&self, headers: &HeaderMap, uri: &Uri) -> Option<Response> {
        let given = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let token = given.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default();
        let tokens = self.tokens();
        let Some(owners) = tokens.get(token) else {
            return Some(message(StatusCode::UNAUTHORIZED, "Bad credentials"));
        };
        let owner = uri.path().split('/').nth(2).unwrap_or_default();
        let allowed = owners.is_empty() || owners.iter().any(|known| known == owner);
        (!allowed).then(|| {
            message(StatusCode::FORBIDDEN, "Resource not accessible by personal access token")
        })
    }

    fn bodies(&self, owner: &str, document: &str) -> Option<&Vec<Bytes>> {
        // The keys are static, the question is not.
        let entry = self.documents.iter().find(|((o, d), _)| *o == owner && *d == document);
        entry.map(|(_, bodies)| bodies)
    }

    /// The right answer of the API.
    fn document(&self, uri: &Uri) -> Response {
        let parts: Vec<&str> = uri.path().trim_start_matches('/').split('/').collect();
        let found = match parts.as_slice() {
            ["orgs" | "enterprises", owner, "copilot", "metrics", "reports", report] => {
                self.report_of_day(owner, report, uri)
            }
            ["orgs" | "enterprises", owner, "copilot", "metrics", "reports", report, "latest"] => {
                self.bodies(owner, report).map(|bodies| self.envelope(owner, report, bodies.len()))
            }
            ["orgs", owner, "copilot", "billing"] => {
                self.bodies(owner, "billing").and_then(|bodies| bodies.first()).map(json_body)
            }
            ["orgs" | "enterprises", owner, "copilot", "billing", "seats"] => {
                self.list(owner, "seats", uri, Some("seats"))
            }
            ["orgs" | "enterprises", owner, "copilot", "metrics"] => {
                self.list(owner, "legacy", uri, None)
            }
            _ => None,
        };
        found.unwrap_or_else(|| message(StatusCode::NOT_FOUND, "Not Found"))
    }

    fn report_of_day(&self, owner: &str, report: &str, uri: &Uri) -> Option<Response> {
        let bodies = self.bodies(owner, report)?;
        let day: Date = parameter(uri, "day")?.parse().ok()?;
        match day.cmp(&self.newest) {
            std::cmp::Ordering::Greater => Some(StatusCode::NO_CONTENT.into_response()),
            std::cmp::Ordering::Equal => Some(self.envelope(owner, report, bodies.len())),
            // Only the newest day was recorded.
            std::cmp::Ordering::Less => None,
        }
    }

    /// The links to a report's files.
    fn envelope(&self, owner: &str, report: &str, files: usize) -> Response {
        let links =
            (0..files).map(|file| links::link(&self.files, owner, report, file, &self.signature));
        let links: Vec<_> = links.collect();
        let envelope = if report.ends_with("-28-day") {
            let start = self.newest.saturating_sub(27.days());
            json!({"download_links": links, "report_start_day": start, "report_end_day": self.newest})
        } else {
            json!({"download_links": links, "report_day": self.newest})
        };
        json_body(&envelope.to_string().into())
    }

    /// A page of a list, with the link to the next one.
    fn list(&self, owner: &str, document: &str, uri: &Uri, key: Option<&str>) -> Option<Response> {
        let body = self.bodies(owner, document)?.first()?;
        let mut whole: Value = serde_json::from_slice(body).ok()?;
        let number = |name| parameter(uri, name).and_then(|text| text.parse::<usize>().ok());
        let (page, size) =
            (number("page").unwrap_or(1).max(1), number("per_page").unwrap_or(50).min(100));
        let rows = match key {
            Some(key) => whole.get_mut(key)?.as_array_mut()?,
            None => whole.as_array_mut()?,
        };
        let more = rows.len() > page * size;
        *rows = rows.iter().skip((page - 1) * size).take(size).cloned().collect();
        let mut response = json_body(&whole.to_string().into());
        if more {
            let next = format!("{}{}?per_page={size}&page={}", self.api, uri.path(), page + 1);
            let link = format!("<{next}>; rel=\"next\"");
            response.headers_mut().insert(LINK, HeaderValue::from_str(&link).ok()?);
        }
        Some(response)
    }
}

fn parameter<'a>(uri: &'a Uri, name: &str) -> Option<&'a str> {
    uri.query()?.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
}

fn json_body(body: &Bytes) -> Response {
    let mut response = Response::new(Body::from(body.clone()));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn message(status: StatusCode, text: &str) -> Response {
    (status, json_body(&json!({"message": text}).to_string().into())).into_response()
}
