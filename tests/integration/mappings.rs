/// Changes of the directory of mappings.
mod directory;
/// `mapping check` and `mapping show`.
mod offline;
/// What is stored is served before anything is compiled.
mod restart;
/// A mapping that fails repeatedly is rolled back to its predecessor.
mod rollback;
/// Limits, options, digests and directories in the settings.
mod settings;
/// Mappings are swapped while everything else continues.
mod swap;

use std::path::Path;
use std::process::Command;

use copilot_metrics_tests::command::Serving;
use copilot_metrics_tests::config::Config;
use copilot_metrics_tests::exposition::Exposition;
use copilot_metrics_tests::github::StandIn;
use copilot_metrics_tests::guests::{Mappings, scripted};

use crate::serving::{command, eventually, metrics};

/// The number of samples of the scripted mapping that are labeled with its version.
const STAMPS: usize = 500;

/// The command of an exporter for an organization, with a directory of mappings.
fn with_directory(github: &StandIn, directory: &Path) -> Command {
    let mut command = command(github, "octodemo");
    command.env("MAPPING_DIR", directory);
    command
}

/// A serving exporter with a directory of mappings, after its first refresh.
async fn start(github: &StandIn, mappings: &Mappings) -> Serving {
    let serving = Serving::start(with_directory(github, mappings.path()));
    wait_until_ready(&serving, mappings).await;
    serving
}

/// Waits until the exporter has refreshed and serves samples of every file of the directory, which are
/// compiled in the background.
async fn wait_until_ready(serving: &Serving, mappings: &Mappings) {
    let files = std::fs::read_dir(mappings.path()).unwrap().map(|file| file.unwrap().path());
    let files = files.filter(|path| path.extension().is_some_and(|extension| extension == "wasm"));
    let mut awaited = vec!["mapping in use"; files.count()];
    awaited.push("refreshed");
    while !awaited.is_empty() {
        let line = serving.wait_for("");
        if let Some(at) = awaited.iter().position(|text| line.contains(text)) {
            awaited.swap_remove(at);
        }
    }
    // A mapping that goes in use during the first refresh has samples after the next one.
    eventually(serving, |now| {
        let named = |label: &str| now.sum("copilot_exporter_mapping_info", label);
        now.series("copilot_exporter_series").count() as f64 == named("")
            && now.sum("scripted_stamp", "") == STAMPS as f64 * named("name=\"scripted\"")
    })
    .await;
}

/// The same, with a config file.
async fn configured(github: &StandIn, mappings: &Mappings, yaml: &str) -> (Serving, Config) {
    let config = Config::new(yaml);
    let mut command = with_directory(github, mappings.path());
    command.env("CONFIG_FILE", config.path());
    let serving = Serving::start(command);
    wait_until_ready(&serving, mappings).await;
    (serving, config)
}

/// A mapping that behaves well.
fn well_behaved(version: &str) -> Vec<u8> {
    scripted("scripted", version, "nothing")
}

/// The version of the scripted mapping: the same in all its samples and in the mapping's info.
pub fn version_of(exposition: &Exposition) -> Option<String> {
    let version = |series: &str| {
        let (_, rest) = series.split_once("version=\"").expect("a version");
        rest.split('"').next().expect("its end").to_owned()
    };
    let info = exposition.series("copilot_exporter_mapping_info");
    let mut info = info.filter(|(series, _)| series.contains("name=\"scripted\""));
    let named = info.next().map(|(series, _)| version(series));
    let stamps: Vec<_> =
        exposition.series("scripted_stamp").map(|(series, _)| version(series)).collect();
    match &named {
        Some(named) => assert!(stamps.len() == STAMPS && stamps.iter().all(|v| v == named)),
        None => assert!(stamps.is_empty()),
    }
    named
}

/// The number of swaps with a result.
fn swaps(exposition: &Exposition, result: &str) -> f64 {
    exposition.sum("copilot_exporter_mapping_swaps_total", &format!("result=\"{result}\""))
}

/// The version in use and the number of swaps after a reload, which waits for what it finds.
async fn settled(serving: &Serving) -> (Option<String>, f64) {
    assert_eq!(serving.post("/-/reload").await.0, 200);
    let exposition = metrics(serving).await;
    assert_eq!(swaps(&exposition, "failure"), 0.0, "{}", serving.log());
    (version_of(&exposition), swaps(&exposition, "success"))
}
