//! A stand-in for GitHub that has the same documents for every organization.

use std::io;
use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn;
use copilot_metrics_exporter::demo::SystemClock;
use copilot_metrics_exporter::demo::stand_in::{BaseUrls, StandIn, api_router, files_router};
use copilot_metrics_exporter::web::{Listener, serve};
use copilot_metrics_tests::github::replace_organization;
use tokio_util::sync::{CancellationToken, DropGuard};

/// A running stand-in. It stops when it is dropped.
pub struct Github {
    /// The base URL of its API.
    pub api: String,
    /// The token that it accepts.
    pub token: String,
    _stop: DropGuard,
}

impl Github {
    /// Starts it on two free loopback ports.
    pub async fn start() -> io::Result<Self> {
        Self::start_with(Router::new()).await
    }

    /// Starts it with routes of the host of report files that come before its own.
    pub async fn start_with(files_routes: Router) -> io::Result<Self> {
        let (api, files) =
            (Listener::bind("127.0.0.1:0").await?, Listener::bind("127.0.0.1:0").await?);
        let url = format!("http://{}", api.local_addr()?);
        let files_url = format!("http://{}", files.local_addr()?);
        let urls = BaseUrls { api: url.clone(), files: files_url };
        let stand_in = StandIn::new(SystemClock, urls)?;
        let token = stand_in.token().to_owned();
        let router = Router::new()
            .fallback_service(api_router(Arc::clone(&stand_in)))
            .layer(from_fn(replace_organization));
        let stop = CancellationToken::new();
        tokio::spawn(serve(api, router, stop.clone()));
        tokio::spawn(serve(
            files,
            files_routes.fallback_service(files_router(stand_in)),
            stop.clone(),
        ));
        Ok(Self { api: url, token, _stop: stop.drop_guard() })
    }
}
