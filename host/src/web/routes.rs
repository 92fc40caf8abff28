//! The routes.
//!
//! | path | response |
//! |---|---|
//! | `/metrics` | the metrics in the text format 0.0.4 or, if the client prefers it, in OpenMetrics; gzipped if accepted |
//! | `/metrics?org=…&scope=…` | the part of one target, in the text format; without `scope`, of all targets of that name |
//! | `/metrics/data` | only what is the same in all replicas that share a store |
//! | `/metrics/self` | only the exporter's own metrics |
//! | `/metrics/daily` | the daily samples in the text format; 404 if they are turned off |
//! | `/-/healthy` | 200 while the process runs |
//! | `/-/ready` | 200 if there is data to serve, with replicas of every target; otherwise 503 and the reason |
//! | `POST /-/reload` | reloads the settings; 500 and the reason if they can't be used; 403 unless allowed |
//! | `/` | the page: an overview of all targets, and the charts of one, `?org=…&scope=…&range=…` |
//! | `/chart.csv`, `/chart.json` | the values of a chart of the page, `?org=…&scope=…&range=…&chart=TITLE` |
//!
//! [`WebPaths`](crate::config::WebPaths) may put all of them below a prefix, to which `/` then redirects, and
//! the metrics elsewhere.
//!
//! If the web config has users, everything except `/-/healthy` requires a password.

use std::net::IpAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Query, Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HOST, LOCATION, ORIGIN, RETRY_AFTER, WWW_AUTHENTICATE,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, StatusCode, Uri, Version};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use tracing::error;

use super::app::App;
use super::auth::Admission;
use super::chart_data;
use super::exposition::{daily, data, metrics, own};
use super::page::{self, Selection};
use super::peer::Peer;
use super::watch::Web;
use crate::config::WebPaths;
use crate::model::text::visible;
use crate::output::{Status, TargetStatus};

/// The path, below the prefix, that never requires a password: probes have none, and the response reveals nothing.
pub const HEALTHY: &str = "/-/healthy";

/// The routes.
pub fn router(app: Arc<App>) -> Router {
    let paths = &app.paths;
    let state = Guard { web: Arc::clone(&app.web), healthy: paths.at(HEALTHY).into() };
    let mut router = Router::new()
        .route(&paths.metrics(), get(metrics))
        .route(&paths.below_metrics("data"), get(data))
        .route(&paths.below_metrics("self"), get(own))
        .route(&paths.below_metrics("daily"), get(daily))
        .route(&state.healthy, get(|| async { "healthy\n" }))
        .route(&paths.at("/-/ready"), get(ready))
        .route(&paths.at("/-/reload"), post(reload).put(reload));
    if paths.has_page() {
        router = router
            .route(&paths.root(), get(page))
            .route(&paths.at(WebPaths::CHART_CSV), get(chart_data::csv))
            .route(&paths.at(WebPaths::CHART_JSON), get(chart_data::json));
    }
    if let Some(prefix) = paths.prefix() {
        let (root, external) = (paths.root(), paths.external_root());
        router = router
            .route("/", get(|| async move { redirect(&root, None) }))
            .route(prefix, get(|uri: Uri| async move { redirect(&external, uri.query()) }));
    }
    router.layer(from_fn_with_state(state, guard)).with_state(app)
}

/// Redirects to a path, as Prometheus does.
fn redirect(path: &str, query: Option<&str>) -> Response {
    let query = query.map(|query| format!("?{query}")).unwrap_or_default();
    (StatusCode::FOUND, [(LOCATION, format!("{path}{query}"))]).into_response()
}

/// What the guard needs.
#[derive(Clone)]
struct Guard {
    web: Arc<Web>,
    /// The path that never requires a password.
    healthy: Arc<str>,
}

/// Admits requests as the web settings demand.
async fn guard(
    State(Guard { web, healthy }): State<Guard>,
    request: Request,
    next: Next,
) -> Response {
    let settings = web.settings();
    let mut response = match request.uri().path() {
        // RFC 9112, section 3.2.
        _ if request.version() == Version::HTTP_11 && !request.headers().contains_key(HOST) => {
            (StatusCode::BAD_REQUEST, "the Host header is missing\n").into_response()
        }
        path if path == &*healthy && !web.admits_probe(peer_of(&request)) => {
            retry_later(StatusCode::TOO_MANY_REQUESTS)
        }
        path if path == &*healthy => next.run(request).await,
        _ if !settings.admits_request() => retry_later(StatusCode::TOO_MANY_REQUESTS),
        _ => match &settings.users {
            None => next.run(request).await,
            Some(users) => match users.admit(request.headers(), peer_of(&request)).await {
                Admission::Admitted => next.run(request).await,
                Admission::Busy => retry_later(StatusCode::SERVICE_UNAVAILABLE),
                Admission::Rejected => {
                    let challenge = [(WWW_AUTHENTICATE, "Basic")];
                    (StatusCode::UNAUTHORIZED, challenge, "unauthorized\n").into_response()
                }
            },
        },
    };
    response.headers_mut().extend(settings.headers.clone());
    response
}

/// The address that a request comes from.
fn peer_of(request: &Request) -> Option<IpAddr> {
    request.extensions().get().map(|Peer(address)| *address)
}

fn retry_later(status: StatusCode) -> Response {
    (status, [(RETRY_AFTER, "1")], "too many requests\n").into_response()
}

async fn ready(State(app): State<Arc<App>>) -> (StatusCode, String) {
    if let Some(missing) = app.publisher.missing() {
        return (StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {}\n", visible(&missing)));
    }
    let has_data = app.publisher.has_data();
    if app.publisher.is_ready() {
        return (StatusCode::OK, "ready\n".to_owned());
    }
    let which = if has_data { "not every target has all its" } else { "no target has" };
    let is_missing =
        |status: &&TargetStatus| !status.has_data || status.outcome.status == Status::Starting;
    let mut text = format!("not ready: {which} data yet\n");
    for status in app.publisher.statuses().iter().filter(is_missing) {
        let target = &status.target;
        let state = match &status.outcome.status {
            Status::Failed(problems) => {
                let next = status.outcome.next.map(|next| next.strftime("%H:%M:%S UTC"));
                let next = next.map(|next| format!("; next attempt at {next}")).unwrap_or_default();
                format!("{}{next}", problems.join("; "))
            }
            Status::Starting | Status::Fresh => {
                let attempt = status.outcome.attempt.as_ref();
                let attempt = attempt.map(|attempt| format!("; {attempt}")).unwrap_or_default();
                format!("first refresh in progress{attempt}")
            }
        };
        text.push_str(&visible(&format!("{target}: {state}")));
        text.push('\n');
    }
    (StatusCode::SERVICE_UNAVAILABLE, text)
}

async fn reload(State(app): State<Arc<App>>, headers: HeaderMap) -> (StatusCode, String) {
    if !app.enable_lifecycle && app.web.settings().users.is_none() {
        let help = "reloads over HTTP are off: send SIGHUP, or start with --web.enable-lifecycle\n";
        return (StatusCode::FORBIDDEN, help.to_owned());
    }
    if is_from_other_site(&headers) {
        return (StatusCode::FORBIDDEN, "requests of other sites are refused\n".to_owned());
    }
    match app.reloader.reload().await {
        Ok(()) => (StatusCode::OK, "reloaded\n".to_owned()),
        Err(error) => {
            (StatusCode::INTERNAL_SERVER_ERROR, format!("not reloaded: {}\n", visible(&error)))
        }
    }
}

/// Whether a browser sends the request for a page of another site. Browsers set `Origin` for every POST.
/// <https://developer.mozilla.org/en-US/docs/Web/HTTP/Reference/Headers/Origin>
fn is_from_other_site(headers: &HeaderMap) -> bool {
    let Some(origin) = headers.get(ORIGIN) else { return false };
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    let origin = origin.to_str().ok().and_then(|origin| origin.split_once("://"));
    match (origin, host) {
        (Some((_, origin)), Some(host)) => !origin.eq_ignore_ascii_case(host),
        _ => true,
    }
}

async fn page(State(app): State<Arc<App>>, Query(selection): Query<Selection>) -> Response {
    let html = match app.page.render(&selection).await {
        Ok(html) => html,
        Err(error) => {
            error!(%error, "cannot render the page");
            return StatusCode::INTERNAL_SERVER_ERROR.into_response();
        }
    };
    let headers = [
        (CACHE_CONTROL, "no-store"),
        (CONTENT_SECURITY_POLICY, page::CONTENT_SECURITY_POLICY.as_str()),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, Html(html)).into_response()
}
