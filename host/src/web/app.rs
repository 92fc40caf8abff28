//! What requests are answered from.

use std::sync::Arc;

use super::metrics::Metrics;
use super::page::Page;
use super::watch::Web;
use crate::config::WebPaths;
use crate::github;
use crate::model::metrics::Registry;
use crate::output::{DailyExposition, Publisher};
use crate::refresh::Reloader;

/// What requests are answered from.
pub struct App {
    /// The exporter's own metrics.
    pub registry: Registry,
    /// Those of the scrapes.
    pub metrics: Metrics,
    /// Those of requests to GitHub: missing settings count as failed ones.
    pub github: github::Metrics,
    /// The data.
    pub publisher: Arc<Publisher>,
    /// The daily samples, unless they are turned off.
    pub daily: Option<Arc<DailyExposition>>,
    /// Where the endpoints are.
    pub paths: WebPaths,
    /// The page.
    pub page: Page,
    /// Reloads the settings.
    pub reloader: Reloader,
    /// Whether it does so for requests without a password.
    pub enable_lifecycle: bool,
    /// The web settings.
    pub web: Arc<Web>,
}
