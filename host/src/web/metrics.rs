//! Metrics of the scrapes.

use prometheus::IntCounter;

use crate::model::metrics::Registry;

/// Counts scrapes. Clones share the metrics.
#[derive(Clone)]
pub struct Metrics {
    scrapes: IntCounter,
    cache_hits: IntCounter,
    cache_hits_total: IntCounter,
}

impl Metrics {
    /// Registers the metrics.
    pub fn new(registry: &Registry) -> prometheus::Result<Self> {
        Ok(Self {
            scrapes: registry.counter(
                "copilot_exporter_requests_total",
                "Number of requests to /metrics and /metrics/data.",
            )?,
            cache_hits: registry.counter(
                "copilot_exporter_cache_hits",
                "Number of requests to /metrics that were served from the cache: all but those before the first data.",
            )?,
            cache_hits_total: registry.counter(
                "copilot_exporter_cache_hits_total",
                "Same as copilot_exporter_cache_hits, under the name that dashboards use.",
            )?,
        })
    }

    /// A scrape. `cached`: whether there was data to serve.
    pub(super) fn count_scrape(&self, cached: bool) {
        self.scrapes.inc();
        if cached {
            self.cache_hits.inc();
            self.cache_hits_total.inc();
        }
    }
}
