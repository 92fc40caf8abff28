use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use copilot_metrics_exporter::wasm::DEFAULT_MAPPING;
use copilot_metrics_tests::command::{Serving, client, printed};
use copilot_metrics_tests::exposition::Exposition;
use copilot_metrics_tests::github::stand_in;
use copilot_metrics_tests::guests::{Mappings, scripted};

use super::{configured, start, swaps, well_behaved, with_directory};
use crate::serving::metrics;

/// The number of swaps under load.
const SWAPS: usize = 200;
/// The number of clients that scrape in the meantime.
const CLIENTS: usize = 8;

/// Checks that all samples are from version 0 or all from version 1, and that the samples of the default
/// mapping are there. It reads no more than it needs, so that the clients keep up with the swaps.
fn assert_whole(text: &str) {
    let mut stamps = [0, 0];
    let mut seats = 0;
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("scripted_stamp{") {
            stamps[usize::from(rest.ends_with("version=\"1\"} 1"))] += 1;
        } else if line.starts_with("copilot_exporter_mapping_info{name=\"scripted\"") {
            stamps[usize::from(line.ends_with("version=\"1\"} 1"))] += 1;
        } else if line.starts_with("github_copilot_seats{") {
            seats += 1;
        }
    }
    assert!(stamps == [501, 0] || stamps == [0, 501], "{stamps:?}");
    assert_eq!(seats, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_swaps_under_load_fail_no_scrape_mix_no_samples_and_send_no_request() {
    let (github, mappings) = (stand_in().await, Mappings::default());
    mappings.put("scripted.wasm", &well_behaved("0"));
    let serving = start(&github, &mappings).await;
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
        mappings.put("scripted.wasm", &well_behaved(&(swap % 2).to_string()));
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

#[tokio::test(flavor = "multi_thread")]
async fn a_mapping_with_the_name_of_the_default_replaces_it_until_it_is_removed() {
    let (github, mappings) = (stand_in().await, Mappings::default());
    let serving = start(&github, &mappings).await;
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
    let seats = |exposition: &Exposition| exposition.sum("github_copilot_seats", "");
    assert_eq!(seats(&after), seats(&before));
    // The documents were kept.
    assert_eq!(github.requests().len(), requests);
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_of_a_new_mapping_are_fetched_if_they_are_not_stored() {
    let (github, mappings) = (stand_in().await, Mappings::default());
    mappings.put("scripted.wasm", &well_behaved("1"));
    let (serving, _config) = configured(&github, &mappings, "mapping: {default: false}").await;
    let is_billing = |path: &str| path.ends_with("/copilot/billing");
    assert!(github.requests().iter().all(|request| is_billing(&request.path)));
    // It needs billing, too, and five other documents.
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
async fn the_exporters_own_metrics_name_and_measure_the_mappings() {
    let (github, mappings) = (stand_in().await, Mappings::default());
    let mut command = with_directory(&github, mappings.path());
    command.env("ENTERPRISE", "octo-enterprise");
    let serving = Serving::start(command);
    serving.wait_for("refreshed");
    serving.wait_for("refreshed");
    let before = metrics(&serving).await;
    mappings.put("scripted.wasm", &well_behaved("1"));
    serving.wait_for("mapping in use");
    let now = metrics(&serving).await;
    // Two mappings for each of two targets.
    let info = "copilot_exporter_mapping_info";
    assert_eq!((before.series(info).count(), now.series(info).count()), (2, 4));
    let sha256 = printed(["mapping", "show", mappings.file("scripted.wasm").to_str().unwrap()]);
    let sha256 = sha256.lines().find_map(|line| line.strip_prefix("sha256    ")).unwrap();
    let series = |org: &str, scope: &str| {
        format!(
            "{info}{{name=\"scripted\",org=\"{org}\",scope=\"{scope}\",sha256=\"{sha256}\",version=\"1\"}}"
        )
    };
    assert_eq!(now.value(&series("octodemo", "organization")), 1.0);
    assert_eq!(now.value(&series("octo-enterprise", "enterprise")), 1.0);
    let scripted = "mapping=\"scripted\"";
    assert!(now.sum("copilot_exporter_mapping_memory_max_bytes", scripted) > 1e6);
    assert!(now.sum("copilot_exporter_mapping_duration_seconds_count", scripted) >= 1.0);
    assert_eq!(now.sum("copilot_exporter_series", scripted), 501.0);
    assert_eq!(now.value("copilot_exporter_mapping_last_swap_successful"), 1.0);
    let time = "copilot_exporter_mapping_last_swap_success_timestamp_seconds";
    assert!(now.value(time) > before.value(time));
    assert_eq!(now.value("copilot_exporter_mappings_quarantined"), 0.0);
    // Nothing remains of a mapping that was removed.
    mappings.remove("scripted.wasm");
    serving.wait_for("mapping no longer in use");
    let after = metrics(&serving).await;
    assert_eq!(after.series(info).count(), 2);
    assert_eq!(after.series("copilot_exporter_series").count(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn mappings_that_depend_on_each_other_are_added_and_removed_together() {
    let (github, mappings) = (stand_in().await, Mappings::default());
    let serving = start(&github, &mappings).await;
    // The rival has a family of the default mapping, so it can only run if that one is replaced.
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
