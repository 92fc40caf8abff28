//! The metric that names the mappings whose samples are served. It is a part of the snapshot, so that a
//! scrape with a mapping's samples names that mapping.

use prometheus::proto::{Metric, MetricFamily};

use super::part::Part;
use crate::model::metrics::{Registry, gauge_family, gauge_sample};

const INFO: &str = "copilot_exporter_mapping_info";
const INFO_HELP: &str = "Always 1; the labels identify a mapping in use for the target. It changes in the same scrape as the samples of the mapping.";
const INFO_LABELS: [&str; 5] = ["name", "org", "scope", "sha256", "version"];

/// Describes the metric for the documentation.
pub(super) fn describe(registry: &Registry) {
    registry.describe(INFO, &INFO_LABELS, INFO_HELP);
}

/// The mappings whose samples are served. `None`: there are none.
pub(super) fn mapping_info(parts: &[Part]) -> Option<MetricFamily> {
    let samples = parts.iter().flat_map(|part| {
        let [org, scope] = part.target.labels();
        part.shown().into_iter().map(move |mapping| {
            let values = [&*mapping.name, org, scope, &*mapping.sha256, &*mapping.version];
            gauge_sample(&INFO_LABELS, &values, 1.0)
        })
    });
    let samples: Vec<Metric> = samples.collect();
    (!samples.is_empty()).then(|| gauge_family(INFO, INFO_HELP, samples))
}
