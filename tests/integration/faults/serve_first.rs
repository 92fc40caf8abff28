use std::fs;
use std::path::Path;

use copilot_metrics_tests::command::Serving;
use copilot_metrics_tests::config::Config;
use copilot_metrics_tests::exposition::Exposition;
use copilot_metrics_tests::github::{Fault, StandIn, stand_in};
use copilot_metrics_tests::guests::{Mappings, scripted, slow_to_compile};

use super::compilers::{compiling, paused};
use super::{configured, files};
use crate::serving::{eventually, metrics};

fn start(github: &StandIn, mappings: &Mappings, cache: &Path, ttl: &str) -> (Serving, Config) {
    let config = Config::new(&format!(
        "defaults: {{ttl: {ttl}}}
github: {{response_timeout: 5s}}
mapping: {{dir: {}, compile_time: 1h}}
targets: [{{organization: octodemo}}]",
        mappings.path().display()
    ));
    let mut command = configured(github, &config);
    command.env("CACHE_DIR", cache);
    (Serving::start(command), config)
}

/// A restart serves all stored samples, and the default mapping refreshes, while files with these names
/// are still being compiled.
async fn serves_first(slow: [&str; 2]) {
    let (github, mappings) = (stand_in().await, Mappings::default());
    let cache = tempfile::tempdir().unwrap();
    mappings.put("scripted.wasm", &scripted("scripted", "1", "nothing"));
    let (serving, _config) = start(&github, &mappings, cache.path(), "1h");
    serving.wait_for("refreshed");
    let is_stored = |name: &str| {
        let samples = files(&cache.path().join("documents"));
        samples.iter().any(|path| path.ends_with(name))
    };
    let before = eventually(&serving, |exposition| {
        let is_served = exposition.sum("scripted_seats", "") == 340.0;
        is_served && is_stored(".samples.scripted") && is_stored(".samples.github-copilot")
    })
    .await;
    serving.kill();
    // Nothing is compiled yet after the restart, and two files keep both compilations busy.
    fs::remove_dir_all(cache.path().join("compiled")).unwrap();
    for name in slow {
        mappings.put(name, &slow_to_compile(&scripted("slow", name, "only-seats"), 24));
    }
    github.fail("/", Fault::Hang);
    let (serving, _config) = start(&github, &mappings, cache.path(), "1s");
    let has_seats = |exposition: &Exposition| exposition.series("github_copilot_seats").count() > 0;
    let first = eventually(&serving, has_seats).await;
    for family in ["github_copilot_interactions", "github_copilot_seats", "scripted_seats"] {
        let series = |of: &Exposition| -> Vec<_> {
            of.series(family).map(|(series, value)| (series.to_owned(), value)).collect()
        };
        assert!(!series(&before).is_empty(), "{family}");
        assert_eq!(series(&first), series(&before), "{family}");
    }
    assert_eq!(first.sum("copilot_exporter_mapping_duration_seconds_count", ""), 0.0);
    // The default mapping waits for no file, however long they are compiled.
    compiling(&serving, 2).await;
    let paused = paused(serving.id());
    github.recover();
    serving.wait_for("refreshed");
    let early = metrics(&serving).await;
    assert_eq!(early.sum("scripted_seats", ""), 340.0);
    assert!(!serving.log().contains("mapping refused"), "{}", serving.log());
    // In the end, all of them are judged.
    drop(paused);
    serving.wait_for("mapping refused");
    assert_eq!(metrics(&serving).await.sum("scripted_seats", ""), 340.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_serves_what_is_stored_and_refreshes_before_slow_files_are_compiled() {
    serves_first(["a.wasm", "b.wasm"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_names_of_slow_files_do_not_matter() {
    serves_first(["y.wasm", "z.wasm"]).await;
}
