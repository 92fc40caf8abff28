//! What became of a chart.

use serde::Serialize;

/// A chart of the mapping.
#[derive(Serialize)]
pub(super) struct ChartUse {
    /// Its title.
    pub title: String,
    /// Whether the documents have samples for it.
    pub has_samples: bool,
}
