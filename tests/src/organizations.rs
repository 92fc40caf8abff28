//! A stand-in for GitHub that has the same documents for every organization, for tests of many targets.

use std::io;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state, map_response};
use axum::response::Response;
use copilot_metrics_exporter::demo::SystemClock;
use copilot_metrics_exporter::demo::stand_in::{BaseUrls, StandIn, api_router, files_router};
use copilot_metrics_exporter::web::{Listener, serve};
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::fixtures::OCTODEMO;
use crate::github::without_rate_limit;

/// A running stand-in. It stops when it is dropped.
pub struct Organizations {
    /// The base URL of its API.
    pub api: String,
    /// The token that it accepts.
    pub token: String,
    /// The organization whose requests wait.
    held: watch::Sender<Option<String>>,
    _stop: DropGuard,
}

impl Organizations {
    /// Starts it on two free loopback ports.
    pub async fn start() -> io::Result<Self> {
        Self::start_with(Router::new(), false).await
    }

    /// Starts it without a rate limit, for more targets than a token is enough for.
    pub async fn start_unlimited() -> io::Result<Self> {
        Self::start_with(Router::new(), true).await
    }

    /// Starts it with routes of the host of report files that come before its own.
    pub async fn start_with_files(files_routes: Router) -> io::Result<Self> {
        Self::start_with(files_routes, false).await
    }

    async fn start_with(files_routes: Router, is_unlimited: bool) -> io::Result<Self> {
        let (api, files) =
            (Listener::bind("127.0.0.1:0").await?, Listener::bind("127.0.0.1:0").await?);
        let url = format!("http://{}", api.local_addr()?);
        let files_url = format!("http://{}", files.local_addr()?);
        let urls = BaseUrls { api: url.clone(), files: files_url };
        let stand_in = StandIn::new(SystemClock, urls)?;
        let token = stand_in.token().to_owned();
        let held = watch::Sender::new(None);
        let mut api_routes = api_router(Arc::clone(&stand_in));
        if is_unlimited {
            api_routes = api_routes.layer(map_response(without_rate_limit));
        }
        let router = Router::new()
            .fallback_service(api_routes)
            .layer(from_fn_with_state(held.subscribe(), replace_organization));
        let stop = CancellationToken::new();
        tokio::spawn(serve(api, router, stop.clone()));
        tokio::spawn(serve(
            files,
            files_routes.fallback_service(files_router(stand_in)),
            stop.clone(),
        ));
        Ok(Self { api: url, token, held, _stop: stop.drop_guard() })
    }

    /// Makes requests about an organization wait until [`Self::release`].
    pub fn hold(&self, organization: &str) {
        self.held.send_replace(Some(organization.to_owned()));
    }

    /// Answers the requests that wait.
    pub fn release(&self) {
        self.held.send_replace(None);
    }
}

/// Answers a request about any organization with a recording.
async fn replace_organization(
    State(mut held): State<watch::Receiver<Option<String>>>,
    mut request: Request,
    next: Next,
) -> Response {
    let path = request.uri().to_string();
    let mut segments: Vec<&str> = path.split('/').collect();
    if let ["", "orgs" | "organizations", organization, ..] = segments.as_mut_slice() {
        // It fails only when the stand-in stops.
        held.wait_for(|held| held.as_deref() != Some(*organization)).await.ok();
        *organization = OCTODEMO.name;
    }
    *request.uri_mut() = segments.join("/").parse().unwrap_or_else(|error| panic!("{error}"));
    next.run(request).await
}
