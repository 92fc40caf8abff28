use std::fs;

use copilot_metrics_tests::command::{Serving, output};
use copilot_metrics_tests::config::Config;
use copilot_metrics_tests::exposition::Exposition;
use copilot_metrics_tests::github::{StandIn, stand_in};
use copilot_metrics_tests::guests::{Mappings, scripted};

use super::compilers::{Stopped, compilers, compiling, ended, slow};
use super::{assert_scrapes_are_fast, configured, files, reload};
use crate::lifecycle::assert_stops;
use crate::serving::{command, eventually, metrics};

/// An exporter with a directory of mappings and these settings of mappings.
fn serving(github: &StandIn, mappings: &Mappings, settings: &str) -> (Serving, Config) {
    let config = Config::new(&format!(
        "mapping: {{dir: {}, {settings}}}\ntargets: [{{organization: octodemo}}]",
        mappings.path().display()
    ));
    let serving = Serving::start(configured(github, &config));
    serving.wait_for("refreshed");
    (serving, config)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mapping_that_compiles_for_too_long_is_refused_and_the_next_one_is_used() {
    let (github, mappings) = (stand_in().await, Mappings::default());
    let (serving, _config) = serving(&github, &mappings, "compile_time: 30s");
    mappings.put("slow.wasm", &slow());
    let compiler = compiling(&serving, 1).await[0];
    let _stopped = Stopped::new(compiler);
    mappings.put("scripted.wasm", &scripted("scripted", "1", "nothing"));
    let refused = serving.wait_for("mapping refused");
    assert!(refused.contains("takes more than 30 s"), "{refused}");
    assert!(refused.contains("mapping.compile_time"), "{refused}");
    ended(compiler).await;
    let after = eventually(&serving, |metrics| metrics.sum("scripted_seats", "") == 340.0).await;
    assert_eq!(after.sum("copilot_exporter_mapping_swaps_total", "compile_time"), 1.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mapping_that_needs_too_much_memory_to_compile_is_refused() {
    let (github, mappings) = (stand_in().await, Mappings::default());
    let (serving, _config) = serving(&github, &mappings, "compile_memory_mib: 64");
    mappings.put("slow.wasm", &slow());
    let refused = serving.wait_for("mapping refused");
    assert!(refused.contains("needs more than 64 MiB"), "{refused}");
    assert!(refused.contains("mapping.compile_memory_mib"), "{refused}");
    let after = metrics(&serving).await;
    assert_eq!(after.sum("copilot_exporter_mapping_swaps_total", "compile_memory"), 1.0);
    assert_eq!(after.sum("copilot_exporter_up", ""), 1.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn scrapes_reloads_and_the_end_do_not_wait_for_a_compilation() {
    let (github, mappings) = (stand_in().await, Mappings::default());
    let (serving, _config) = serving(&github, &mappings, "compile_time: 1h");
    mappings.put("slow.wasm", &slow());
    let compiler = compiling(&serving, 1).await[0];
    let _stopped = Stopped::new(compiler);
    assert_scrapes_are_fast(&serving).await;
    reload(&serving).await;
    assert_eq!(compilers(serving.id()), [compiler], "a reload does not start it again");
    assert_stops(serving).await;
    ended(compiler).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_compilation_of_a_file_ends_when_it_is_replaced_or_removed_or_the_exporter_is_killed() {
    let (github, mappings) = (stand_in().await, Mappings::default());
    let (serving, _config) = serving(&github, &mappings, "compile_time: 1h");
    mappings.put("scripted.wasm", &slow());
    let compiler = compiling(&serving, 1).await[0];
    mappings.put("scripted.wasm", &scripted("scripted", "2", "nothing"));
    ended(compiler).await;
    eventually(&serving, |metrics| metrics.sum("scripted_seats", "") == 340.0).await;
    mappings.put("slow.wasm", &slow());
    let compiler = compiling(&serving, 1).await[0];
    mappings.remove("slow.wasm");
    ended(compiler).await;
    mappings.put("slow.wasm", &slow());
    let compiler = compiling(&serving, 1).await[0];
    serving.kill();
    ended(compiler).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_compiles_has_no_secrets_in_its_environment() {
    let (github, mappings) = (stand_in().await, Mappings::default());
    let (serving, _config) = serving(&github, &mappings, "compile_time: 1h");
    mappings.put("slow.wasm", &slow());
    let compiler = compiling(&serving, 1).await[0];
    let environment = |process: u32| fs::read(format!("/proc/{process}/environ")).unwrap();
    assert!(!environment(serving.id()).is_empty());
    let environment = String::from_utf8(environment(compiler)).unwrap();
    let names: Vec<&str> = environment.split_terminator('\0').collect();
    assert!(names.iter().all(|name| name.starts_with("RAYON_NUM_THREADS=")), "{names:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flipped_bit_in_compiled_code_is_noticed_and_the_mapping_is_compiled_again() {
    let (github, cache) = (stand_in().await, tempfile::tempdir().unwrap());
    let start = || {
        let mut command = command(&github, "octodemo");
        command.env("CACHE_DIR", cache.path());
        Serving::start(command)
    };
    let code = || -> Vec<_> {
        let found = files(&cache.path().join("compiled")).into_iter();
        found.filter(|path| path.extension().is_some_and(|extension| extension == "code")).collect()
    };
    start().wait_for("refreshed");
    let [path] = &code()[..] else { panic!("{:?}", code()) };
    let intact = fs::read(path).unwrap();
    // In the middle, where the machine code is.
    let mut flipped = intact.clone();
    flipped[intact.len() / 2] ^= 0x10;
    fs::write(path, &flipped).unwrap();
    let serving = start();
    let warning = serving.wait_for("its digest does not match");
    assert!(warning.contains("compiled again"), "{warning}");
    let failures = "copilot_exporter_cache_store_failures_total";
    let is_done = |metrics: &Exposition| metrics.sum(failures, "corrupt") == 1.0 && path.exists();
    let counted = eventually(&serving, is_done).await;
    assert!(counted.sum("github_copilot_seats", "") > 0.0);
    assert_eq!(fs::read(path).unwrap(), intact);
}

#[test]
fn mapping_check_has_the_same_limits() {
    let (directory, config) =
        (tempfile::tempdir().unwrap(), Config::new("mapping: {compile_time: 1s}"));
    let file = directory.path().join("slow.wasm");
    fs::write(&file, slow()).unwrap();
    let mut command = copilot_metrics_tests::command::exporter();
    command.args(["mapping", "check", "--config"]).arg(config.path()).arg(&file);
    let checked = output(command);
    assert_eq!(checked.status.code(), Some(65));
    let report = String::from_utf8_lossy(&checked.stdout).into_owned();
    assert!(report.contains("FAIL  compile    compiling it takes more than 1 s"), "{report}");
}
