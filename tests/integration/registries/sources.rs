use std::fs;
use std::process::Command;

use copilot_metrics_tests::artifacts::StandInRegistry;
use copilot_metrics_tests::command::{Serving, exporter, output};
use copilot_metrics_tests::config::Config;
use copilot_metrics_tests::github::{Fault, StandIn, stand_in};
use copilot_metrics_tests::guests::{Mappings, contract_0_1, scripted};
use copilot_metrics_tests::registry::Registry;
use serde_json::json;

use super::{SEATS, start_with, up, wait_until_pulled};
use crate::mappings::version_of;
use crate::serving::{command, metrics};

/// Pushes a mapping, and returns its reference with the digest.
pub(super) fn push(registry: &Registry, name: &str, component: &[u8]) -> String {
    let files = Mappings::default();
    files.put("mapping.wasm", component);
    let mut command = exporter();
    command.args(["mapping", "push"]).arg(files.file("mapping.wasm"));
    command.arg(registry.reference(name));
    registry.sign_in(&mut command);
    let pushed = output(command);
    let text = String::from_utf8(pushed.stdout).unwrap();
    assert!(pushed.status.success(), "{text}{}", String::from_utf8_lossy(&pushed.stderr));
    text.lines().last().unwrap().to_owned()
}

/// An exporter with sources in a registry, which checks them every second.
fn exporter_for(github: &StandIn, sources: &[&str]) -> (Command, Config) {
    let sources: Vec<_> = sources.iter().map(|source| format!("{source:?}")).collect();
    let yaml = format!("mapping: {{sources_interval: 1s, sources: [{}]}}", sources.join(", "));
    let config = Config::new(&yaml);
    let mut command = command(github, "octodemo");
    command.env("CONFIG_FILE", config.path());
    (command, config)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pushed_mapping_is_pulled_by_tag_and_by_digest_with_tls_and_a_password() {
    let (github, registry) = (stand_in().await, Registry::start().await);
    let digest = push(&registry, "team/seats:1", &scripted("scripted", "1", "nothing"));
    let tag = registry.reference("team/seats:1");
    assert!(digest.starts_with(&registry.reference("team/seats@sha256:")), "{digest}");
    // With variables.
    let mut by_tag = command(&github, "octodemo");
    by_tag.env("MAPPING_SOURCES", &tag);
    registry.sign_in(&mut by_tag);
    let serving = Serving::start(by_tag);
    wait_until_pulled(&serving).await;
    assert_eq!(metrics(&serving).await.sum(SEATS, ""), 340.0);
    let info = format!(
        "copilot_exporter_mapping_source_info{{digest=\"{}\",source=\"{tag}\"}}",
        digest.split_once('@').unwrap().1
    );
    assert_eq!(metrics(&serving).await.get(&info), Some(1.0));
    // With Docker's file, as after `docker login`.
    let mut by_digest = command(&github, "octodemo");
    by_digest
        .env("MAPPING_SOURCES", &digest)
        .env("DOCKER_CONFIG", registry.docker_config())
        .env("REGISTRY_CA_FILE", registry.ca_file());
    let serving = Serving::start(by_digest);
    wait_until_pulled(&serving).await;
    assert_eq!(metrics(&serving).await.sum(SEATS, ""), 340.0);
    assert_eq!(up(&serving, &digest).await, Some(1.0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tag_that_moves_swaps_the_mapping_once_and_sends_no_request_to_github() {
    let (github, registry) = (stand_in().await, Registry::start().await);
    let reference = registry.reference("team/seats:latest");
    push(&registry, "team/seats:latest", &scripted("scripted", "1", "nothing"));
    let (mut command, _config) = exporter_for(&github, &[&reference]);
    registry.sign_in(&mut command);
    let serving = Serving::start(command);
    wait_until_pulled(&serving).await;
    let requests = github.requests().len();
    push(&registry, "team/seats:latest", &scripted("scripted", "2", "nothing"));
    let line = serving.wait_for("mapping in use");
    assert!(line.contains("version=\"2\"") && line.contains(&reference), "{line}");
    // Further checks find nothing new.
    for _ in 0..2 {
        assert_eq!(serving.post("/-/reload").await.0, 200);
    }
    // The same content under another manifest is not a swap either.
    push(&registry, "team/seats:latest", &scripted("scripted", "2", "nothing"));
    serving.wait_for("mapping pulled");
    assert_eq!(serving.post("/-/reload").await.0, 200);
    let exposition = metrics(&serving).await;
    let swaps = |reason: &str| {
        let series = format!("{{reason=\"{reason}\",result=\"success\"}}");
        exposition.get(&format!("copilot_exporter_mapping_swaps_total{series}")).unwrap_or_default()
    };
    assert_eq!(swaps("start") + swaps("added"), 2.0, "version 1 and version 2");
    assert_eq!(exposition.sum(SEATS, ""), 340.0);
    assert_eq!(github.requests().len(), requests);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mapping_that_fails_its_dry_run_is_refused_and_its_predecessor_stays() {
    let (github, registry) = (stand_in().await, StandInRegistry::start().await);
    registry.mapping("1", &scripted("scripted", "1", "nothing"));
    let (serving, _config) = start_with(&github, &registry, "");
    wait_until_pulled(&serving).await;
    // `mapping push` would refuse it.
    registry.mapping("1", &scripted("scripted", "2", "trap-in-finish"));
    let line = serving.wait_for("mapping refused");
    assert!(line.contains(&registry.reference("1")) && line.contains("dry run"), "{line}");
    assert_eq!(metrics(&serving).await.sum(SEATS, ""), 340.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mapping_that_fails_repeatedly_is_rolled_back_until_the_tag_moves() {
    let (github, registry) = (stand_in().await, StandInRegistry::start().await);
    registry.mapping("1", &scripted("scripted", "1", "nothing"));
    let reference = registry.reference("1");
    let config = Config::new(&format!(
        "defaults: {{ttl: 1s, documents: {{seats: false}}}}\nmapping: {{sources_interval: 1s, \
         sources: [{reference:?}], registry: {{plain_http: true}}}}"
    ));
    let mut command = command(&github, "octodemo");
    command.env("CONFIG_FILE", config.path());
    let serving = Serving::start(command);
    wait_until_pulled(&serving).await;
    registry.mapping("1", &scripted("scripted", "2", "trap-when-told"));
    serving.wait_for("mapping in use");
    let trap = r#"{"seat_breakdown": {"total": 7}, "seat_management_setting": "trap now"}"#;
    github.fail("/copilot/billing", Fault::Body(trap.into()));
    let line = serving.wait_for("mapping rolled back");
    assert!(line.contains(&reference) && line.contains("now=\"1\""), "{line}");
    // What the tag points to is not tried again.
    assert_eq!(serving.post("/-/reload").await.0, 200);
    assert_eq!(version_of(&metrics(&serving).await), Some("1".to_owned()));
    registry.mapping("1", &scripted("scripted", "3", "nothing"));
    let line = serving.wait_for("mapping in use");
    assert!(line.contains("version=\"3\""), "{line}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_that_is_down_costs_nothing_after_a_restart() {
    let (github, mut registry) = (stand_in().await, Registry::start().await);
    let cache = tempfile::tempdir().unwrap();
    let reference = registry.reference("team/seats:1");
    push(&registry, "team/seats:1", &scripted("scripted", "1", "nothing"));
    let (mut command, _config) = exporter_for(&github, &[&reference]);
    registry.sign_in(&mut command);
    command.env("CACHE_DIR", cache.path());
    let serving = Serving::start(command);
    wait_until_pulled(&serving).await;
    serving.kill();
    let (mut command, _config) = exporter_for(&github, &[&reference]);
    registry.sign_in(&mut command);
    command.env("CACHE_DIR", cache.path());
    registry.stop();
    let serving = Serving::start(command);
    // Two checks fail; the log says it once.
    let line = serving.wait_for("cannot check the source of a mapping");
    assert!(line.contains("reason=\"unreachable\""), "{line}");
    let failures = "copilot_exporter_mapping_source_failures_total";
    while metrics(&serving).await.sum(failures, "") < 2.0
        || !serving.log().contains("mapping in use")
    {
        tokio::task::yield_now().await;
    }
    assert_eq!(serving.log().matches("cannot check the source of a mapping").count(), 1);
    assert_eq!(metrics(&serving).await.sum(SEATS, ""), 340.0);
    assert_eq!(up(&serving, &reference).await, Some(0.0));
    registry.start_again().await;
    serving.wait_for("the source of a mapping can be checked again");
    assert_eq!(up(&serving, &reference).await, Some(1.0));
    // What is kept is private, and has no password in it.
    for file in fs::read_dir(cache.path().join("sources")).unwrap() {
        let bytes = fs::read(file.unwrap().path()).unwrap();
        assert!(!String::from_utf8_lossy(&bytes).contains(registry.password()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mapping_of_contract_0_1_from_the_same_registry_runs() {
    let (github, registry) = (stand_in().await, Registry::start().await);
    push(&registry, "team/seats:1", &scripted("scripted", "1", "nothing"));
    push(&registry, "team/legacy:1", &contract_0_1());
    let references = ["team/seats:1", "team/legacy:1"].map(|name| registry.reference(name));
    let (mut command, _config) = exporter_for(&github, &[&references[0], &references[1]]);
    registry.sign_in(&mut command);
    let serving = Serving::start(command);
    wait_until_pulled(&serving).await;
    for family in ["legacy_contract_seats", SEATS] {
        while metrics(&serving).await.sum(family, "") < 340.0 {
            tokio::task::yield_now().await;
        }
    }
}

/// `wkg oci push` (`crates/wkg/src/oci.rs` of <https://github.com/bytecodealliance/wasm-pkg-tools>) pushes with
/// the crate `oci-wasm`: `WasmConfig::from_component` is the config, `WasmClient::push` makes the manifest.
#[tokio::test(flavor = "multi_thread")]
async fn what_wkg_pushes_is_pulled() {
    let (github, registry) = (stand_in().await, StandInRegistry::start().await);
    let component = scripted("scripted", "1", "nothing");
    let layer = registry.blob("application/wasm", &component);
    let config = json!({
        "created": "2026-11-26T19:36:45.123456789Z",
        "author": null,
        "architecture": "wasm",
        "os": "wasip2",
        "layerDigests": [layer["digest"]],
        "component": {
            "exports": ["copilot-metrics-exporter:mapping/mapper@0.2.0"],
            "imports": [],
            "target": null,
        },
    });
    let config =
        registry.blob("application/vnd.wasm.config.v0+json", config.to_string().as_bytes());
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": config,
        "layers": [layer],
        "annotations": {"org.opencontainers.image.description": "Seats"},
    });
    registry.manifest("1", &manifest);
    let (serving, _config) = start_with(&github, &registry, "");
    wait_until_pulled(&serving).await;
    assert_eq!(metrics(&serving).await.sum(SEATS, ""), 340.0);
}
