use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use copilot_metrics_exporter::model::digest::sha256;
use copilot_metrics_exporter::wasm::DEFAULT_MAPPING;
use copilot_metrics_tests::command::{Serving, client, exporter, output, printed, run};
use copilot_metrics_tests::config::Config;
use copilot_metrics_tests::exposition::Exposition;
use copilot_metrics_tests::github::{Fault, StandIn, stand_in};
use copilot_metrics_tests::guests::{Mappings, scripted};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::serving::{command, metrics};

/// How often mappings are swapped under load.
const SWAPS: usize = 200;
/// How many clients scrape meanwhile.
const CLIENTS: usize = 8;

/// An exporter of an organization with a folder of mappings.
fn with_folder(github: &StandIn, folder: &Path) -> Command {
    let mut command = command(github, "octodemo");
    command.env("MAPPING_DIR", folder);
    command
}

/// The same, with its first data.
fn start(github: &StandIn, mappings: &Mappings) -> Serving {
    let serving = Serving::start(with_folder(github, mappings.path()));
    serving.wait_for("refreshed");
    serving
}

/// The same with a config file.
fn configured(github: &StandIn, mappings: &Mappings, yaml: &str) -> (Serving, Config) {
    let config = Config::new(yaml);
    let mut command = with_folder(github, mappings.path());
    command.env("CONFIG_FILE", config.path());
    let serving = Serving::start(command);
    serving.wait_for("refreshed");
    (serving, config)
}

fn tame(version: &str) -> Vec<u8> {
    scripted("scripted", version, "nothing")
}

/// The version that made the scripted samples: one for all of them, and for the mapping's info.
fn version_of(exposition: &Exposition) -> Option<String> {
    let version = |series: &str| {
        let (_, rest) = series.split_once("version=\"").expect("a version");
        rest.split('"').next().expect("its end").to_owned()
    };
    let info = exposition.series("copilot_exporter_mapping_info");
    let mut info = info.filter(|(series, _)| series.contains("name=\"scripted\""));
    let named = info.next().map(|(series, _)| version(series));
    let made: Vec<_> =
        exposition.series("scripted_stamp").map(|(series, _)| version(series)).collect();
    match &named {
        Some(named) => assert!(made.len() == 500 && made.iter().all(|v| v == named)),
        None => assert!(made.is_empty()),
    }
    named
}

/// Checks that what is served is wholly of version 0 or wholly of version 1, and of the mapping
/// beside it. It reads only what it must: it is the clients that have to keep up here.
fn assert_whole(text: &str) {
    let mut made = [0, 0];
    let mut seats = 0;
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("scripted_stamp{") {
            made[usize::from(rest.ends_with("version=\"1\"} 1"))] += 1;
        } else if line.starts_with("copilot_exporter_mapping_info{name=\"scripted\"") {
            made[usize::from(line.ends_with("version=\"1\"} 1"))] += 1;
        } else if line.starts_with("github_copilot_seats{") {
            seats += 1;
        }
    }
    assert!(made == [501, 0] || made == [0, 501], "{made:?}");
    assert_eq!(seats, 1);
}

fn swaps(exposition: &Exposition, result: &str) -> f64 {
    exposition.sum("copilot_exporter_mapping_swaps_total", &format!("result=\"{result}\""))
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_swaps_under_load_fail_no_scrape_mix_nothing_and_ask_github_nothing() {
    let (github, mappings) = (stand_in().await, Mappings::default());
    mappings.put("scripted.wasm", &tame("0"));
    let serving = start(&github, &mappings);
    let requests = github.requests().len();
    let (done, scrapes) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let url = serving.url("/metrics");
            let (done, scrapes) = (Arc::clone(&done), Arc::clone(&scrapes));
            tokio::spawn(async move {
                let client = client();
                while !done.load(Ordering::Relaxed) {
                    let response = client.get(&url).send().await.unwrap();
                    assert_eq!(response.status(), 200);
                    assert_whole(&response.text().await.unwrap());
                    scrapes.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    for swap in 1..=SWAPS {
        mappings.put("scripted.wasm", &tame(&(swap % 2).to_string()));
        serving.wait_for("mapping in use");
    }
    done.store(true, Ordering::Relaxed);
    for client in clients {
        client.await.unwrap();
    }
    let exposition = metrics(&serving).await;
    assert_eq!(swaps(&exposition, "failure"), 0.0);
    let added = "copilot_exporter_mapping_swaps_total{reason=\"added\",result=\"success\"}";
    assert_eq!(exposition.value(added), SWAPS as f64);
    assert_eq!(github.requests().len(), requests);
    assert!(scrapes.load(Ordering::Relaxed) > SWAPS);
}

/// The version in use after a reload, which looks too: what was to happen has happened then.
async fn settled(serving: &Serving) -> (Option<String>, f64) {
    assert_eq!(serving.post("/-/reload").await.0, 200);
    let exposition = metrics(serving).await;
    assert_eq!(swaps(&exposition, "failure"), 0.0, "{}", serving.log());
    (version_of(&exposition), swaps(&exposition, "success"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_renamed_over_another_is_one_swap() {
    let (github, mappings) = (stand_in().await, Mappings::default());
    let serving = start(&github, &mappings);
    mappings.put("scripted.wasm", &tame("1"));
    serving.wait_for("mapping in use");
    assert_eq!(settled(&serving).await, (Some("1".to_owned()), 1.0));
    mappings.put("scripted.wasm", &tame("2"));
    serving.wait_for("mapping in use");
    assert_eq!(settled(&serving).await, (Some("2".to_owned()), 2.0));
    // The same again is none.
    mappings.put("scripted.wasm", &tame("2"));
    assert_eq!(settled(&serving).await, (Some("2".to_owned()), 2.0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_written_slowly_in_place_is_one_swap() {
    let (github, mappings) = (stand_in().await, Mappings::default());
    mappings.put("scripted.wasm", &tame("1"));
    let serving = start(&github, &mappings);
    let bytes = tame("2");
    let mut file = File::create(mappings.file("scripted.wasm")).unwrap();
    for piece in bytes.chunks(bytes.len() / 6) {
        file.write_all(piece).unwrap();
        // The point: longer than any pause after which the folder is looked into.
        tokio::time::sleep(Duration::from_millis(250)).await;
        assert_eq!(version_of(&metrics(&serving).await), Some("1".to_owned()));
    }
    drop(file);
    serving.wait_for("version=\"2\"");
    // The one at the start, and this one.
    assert_eq!(settled(&serving).await, (Some("2".to_owned()), 2.0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_config_map_that_kubernetes_swaps_is_one_swap() {
    let (github, mappings) = (stand_in().await, Mappings::default());
    let folder = mappings.path();
    // As the kubelet lays a ConfigMap out: a link to a link to a folder.
    let lay = |generation: &str, version: &str| {
        let data = folder.join(format!("..{generation}"));
        fs::create_dir(&data).unwrap();
        fs::write(data.join("scripted.wasm"), tame(version)).unwrap();
        symlink(format!("..{generation}"), folder.join("..data_tmp")).unwrap();
        fs::rename(folder.join("..data_tmp"), folder.join("..data")).unwrap();
    };
    lay("2026_11_01", "1");
    symlink("..data/scripted.wasm", folder.join("scripted.wasm")).unwrap();
    let serving = start(&github, &mappings);
    assert_eq!(settled(&serving).await, (Some("1".to_owned()), 1.0));
    lay("2026_11_02", "2");
    fs::remove_dir_all(folder.join("..2026_11_01")).unwrap();
    serving.wait_for("version=\"2\"");
    assert_eq!(settled(&serving).await, (Some("2".to_owned()), 2.0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_comes_later_or_is_replaced_is_looked_into() {
    let (github, folder) = (stand_in().await, tempfile::tempdir().unwrap());
    let path = folder.path().join("mappings");
    let serving = Serving::start(with_folder(&github, &path));
    serving.wait_for("refreshed");
    let make = |version: &str| {
        let new = folder.path().join(version);
        fs::create_dir(&new).unwrap();
        fs::write(new.join("scripted.wasm"), tame(version)).unwrap();
        new
    };
    fs::rename(make("1"), &path).unwrap();
    serving.wait_for("mapping in use");
    fs::rename(&path, folder.path().join("old")).unwrap();
    fs::rename(make("2"), &path).unwrap();
    serving.wait_for("version=\"2\"");
    // It is watched itself now.
    fs::write(path.join("scripted.wasm"), tame("3")).unwrap();
    serving.wait_for("version=\"3\"");
    assert_eq!(version_of(&metrics(&serving).await), Some("3".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mapping_of_the_same_name_replaces_the_default_until_it_is_removed() {
    let (github, mappings) = (stand_in().await, Mappings::default());
    let serving = start(&github, &mappings);
    let before = metrics(&serving).await;
    let requests = github.requests().len();
    mappings.put("other.wasm", &scripted("github-copilot", "9", "nothing"));
    serving.wait_for("mapping in use");
    let replaced = metrics(&serving).await;
    assert_eq!(replaced.sum("scripted_seats", ""), 340.0);
    assert_eq!(replaced.series("github_copilot_seats").count(), 0);
    mappings.remove("other.wasm");
    serving.wait_for("mapping no longer in use");
    let after = metrics(&serving).await;
    assert_eq!(after.series("scripted_seats").count(), 0);
    let seats = |of: &Exposition| of.sum("github_copilot_seats", "");
    assert_eq!(seats(&after), seats(&before));
    // The documents had been kept for it.
    assert_eq!(github.requests().len(), requests);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_new_mapping_wants_and_the_cache_lacks_is_fetched_next() {
    let (github, mappings) = (stand_in().await, Mappings::default());
    mappings.put("scripted.wasm", &tame("1"));
    let (serving, _config) = configured(&github, &mappings, "mapping: {default: false}");
    let is_billing = |path: &str| path.ends_with("/copilot/billing");
    assert!(github.requests().iter().all(|request| is_billing(&request.path)));
    // It wants billing too, and five documents more.
    mappings.put("copilot.wasm", DEFAULT_MAPPING);
    serving.wait_for("mapping in use");
    serving.wait_for("refreshed");
    let exposition = metrics(&serving).await;
    assert_eq!(exposition.sum("github_copilot_seats", ""), 340.0);
    assert_eq!(exposition.sum("scripted_seats", ""), 340.0);
    assert_eq!(exposition.sum("copilot_exporter_up", ""), 1.0);
    let billing = github.requests().iter().filter(|request| is_billing(&request.path)).count();
    assert_eq!(billing, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_exporters_own_metrics_name_the_mappings_and_measure_them() {
    let (github, mappings) = (stand_in().await, Mappings::default());
    let mut command = with_folder(&github, mappings.path());
    command.env("ENTERPRISE", "octo-enterprise");
    let serving = Serving::start(command);
    serving.wait_for("refreshed");
    serving.wait_for("refreshed");
    let before = metrics(&serving).await;
    mappings.put("scripted.wasm", &tame("1"));
    serving.wait_for("mapping in use");
    let now = metrics(&serving).await;
    // Two mappings for each of two targets.
    let info = "copilot_exporter_mapping_info";
    assert_eq!((before.series(info).count(), now.series(info).count()), (2, 4));
    let sha256 = printed(["mapping", "show", mappings.file("scripted.wasm").to_str().unwrap()]);
    let sha256 = sha256.lines().find_map(|line| line.strip_prefix("sha256   ")).unwrap();
    let of = |org: &str, scope: &str| {
        format!(
            "{info}{{name=\"scripted\",org=\"{org}\",scope=\"{scope}\",sha256=\"{sha256}\",version=\"1\"}}"
        )
    };
    assert_eq!(now.value(&of("octodemo", "organization")), 1.0);
    assert_eq!(now.value(&of("octo-enterprise", "enterprise")), 1.0);
    let scripted = "mapping=\"scripted\"";
    assert!(now.sum("copilot_exporter_mapping_memory_max_bytes", scripted) > 1e6);
    assert!(now.sum("copilot_exporter_mapping_duration_seconds_count", scripted) >= 1.0);
    assert_eq!(now.sum("copilot_exporter_series", scripted), 501.0);
    assert_eq!(now.value("copilot_exporter_mapping_last_swap_successful"), 1.0);
    let time = "copilot_exporter_mapping_last_swap_success_timestamp_seconds";
    assert!(now.value(time) > before.value(time));
    assert_eq!(now.value("copilot_exporter_mappings_quarantined"), 0.0);
    // Of a mapping that is gone nothing stays.
    mappings.remove("scripted.wasm");
    serving.wait_for("mapping no longer in use");
    let after = metrics(&serving).await;
    assert_eq!(after.series(info).count(), 2);
    assert_eq!(after.series("copilot_exporter_series").count(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_limits_of_the_config_file_are_kept_and_can_change() {
    let (github, mappings) = (stand_in().await, Mappings::default());
    let (serving, config) = configured(&github, &mappings, "mapping: {series: 2000}");
    config.write("config.yaml", "mapping: {series: 300}");
    assert_eq!(serving.post("/-/reload").await.0, 200);
    mappings.put("scripted.wasm", &tame("1"));
    let line = serving.wait_for("mapping refused");
    assert!(line.contains("501 samples are more than the limit of 300"), "{line}");
    config.write("config.yaml", "mapping: {series: 2000, memory_mib: 1}");
    assert_eq!(serving.post("/-/reload").await.0, 200);
    let line = serving.wait_for("mapping refused");
    assert!(line.contains("reason=\"memory\"") && line.contains("of at most 1048576"), "{line}");
    config.write("config.yaml", "mapping: {series: 2000}");
    // What was refused is tried again, as the settings may be others.
    assert_eq!(serving.post("/-/reload").await.0, 200);
    assert_eq!(version_of(&metrics(&serving).await), Some("1".to_owned()));
}

/// An exporter that refreshes every second, where billing says what the mapping is told.
async fn told(name: &str) -> (StandIn, Mappings, Serving, Config) {
    let (github, mappings) = (stand_in().await, Mappings::default());
    let config =
        Config::new("defaults: {ttl: 1s, documents: {seats: false}}\nmapping: {rollback_after: 3}");
    let mut command = with_folder(&github, mappings.path());
    command.env("CONFIG_FILE", config.path());
    let serving = Serving::start(command);
    serving.wait_for("refreshed");
    mappings.put("other.wasm", &scripted(name, "1", "nothing"));
    serving.wait_for("mapping in use");
    (github, mappings, serving, config)
}

const TRAP: &str =
    "{\"seat_breakdown\": {\"total\": 7}, \"seat_management_setting\": \"trap now\"}";

#[tokio::test(flavor = "multi_thread")]
async fn a_mapping_that_traps_three_times_in_a_row_is_rolled_back_and_quarantined() {
    let (github, mappings, serving, _config) = told("scripted").await;
    let bad = scripted("scripted", "2", "trap-when-told");
    mappings.put("other.wasm", &bad);
    serving.wait_for("mapping in use");
    assert_eq!(version_of(&metrics(&serving).await), Some("2".to_owned()));
    github.fail("/copilot/billing", Fault::Body(TRAP.into()));
    let line = serving.wait_for("mapping rolled back");
    assert!(line.contains("version=\"2\"") && line.contains("now=\"1\""), "{line}");
    assert_eq!(serving.log().matches("refresh failed").count(), 3, "{}", serving.log());
    let exposition = metrics(&serving).await;
    assert_eq!(version_of(&exposition), Some("1".to_owned()));
    let failures = "copilot_exporter_mapping_failures_total{cause=\"panic\",mapping=\"scripted\",org=\"octodemo\",scope=\"organization\"}";
    assert_eq!(exposition.value(failures), 3.0);
    let rollbacks = "copilot_exporter_mapping_rollbacks_total{mapping=\"scripted\"}";
    assert_eq!(exposition.value(rollbacks), 1.0);
    assert_eq!(exposition.value("copilot_exporter_mappings_quarantined"), 1.0);
    assert_eq!(exposition.value("copilot_exporter_mapping_last_swap_successful"), 0.0);
    // The one of before copes with the new documents.
    while metrics(&serving).await.sum("scripted_seats", "") != 7.0 {
        serving.wait_for("refreshed");
    }
    // The same bytes again, under another name too, are not tried.
    mappings.put("other.wasm", &bad);
    mappings.put("copy.wasm", &bad);
    let line = serving.wait_for("mapping refused");
    assert!(line.contains("copy.wasm") && line.contains("quarantined"), "{line}");
    assert_eq!(version_of(&metrics(&serving).await), Some("1".to_owned()));
    // Others are.
    mappings.remove("copy.wasm");
    mappings.put("other.wasm", &scripted("scripted", "3", "nothing"));
    serving.wait_for("mapping in use");
    let exposition = metrics(&serving).await;
    assert_eq!(version_of(&exposition), Some("3".to_owned()));
    assert_eq!(exposition.value("copilot_exporter_mappings_quarantined"), 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_default_comes_back_for_a_replacement_that_traps() {
    let (github, mappings) = (stand_in().await, Mappings::default());
    let (serving, _config) =
        configured(&github, &mappings, "defaults: {ttl: 1s}\nmapping: {rollback_after: 1}");
    mappings.put("other.wasm", &scripted("github-copilot", "2", "trap-when-told"));
    serving.wait_for("mapping in use");
    github.fail("/copilot/billing", Fault::Body(TRAP.into()));
    serving.wait_for("mapping rolled back");
    let exposition = metrics(&serving).await;
    assert_eq!(exposition.series("scripted_seats").count(), 0);
    assert_eq!(exposition.sum("github_copilot_interactions", ""), 2180.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mapping_whose_predecessor_fails_too_keeps_its_last_good_data() {
    let (github, mappings, serving, _config) = told("first").await;
    mappings.remove("other.wasm");
    serving.wait_for("mapping no longer in use");
    mappings.put("other.wasm", &scripted("scripted", "1", "trap-when-told"));
    serving.wait_for("mapping in use");
    mappings.put("other.wasm", &scripted("scripted", "2", "trap-when-told"));
    serving.wait_for("mapping in use");
    github.fail("/copilot/billing", Fault::Body(TRAP.into()));
    for _ in 0..5 {
        serving.wait_for("refresh failed");
    }
    let exposition = metrics(&serving).await;
    assert_eq!(version_of(&exposition), Some("2".to_owned()));
    assert_eq!(exposition.sum("scripted_seats", ""), 340.0);
    assert_eq!(exposition.sum("copilot_exporter_mapping_rollbacks_total", ""), 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mapping_that_traps_and_has_replaced_nothing_keeps_its_last_good_data() {
    let (github, mappings, serving, _config) = told("scripted").await;
    let data = |exposition: &Exposition| exposition.sum("scripted_seats", "");
    // Another name: there is nothing to go back to.
    mappings.put("second.wasm", &scripted("github-copilot-seats", "1", "family-name"));
    serving.wait_for("mapping refused");
    mappings.remove("other.wasm");
    serving.wait_for("mapping no longer in use");
    mappings.put("other.wasm", &scripted("scripted", "2", "trap-when-told"));
    serving.wait_for("mapping in use");
    let before = data(&metrics(&serving).await);
    github.fail("/copilot/billing", Fault::Body(TRAP.into()));
    for _ in 0..5 {
        serving.wait_for("refresh failed");
    }
    let exposition = metrics(&serving).await;
    assert_eq!(data(&exposition), before);
    assert_eq!(exposition.sum("copilot_exporter_up", ""), 0.0);
    assert_eq!(exposition.sum("copilot_exporter_mapping_rollbacks_total", ""), 0.0);
    assert_eq!(exposition.sum("github_copilot_interactions", ""), 2180.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_file_that_is_there_at_a_start_is_refused_and_cached_data_served() {
    let (github, mappings, cache) =
        (stand_in().await, Mappings::default(), tempfile::tempdir().unwrap());
    let start = || {
        let mut command = with_folder(&github, mappings.path());
        command.env("CACHE_DIR", cache.path());
        Serving::start(command)
    };
    let serving = start();
    serving.wait_for("refreshed");
    serving.kill();
    let requests = github.requests().len();
    mappings.put("other.wasm", &scripted("github-copilot", "2", "trap-in-finish"));
    let serving = start();
    // What ran before goes first.
    serving.wait_for("cached data is served");
    let line = serving.wait_for("mapping refused");
    assert!(line.contains("it traps in finish"), "{line}");
    let exposition = metrics(&serving).await;
    assert_eq!(exposition.sum("github_copilot_interactions", ""), 2180.0);
    assert_eq!(exposition.sum("copilot_exporter_up", ""), 1.0);
    assert_eq!(github.requests().len(), requests);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_serves_every_mapping_without_compiling_or_running_any() {
    let (github, mappings, cache) =
        (stand_in().await, Mappings::default(), tempfile::tempdir().unwrap());
    mappings.put("scripted.wasm", &tame("1"));
    let start = || {
        let mut command = with_folder(&github, mappings.path());
        command.env("CACHE_DIR", cache.path());
        Serving::start(command)
    };
    let serving = start();
    serving.wait_for("refreshed");
    serving.kill();
    let compiled = || {
        let mut found: Vec<_> = walk(&cache.path().join("compiled"))
            .into_iter()
            .filter(|path| !path.contains(".stats"))
            .collect();
        found.sort();
        found
    };
    let before = compiled();
    assert!(before.len() >= 2, "{before:?}");
    let serving = start();
    serving.wait_for("cached data is served");
    let exposition = metrics(&serving).await;
    assert_eq!(version_of(&exposition), Some("1".to_owned()));
    assert_eq!(exposition.sum("github_copilot_seats", ""), 340.0);
    assert_eq!(exposition.sum("copilot_exporter_mapping_duration_seconds_count", ""), 0.0);
    assert_eq!(compiled(), before);
}

/// The files below a folder, with their times of change.
fn walk(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| match path.is_dir() {
            true => walk(&path),
            false => {
                let changed = fs::metadata(&path).unwrap().modified().unwrap();
                vec![format!("{} {changed:?}", path.display())]
            }
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn targets_have_mappings_of_their_own() {
    let github = stand_in().await;
    let (all, own) = (Mappings::default(), Mappings::default());
    all.put("scripted.wasm", &tame("1"));
    own.put("scripted.wasm", &tame("2"));
    let config = Config::new(&format!(
        "mapping: {{dir: {}}}\ntargets:\n  - organization: octodemo\n  - organization: octo-legacy\n    mapping: {{dir: {}, default: false}}\n",
        all.path().display(),
        own.path().display()
    ));
    let mut command = exporter();
    command
        .env("CONFIG_FILE", config.path())
        .env("GITHUB_API_URL", github.api().as_str())
        .env("GHC_TOKEN", github.token());
    let serving = Serving::start(command);
    serving.wait_for("refreshed");
    serving.wait_for("refreshed");
    let version = |exposition: &Exposition, org: &str| {
        let mut of = exposition.series("scripted_stamp").filter(|(series, _)| series.contains(org));
        of.next().map(|(series, _)| series.contains("version=\"2\""))
    };
    let exposition = metrics(&serving).await;
    assert_eq!(version(&exposition, "octodemo"), Some(false));
    assert_eq!(version(&exposition, "octo-legacy"), Some(true));
    assert!(exposition.sum("github_copilot_seats", "octodemo") > 0.0);
    assert_eq!(exposition.series("github_copilot_seats").count(), 1);
    // A change of one folder is none of the other's.
    all.remove("scripted.wasm");
    serving.wait_for("mapping no longer in use");
    let exposition = metrics(&serving).await;
    assert_eq!(version(&exposition, "octodemo"), None);
    assert_eq!(version(&exposition, "octo-legacy"), Some(true));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_named_digests_are_taken_where_some_are_named() {
    let (github, mappings) = (stand_in().await, Mappings::default());
    mappings.put("scripted.wasm", &tame("1"));
    let shown = printed(["mapping", "show", mappings.file("scripted.wasm").to_str().unwrap()]);
    let digest = shown.lines().find_map(|line| line.strip_prefix("sha256   ")).unwrap();
    let yaml = format!("mapping: {{sha256: [{digest}]}}");
    let (serving, _config) = configured(&github, &mappings, &yaml);
    assert_eq!(version_of(&metrics(&serving).await), Some("1".to_owned()));
    mappings.put("scripted.wasm", &tame("2"));
    let line = serving.wait_for("mapping refused");
    assert!(line.contains("reason=\"digest\"") && line.contains("mapping.sha256"), "{line}");
    assert_eq!(version_of(&metrics(&serving).await), Some("1".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_files_with_one_name_are_refused_with_both_and_the_first_stays() {
    let (github, mappings) = (stand_in().await, Mappings::default());
    mappings.put("one.wasm", &tame("1"));
    let serving = start(&github, &mappings);
    mappings.put("two.wasm", &tame("2"));
    let line = serving.wait_for("mapping refused");
    assert!(line.contains("one.wasm and ") && line.contains("two.wasm"), "{line}");
    assert_eq!(version_of(&metrics(&serving).await), Some("1".to_owned()));
    // Once there is only one, it is taken.
    mappings.remove("one.wasm");
    serving.wait_for("mapping in use");
    assert_eq!(version_of(&metrics(&serving).await), Some("2".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mapping_without_an_option_that_is_set_is_refused() {
    let (github, mappings) = (stand_in().await, Mappings::default());
    let mut command = with_folder(&github, mappings.path());
    command.args(["--option", "users=true"]);
    let serving = Serving::start(command);
    serving.wait_for("refreshed");
    // It would take the place of the one that has the option.
    mappings.put("other.wasm", &scripted("github-copilot", "2", "nothing"));
    let line = serving.wait_for("mapping refused");
    assert!(line.contains("reason=\"settings\"") && line.contains("users"), "{line}");
    // It stands in the way of no reload.
    assert_eq!(serving.post("/-/reload").await.0, 200);
    let exposition = metrics(&serving).await;
    assert!(exposition.series("github_copilot_user_interactions").count() > 100);
    // And of no restart.
    let mut again = with_folder(&github, mappings.path());
    again.args(["--option", "users=true"]);
    let again = Serving::start(again);
    again.wait_for("refreshed");
    let exposition = metrics(&again).await;
    assert!(exposition.series("github_copilot_user_interactions").count() > 100);
    // Beside it, it does no harm.
    mappings.put("other.wasm", &tame("2"));
    serving.wait_for("mapping in use");
    let exposition = metrics(&serving).await;
    assert!(exposition.series("github_copilot_user_interactions").count() > 100);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_setting_for_no_mapping_is_a_mistake_that_ends_the_start() {
    let mappings = Mappings::default();
    mappings.put("scripted.wasm", &tame("1"));
    let mut command = exporter();
    command.args(["--demo", "--option", "sers=true", "--web.listen-address", "127.0.0.1:0"]);
    command.arg("--mapping-dir").arg(mappings.path());
    let refused = output(command);
    let error = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(64), "{error}");
    assert!(
        error.contains("the mapping github-copilot, scripted has no option \"sers\""),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_under_another_name_takes_the_place_of_the_one_that_went() {
    let (github, mappings) = (stand_in().await, Mappings::default());
    mappings.put("v1.wasm", &tame("1"));
    let serving = start(&github, &mappings);
    fs::rename(mappings.file("v1.wasm"), mappings.file("renamed.wasm")).unwrap();
    // The one at the start: a new name is no swap.
    assert_eq!(settled(&serving).await, (Some("1".to_owned()), 1.0));
    // A new version under a new name that fails leaves the old one in use.
    mappings.put("v2.wasm", &scripted("scripted", "2", "trap-in-finish"));
    mappings.remove("renamed.wasm");
    serving.wait_for("mapping refused");
    assert_eq!(version_of(&metrics(&serving).await), Some("1".to_owned()));
    let successful = "copilot_exporter_mapping_last_swap_successful";
    assert_eq!(metrics(&serving).await.value(successful), 0.0);
    mappings.put("v2.wasm", &tame("3"));
    serving.wait_for("version=\"3\"");
    let exposition = metrics(&serving).await;
    assert_eq!(version_of(&exposition), Some("3".to_owned()));
    assert_eq!(exposition.value(successful), 1.0);
    // To put what is in use back where something was refused mends it too.
    mappings.put("v2.wasm", b"nonsense");
    serving.wait_for("mapping refused");
    mappings.put("v2.wasm", &tame("3"));
    while metrics(&serving).await.value(successful) != 1.0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(version_of(&metrics(&serving).await), Some("3".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn mappings_that_rely_on_one_another_come_and_go_together() {
    let (github, mappings) = (stand_in().await, Mappings::default());
    let serving = start(&github, &mappings);
    // The second has a family of the default mapping, which the first replaces.
    mappings.put("z-replacement.wasm", &scripted("github-copilot", "2", "nothing"));
    serving.wait_for("mapping in use");
    mappings.remove("z-replacement.wasm");
    serving.wait_for("mapping no longer in use");
    mappings.put("a-rival.wasm", &scripted("rival", "1", "only-seats"));
    let line = serving.wait_for("mapping refused");
    assert!(line.contains("github_copilot_seats"), "{line}");
    mappings.put("z-replacement.wasm", &scripted("github-copilot", "2", "nothing"));
    serving.wait_for("mapping in use");
    serving.wait_for("mapping in use");
    let both = metrics(&serving).await;
    assert_eq!(both.sum("github_copilot_seats", ""), 340.0);
    assert_eq!(both.sum("scripted_seats", ""), 340.0);
    mappings.remove("z-replacement.wasm");
    mappings.remove("a-rival.wasm");
    serving.wait_for("mapping no longer in use");
    serving.wait_for("mapping no longer in use");
    let exposition = metrics(&serving).await;
    assert_eq!(exposition.series("scripted_seats").count(), 0);
    assert_eq!(exposition.sum("github_copilot_interactions", ""), 2180.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pin_that_names_what_is_in_use_leaves_it_there() {
    let (github, mappings) = (stand_in().await, Mappings::default());
    mappings.put("scripted.wasm", &tame("1"));
    let digest = sha256([tame("1")]);
    let (serving, config) = configured(&github, &mappings, "mapping: {}");
    mappings.put("scripted.wasm", &scripted("scripted", "2", "family-name"));
    serving.wait_for("mapping refused");
    // What runs is no longer in the folder.
    config.write("config.yaml", &format!("mapping: {{sha256: [{digest}]}}"));
    assert_eq!(serving.post("/-/reload").await.0, 200);
    assert_eq!(version_of(&metrics(&serving).await), Some("1".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_looks_into_the_folder_and_so_does_a_signal() {
    let (github, mappings) = (stand_in().await, Mappings::default());
    let serving = start(&github, &mappings);
    mappings.put("scripted.wasm", &tame("1"));
    assert_eq!(serving.post("/-/reload").await.0, 200);
    assert_eq!(version_of(&metrics(&serving).await), Some("1".to_owned()));
    mappings.put("scripted.wasm", &tame("2"));
    kill(Pid::from_raw(serving.id() as i32), Signal::SIGHUP).unwrap();
    serving.wait_for("version=\"2\"");
    assert_eq!(version_of(&metrics(&serving).await), Some("2".to_owned()));
}

#[test]
fn mapping_check_takes_a_good_mapping_through_every_gate() {
    let mappings = Mappings::default();
    mappings.put("good.wasm", &tame("1"));
    let report = printed(["mapping", "check", mappings.file("good.wasm").to_str().unwrap()]);
    for gate in
        ["size", "digest", "component", "imports", "world", "describe", "manifest", "conflicts"]
    {
        assert!(report.contains(&format!("  ok    {gate}")), "{gate}: {report}");
    }
    assert!(report.contains("ok    run        organization octodemo: families: 2, series: 501"));
    assert!(report.ends_with("the mapping can be used\n"), "{report}");
}

#[test]
fn mapping_check_says_of_a_bad_one_which_gate_it_fails_and_why() {
    let mappings = Mappings::default();
    let checked = |bytes: &[u8], wanted: &str| {
        mappings.put("bad.wasm", bytes);
        let checked = run(["mapping", "check", mappings.file("bad.wasm").to_str().unwrap()]);
        let report = String::from_utf8(checked.stdout).unwrap();
        assert_eq!(checked.status.code(), Some(65), "{report}");
        assert!(report.contains(wanted), "{report}");
        let error = String::from_utf8(checked.stderr).unwrap();
        assert!(error.contains("bad.wasm: the mapping can't be used"), "{error}");
    };
    checked(b"text", "FAIL  component  not a WebAssembly component: it does not begin as");
    let bad = |deed: &str| scripted("scripted", "1", deed);
    checked(&bad("family-name"), "FAIL  manifest   `describe` returned a manifest");
    checked(&bad("takes-a-family"), "FAIL  conflicts  the mappings \"github-copilot\"");
    checked(&bad("trap-in-finish"), "FAIL  run        organization octodemo: the mapping failed");
    checked(&bad("duplicate"), "(invalid_samples)");
    let config = Config::new("mapping: {max_file_mib: 1, run_time: 200ms}");
    mappings.put("bad.wasm", &bad("loop"));
    let mut command = exporter();
    command.args(["mapping", "check"]).arg(mappings.file("bad.wasm"));
    command.arg("--config").arg(config.path());
    let report = String::from_utf8(output(command).stdout).unwrap();
    assert!(report.contains("the mapping ran out of time"), "{report}");
    assert_eq!(run(["mapping", "check", "/no/such/file.wasm"]).status.code(), Some(66));
}

#[test]
fn mapping_show_says_what_a_mapping_is() {
    let mappings = Mappings::default();
    mappings.put("good.wasm", &tame("7"));
    let shown = printed(["mapping", "show", mappings.file("good.wasm").to_str().unwrap()]);
    for wanted in [
        "name     scripted\n",
        "version  7\n",
        "  billing  optional  /orgs/{org}/copilot/billing\n",
        "  scripted_stamp {org, number, version} gauge\n",
    ] {
        assert!(shown.contains(wanted), "{wanted}: {shown}");
    }
    // Without a file it is the one that is built in.
    assert!(printed(["mapping", "show"]).contains("name     github-copilot\n"));
}
