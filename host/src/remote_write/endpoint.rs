//! An endpoint.

use std::sync::Arc;

use super::http::Http;
use super::metrics::Metrics;
use crate::config::RemoteWriteSettings;

/// An endpoint for remote write, and its query API if the settings have its URL.
pub struct Endpoint {
    pub(super) settings: Arc<RemoteWriteSettings>,
    pub(super) receiver: Http,
    pub(super) queries: Option<Http>,
    pub(super) metrics: Metrics,
}

impl Endpoint {
    /// An endpoint with these settings. Nothing is sent or read yet.
    pub fn new(settings: RemoteWriteSettings, metrics: Metrics) -> Self {
        let settings = Arc::new(settings);
        metrics.initialize(&settings.name);
        Self {
            receiver: Http::new(&settings, &settings.url),
            queries: settings.query_url.as_ref().map(|url| Http::new(&settings, url)),
            settings,
            metrics,
        }
    }

    /// The value of the label `endpoint`.
    pub fn name(&self) -> &str {
        &self.settings.name
    }

    /// Its settings.
    pub fn settings(&self) -> &RemoteWriteSettings {
        &self.settings
    }
}
