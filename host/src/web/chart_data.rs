//! The values of a chart of the page, as CSV and as JSON.

use std::sync::Arc;

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, X_CONTENT_TYPE_OPTIONS};
use axum::response::{IntoResponse, Response};

use super::app::App;
use super::page::{ChartSelection, ExportError};
use crate::model::text::visible;

/// `/chart.csv`.
pub(super) async fn csv(
    State(app): State<Arc<App>>,
    Query(selected): Query<ChartSelection>,
) -> Response {
    response("text/csv; charset=utf-8; header=present", app.page.csv(&selected).await)
}

/// `/chart.json`.
pub(super) async fn json(
    State(app): State<Arc<App>>,
    Query(selected): Query<ChartSelection>,
) -> Response {
    response("application/json", app.page.json(&selected).await)
}

fn response(content_type: &'static str, exported: Result<Vec<u8>, ExportError>) -> Response {
    match exported {
        Ok(body) => {
            let headers = [
                (CONTENT_TYPE, content_type),
                (CACHE_CONTROL, "no-store"),
                (X_CONTENT_TYPE_OPTIONS, "nosniff"),
            ];
            (headers, body).into_response()
        }
        Err(error) => {
            let text = format!("{}\n", visible(&error.to_string()));
            match error {
                ExportError::Target | ExportError::Chart(_) => {
                    (StatusCode::NOT_FOUND, text).into_response()
                }
                ExportError::NotReady => {
                    (StatusCode::SERVICE_UNAVAILABLE, [(RETRY_AFTER, "3")], text).into_response()
                }
                ExportError::Write(_) => (StatusCode::INTERNAL_SERVER_ERROR, text).into_response(),
            }
        }
    }
}
