/// What an endpoint is sent.
mod receiver;
/// What a real Prometheus server stores and returns.
mod server;

use copilot_metrics_tests::command::Serving;
use copilot_metrics_tests::config::Config;
use copilot_metrics_tests::fixtures::read;
use copilot_metrics_tests::github::{Fault, StandIn};

use crate::serving::{command, metrics};

/// The family that marks days as complete.
const MARKER: &str = "daily_github_copilot_report_day_timestamp_seconds";
/// How many days have reports.
const DAYS: usize = 28;

/// A config file with these endpoints: name, URL and further keys.
fn config_of(endpoints: &[(&str, &str, &str)]) -> String {
    let endpoints = endpoints.iter().map(|(name, url, keys)| {
        format!("- name: {name}\n  url: {url}\n  queue_config: {{min_backoff: 1ms, max_backoff: 10ms}}\n  {keys}\n")
    });
    format!("remote_write:\n{}", endpoints.collect::<String>())
}

/// An exporter of an organization with this config file, further environment variables, and this many
/// seconds between refreshes.
fn start(github: &StandIn, config: &Config, seconds: &str, more: &[(&str, &str)]) -> Serving {
    let mut command = command(github, "octodemo");
    command.env("CONFIG_FILE", config.path()).env("CACHE_TTL_SECONDS", seconds);
    command.envs(more.iter().copied());
    Serving::start(command)
}

/// The value of one of the metrics about days at an endpoint; 0 without one.
async fn days(serving: &Serving, metric: &str, endpoint: &str) -> usize {
    let exposition = metrics(serving).await;
    let family = format!("copilot_exporter_remote_write_days_{metric}_total");
    exposition.sum(&family, &format!("endpoint=\"{endpoint}\"")) as usize
}

/// Makes the exporter fetch a document that has changed, although in nothing that matters.
fn change(github: &StandIn) {
    let changed = [read("demo/octodemo/billing.json"), b"\n\n".to_vec()].concat();
    github.fail("/octodemo/copilot/billing", Fault::Body(changed.into()));
}
