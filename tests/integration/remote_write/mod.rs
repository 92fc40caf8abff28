//! The client for remote write. The tests call it directly, with samples of their own.

mod prometheus;
mod receiver;
mod revisions;
mod sign_in;

use std::sync::Arc;
use std::time::Duration;

use copilot_metrics_exporter::config::{ServeArgs, Settings};
use copilot_metrics_exporter::model::metrics::Registry;
use copilot_metrics_exporter::model::{Family, FamilySamples, MetricKind, Samples};
use copilot_metrics_exporter::remote_write::{Deadline, Endpoint, Metrics, Request, encode};
use copilot_metrics_tests::config::Config;

/// The family that marks days as complete.
const MARKER: &str = "daily_github_copilot_report_day_timestamp_seconds";

/// An endpoint, with its config file and its metrics.
struct Tested {
    endpoint: Endpoint,
    registry: Registry,
    config: Config,
}

impl Tested {
    /// An endpoint with this URL and further keys, and the files that these name.
    fn new(url: &str, keys: &str, files: &[(&str, &str)]) -> Self {
        let config = Config::new(&format!(
            "remote_write:\n- url: {url}\n  name: tested\n  queue_config: {{min_backoff: 1ms, max_backoff: 2ms}}\n  {keys}\n"
        ));
        for (name, text) in files {
            config.write(name, text);
        }
        let path = Some(config.path().display().to_string());
        let settings = Settings::new(&ServeArgs { config: path, ..ServeArgs::default() }).unwrap();
        let registry = Registry::default();
        let metrics = Metrics::new(&registry).unwrap();
        let settings = settings.remote_write.into_iter().next().unwrap();
        Self { endpoint: Endpoint::new(settings, metrics), registry, config }
    }

    fn encode(&self, samples: &Samples) -> Vec<Request> {
        encode(std::slice::from_ref(samples), self.endpoint.settings()).unwrap()
    }

    /// The value of one of the exporter's own metrics.
    fn metric(&self, series: &str) -> Option<f64> {
        let text = self.registry.encode().unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        line.map(|value| value.parse().unwrap())
    }
}

/// Nothing takes that long, unless it fails.
fn patient() -> Deadline {
    Deadline::after(Duration::from_secs(60))
}

/// Samples of one family after the other: name, value of the label `l`, value, timestamp.
fn samples(rows: &[(&str, &str, f64, i64)]) -> Samples {
    let mut samples = Samples::default();
    for (name, label, value, time) in rows {
        let id = u32::try_from(samples.strings.len()).unwrap();
        samples.strings.push((*label).to_owned());
        let known = samples.families.iter_mut().find(|(family, _)| family.name == *name);
        match known {
            Some((_, columns)) => {
                columns.label_values.push(id);
                columns.values.push(*value);
                columns.timestamps.as_mut().unwrap().push(*time);
            }
            None => {
                let family = Family {
                    name: (*name).to_owned(),
                    help: "Help.".to_owned(),
                    kind: MetricKind::Gauge,
                    label_names: vec!["l".to_owned()],
                    enabled_by: None,
                    detail: 0,
                };
                let columns = FamilySamples {
                    name: (*name).to_owned(),
                    label_values: vec![id],
                    values: vec![*value],
                    timestamps: Some(vec![*time]),
                };
                samples.families.push((Arc::new(family), columns));
            }
        }
    }
    samples
}
