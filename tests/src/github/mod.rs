//! GitHub as tests need it: the demo's stand-in, with [faults](Fault), more tokens, and a log of requests.

mod copies;
mod faults;
mod grants;
mod requests;

pub use copies::respond_with_copy;
pub use faults::Fault;
pub use requests::Request;

use std::io;
use std::net::SocketAddr;
use std::process::Command;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::middleware::{from_fn, map_response};
use axum::response::Response;
use bytes::Bytes;
use copilot_metrics_exporter::demo::stand_in::{self, BaseUrls, api_router, files_router};
use copilot_metrics_exporter::demo::{Clock, SystemClock};
use copilot_metrics_exporter::model::{Scope, Target};
use copilot_metrics_exporter::web::{Listener, serve};
use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};
use reqwest::Url;
use tokio_util::sync::{CancellationToken, DropGuard};

use self::faults::Faults;
use self::grants::Grants;
use self::requests::Requests;
use crate::command::exporter;
use crate::days;
use crate::transcript::keep_secret;

/// How a stand-in differs from the usual one.
#[derive(Default)]
pub struct Options {
    /// The newest day with reports, if not two days ago.
    pub newest: Option<Date>,
    /// More of the API: it is not logged, and neither tokens nor faults apply to it.
    pub routes: Router,
    /// The base URLs of the API and of the files, if clients reach them through something else.
    pub seen_at: Option<(String, String)>,
    /// Whether it has no rate limit, as GitHub Enterprise Server by default.
    pub is_unlimited: bool,
    /// The organization whose data every organization has that is not recorded, whatever its name.
    pub copies_of: Option<&'static str>,
}

/// A running stand-in. It stops when it is dropped.
pub struct StandIn {
    github: Arc<stand_in::StandIn>,
    clock: TestClock,
    grants: Arc<Grants>,
    faults: Arc<Faults>,
    requests: Arc<Requests>,
    api: Url,
    files: SocketAddr,
    _stop: DropGuard,
}

/// Starts the usual stand-in. Its secrets must not be in anything that the exporter says.
pub async fn stand_in() -> StandIn {
    stand_in_with(Options::default()).await
}

/// Starts a stand-in with differences.
pub async fn stand_in_with(options: Options) -> StandIn {
    let github = StandIn::start_with(options).await.unwrap_or_else(|error| panic!("{error}"));
    keep_secret(github.token());
    keep_secret(github.signature());
    github
}

/// The time, with a newest day that changes only if a test says so, and an hour that does not change: what is billed
/// must not change while a test runs.
#[derive(Clone)]
struct TestClock {
    newest: Arc<Mutex<Date>>,
    hour: i8,
}

impl TestClock {
    fn lock(&self) -> MutexGuard<'_, Date> {
        self.newest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn newest_day(&self) -> Date {
        *self.lock()
    }

    fn hour(&self) -> i8 {
        self.hour
    }

    /// Tests state the values of the newest recorded day, whatever day it is today.
    fn keeps_weekdays(&self) -> bool {
        false
    }
}

/// A response that does not mention a rate limit.
pub(crate) async fn without_rate_limit(mut response: Response) -> Response {
    let headers = response.headers_mut();
    let names: Vec<_> =
        headers.keys().filter(|name| name.as_str().starts_with("x-ratelimit-")).cloned().collect();
    for name in names {
        headers.remove(name);
    }
    response
}

impl StandIn {
    /// Starts both hosts on free loopback ports, in a half of the day that does not end while a test runs.
    pub async fn start_with(options: Options) -> io::Result<Self> {
        tokio::time::sleep(days::pause()).await;
        let (api, files) =
            (Listener::bind("127.0.0.1:0").await?, Listener::bind("127.0.0.1:0").await?);
        let (api_address, files_address) = (api.local_addr()?, files.local_addr()?);
        let api_url = format!("http://{api_address}");
        let (seen_api, seen_files) =
            options.seen_at.unwrap_or_else(|| (api_url.clone(), format!("http://{files_address}")));
        let newest = options.newest.unwrap_or_else(|| SystemClock.newest_day());
        let urls = BaseUrls { api: seen_api, files: seen_files };
        let clock = TestClock { newest: Arc::new(Mutex::new(newest)), hour: SystemClock.hour() };
        let github = stand_in::StandIn::new(clock.clone(), urls)?;
        let grants = Arc::new(Grants::new(github.token()));
        let (faults, requests) = (Arc::new(Faults::default()), Arc::new(Requests::default()));

        let mut router = api_router(Arc::clone(&github));
        if let Some(original) = options.copies_of {
            router = Router::new()
                .fallback_service(router)
                .layer(from_fn(move |request, next| respond_with_copy(original, request, next)));
        }
        if options.is_unlimited {
            router = router.layer(map_response(without_rate_limit));
        }
        let router = grants.protect(router);
        let router = requests.log_api(faults.apply_to_api(router));
        let router = options.routes.fallback_service(router);
        let stop = CancellationToken::new();
        tokio::spawn(serve(api, router, stop.clone()));
        let router = faults.apply_to_files(files_router(Arc::clone(&github)));
        tokio::spawn(serve(files, requests.log_files(router), stop.clone()));
        Ok(Self {
            github,
            clock,
            grants,
            faults,
            requests,
            api: Url::parse(&api_url).map_err(io::Error::other)?,
            files: files_address,
            _stop: stop.drop_guard(),
        })
    }

    /// The API's base URL.
    pub fn api(&self) -> &Url {
        &self.api
    }

    /// The address of the host of the report files.
    pub fn files(&self) -> SocketAddr {
        self.files
    }

    /// The exporter's command for every recorded target.
    pub fn exporter(&self) -> Command {
        let mut command = exporter();
        command
            .env("GHC_TOKEN", self.token())
            .env("ORG", "octodemo,octo-legacy")
            .env("ENTERPRISE", "octo-enterprise")
            .env("GITHUB_API_URL", self.api().as_str());
        command
    }

    /// Accepts another token, for the data of these owners.
    pub fn grant(&self, token: &str, owners: &[&str]) {
        self.grants.add(token, owners);
    }

    /// Accepts a token no longer.
    pub fn revoke(&self, token: &str) {
        self.grants.remove(token);
    }

    /// The token that the API accepts from the start, for the data of every owner.
    pub fn token(&self) -> &str {
        self.github.token()
    }

    /// The secret in the links to report files.
    pub fn signature(&self) -> &str {
        self.github.signature()
    }

    /// The newest day with reports.
    pub fn newest_day(&self) -> Date {
        self.github.newest_day()
    }

    /// Lets time pass until this is the newest day with reports. The days before it keep their reports, but
    /// for the [revised](Self::next_revised_day) ones.
    pub fn set_newest_day(&self, day: Date) {
        *self.clock.lock() = day;
    }

    /// The next day after the newest one whose reports have slightly lower numbers for as long as it is the
    /// newest: [`set_newest_day`](Self::set_newest_day) to it, then to a later day, to see the revision. It is
    /// 20 days after the newest day at the start.
    pub fn next_revised_day(&self) -> Date {
        let newest = self.newest_day();
        let mut next = (1..).map(|days| newest.saturating_add(days.days()));
        next.find(|day| self.github.is_revised(*day)).unwrap_or(newest)
    }

    /// What the API has now of a report of one day, without a request: the bodies of its files. `None`: it has
    /// no report of that day. The document is named as in its path, such as `users-1-day`.
    pub fn report(&self, target: &Target, document: &str, day: Date) -> Option<Vec<Bytes>> {
        self.github.bodies(&report_path(target, document, day))
    }

    /// The number of requests so far to the API for a report of one day, without those for its files.
    pub fn report_requests(&self, target: &Target, document: &str, day: Date) -> usize {
        let path = report_path(target, document, day);
        self.requests.all().iter().filter(|request| !request.file && request.path == path).count()
    }

    /// Makes requests fail whose path and query contain `path_part`. Files of reports have their day as the
    /// query: with [`Fault::Body`], `/octodemo/users-1-day/0.json?day=2026-11-20` is revised from now on.
    pub fn fail(&self, path_part: &str, fault: Fault) {
        self.faults.add(usize::MAX, path_part, fault);
    }

    /// Makes this many of them fail.
    pub fn fail_times(&self, times: usize, path_part: &str, fault: Fault) {
        self.faults.add(times, path_part, fault);
    }

    /// Makes everything work again.
    pub fn recover(&self) {
        self.faults.clear();
    }

    /// The requests so far, oldest first.
    pub fn requests(&self) -> Vec<Request> {
        self.requests.all()
    }
}

/// The path of a report in the API.
fn report_path(target: &Target, document: &str, day: Date) -> String {
    let (root, login) = match target.scope() {
        Scope::Organization => ("orgs", target.login()),
        Scope::Enterprise => ("enterprises", target.login()),
    };
    format!("/{root}/{login}/copilot/metrics/reports/{document}?day={day}")
}
