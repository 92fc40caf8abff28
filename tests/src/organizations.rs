//! A stand-in for GitHub that has the same documents for every organization, for tests of many targets.

use std::io;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn, from_fn_with_state, map_response};
use axum::response::Response;
use copilot_metrics_exporter::demo::SystemClock;
use copilot_metrics_exporter::demo::stand_in::{BaseUrls, StandIn, api_router, files_router};
use copilot_metrics_exporter::web::{Listener, serve};
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::days;
use crate::fixtures::OCTODEMO;
use crate::github::{respond_with_copy, without_rate_limit};

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
        tokio::time::sleep(days::pause()).await;
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
            .layer(from_fn(|request, next| respond_with_copy(OCTODEMO.name, request, next)))
            .layer(from_fn_with_state(held.subscribe(), wait_for_release));
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

/// Lets requests about an organization wait while they are held.
async fn wait_for_release(
    State(mut held): State<watch::Receiver<Option<String>>>,
    request: Request,
    next: Next,
) -> Response {
    let organization = request.uri().path().split('/').nth(2).map(str::to_owned);
    // It fails only when the stand-in stops.
    held.wait_for(|held| held.is_none() || *held != organization).await.ok();
    next.run(request).await
}
