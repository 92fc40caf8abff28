/// Artifacts that are not mappings, or not what they say.
mod artifacts;
/// Registries that fail.
mod failures;
/// Where passwords are sent.
mod passwords;
/// `mapping push`.
mod push;
/// Signatures of cosign.
mod signatures;
/// Pulling from a real registry.
mod sources;

use copilot_metrics_tests::artifacts::StandInRegistry;
use copilot_metrics_tests::command::Serving;
use copilot_metrics_tests::config::Config;
use copilot_metrics_tests::github::StandIn;

use crate::serving::{command, eventually, metrics};

/// The series of the seats of the scripted mapping.
const SEATS: &str = "scripted_seats";

/// A serving exporter with a stand-in for a registry, which it checks every second. Further keys of the
/// section `mapping` are indented.
fn start_with(github: &StandIn, registry: &StandInRegistry, mapping: &str) -> (Serving, Config) {
    let reference = registry.reference("1");
    let config = Config::new(&format!(
        "mapping:\n  sources_interval: 1s\n  sources: [{reference:?}]\n  registry: {{plain_http: true}}\n{mapping}"
    ));
    let mut command = command(github, "octodemo");
    command.env("CONFIG_FILE", config.path());
    (Serving::start(command), config)
}

/// Whether the last check of a source succeeded.
async fn up(serving: &Serving, reference: &str) -> Option<f64> {
    let series = format!("copilot_exporter_mapping_source_up{{source=\"{reference}\"}}");
    metrics(serving).await.get(&series)
}

/// Waits until a mapping is in use and has data. At the start, it may be in use a moment before it has documents.
async fn wait_until_pulled(serving: &Serving) {
    serving.wait_for_all(["mapping in use", "refreshed"]);
    eventually(serving, |now| now.sum(SEATS, "") >= 340.0).await;
}

/// Waits until an artifact is refused for this cause, and checks the metrics and the page.
async fn wait_for_refusal(serving: &Serving, cause: &str, words: &str) {
    let line = serving.wait_for("mapping refused");
    assert!(line.contains(&format!("cause=\"{cause}\"")) && line.contains(words), "{line}");
    let exposition = metrics(serving).await;
    let failures = "copilot_exporter_mapping_source_failures_total";
    assert!(exposition.sum(failures, &format!("cause=\"{cause}\"")) >= 1.0);
    let swaps =
        format!("copilot_exporter_mapping_swaps_total{{reason=\"{cause}\",result=\"failure\"}}");
    assert!(exposition.get(&swaps).is_some_and(|count| count >= 1.0), "{swaps}");
    assert!(serving.get("/").await.1.contains("oci://"));
}
