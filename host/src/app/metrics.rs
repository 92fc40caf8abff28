//! The exporter's own metrics.

use std::sync::Arc;

use prometheus::IntGauge;

use crate::model::{metrics, version};
use crate::output::{Collector, Publisher};
use crate::{github, log, mappings, oci, push, refresh, remote_write, runner, store, web};

/// The exporter's own metrics, all of them. Each module defines its own.
pub struct Metrics {
    /// The registry.
    pub registry: metrics::Registry,
    /// Those of requests to GitHub.
    pub github: github::Metrics,
    /// Those of the runs of mappings.
    pub runner: runner::Metrics,
    /// Those of scrapes.
    pub web: web::Metrics,
    pub(super) demo: IntGauge,
    pub(super) log: log::Metrics,
    pub(super) store: store::Metrics,
    pub(super) valkey: store::ValkeyMetrics,
    pub(super) mappings: mappings::Metrics,
    pub(super) oci: oci::Metrics,
    pub(super) refresh: refresh::Metrics,
    /// Those of requests to endpoints for remote write.
    pub remote_write: remote_write::Metrics,
    pub(super) push: push::Metrics,
}

impl Metrics {
    /// Registers every metric. It fails only if two have the same name.
    pub fn new() -> prometheus::Result<Self> {
        let registry = metrics::Registry::default();
        let build = registry.int_gauges(
            "copilot_exporter_build_info",
            "Always 1; the labels are the version of the exporter, and the commit that it was built from, with its date.",
            &["version", "revision", "build_date"],
        )?;
        build.with_label_values(&[version::VERSION, version::REVISION, version::BUILD_DATE]).set(1);
        let demo = registry.int_gauge(
            "copilot_exporter_demo",
            "1 if the numbers are those of the demo, else 0.",
        )?;
        #[cfg(target_os = "linux")]
        registry.register_boxed(Box::new(
            prometheus::process_collector::ProcessCollector::for_self(),
        ))?;
        Ok(Self {
            demo,
            log: log::Metrics::new(&registry)?,
            github: github::Metrics::new(&registry)?,
            store: store::Metrics::new(&registry)?,
            valkey: store::ValkeyMetrics::new(&registry)?,
            runner: runner::Metrics::new(&registry)?,
            mappings: mappings::Metrics::new(&registry)?,
            oci: oci::Metrics::new(&registry)?,
            refresh: refresh::Metrics::new(&registry)?,
            remote_write: remote_write::Metrics::new(&registry)?,
            push: push::Metrics::new(&registry)?,
            web: web::Metrics::new(&registry)?,
            registry,
        })
    }

    /// Starts a publisher with its metrics. It must be called within a tokio runtime.
    pub fn publisher(&self) -> prometheus::Result<Arc<Publisher>> {
        let publisher = Publisher::start(&self.registry)?;
        Collector::register(&publisher, &self.registry)?;
        Ok(publisher)
    }
}
