//! The parts of the exporter that pushing works with.

use std::sync::Arc;

use super::metrics::Metrics;
use crate::refresh::Targets;
use crate::remote_write;
use crate::runner::Runner;
use crate::store::Store;

/// The parts of the exporter that pushing works with.
#[derive(Clone)]
pub struct Environment {
    /// The targets, and when they change.
    pub targets: Arc<Targets>,
    /// Runs mappings.
    pub runner: Arc<Runner>,
    /// Keeps the documents of days.
    pub store: Arc<dyn Store>,
    /// The metrics of days.
    pub metrics: Metrics,
    /// The metrics of requests.
    pub request_metrics: remote_write::Metrics,
}
