use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use copilot_metrics_tests::command::Serving;
use copilot_metrics_tests::config::Config;
use copilot_metrics_tests::github::stand_in;

use super::{configured, files, runs};
use crate::serving::{eventually, metrics};

type Stamps = BTreeMap<PathBuf, (u64, SystemTime)>;

/// The inode and the time of change of each stored file: those that say when a document was confirmed,
/// and all others. Files that are being written are left out.
fn stamps(cache: &Path) -> (Stamps, Stamps) {
    let is_written = |path: &PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str());
        !name.is_some_and(|name| name.starts_with(".unfinished-"))
    };
    let files = files(&cache.join("documents")).into_iter().filter(is_written);
    let stamps = files.filter_map(|path| {
        // It may have been renamed.
        let metadata = fs::metadata(&path).ok()?;
        Some((path, (metadata.ino(), metadata.modified().ok()?)))
    });
    stamps.partition(|(path, _)| path.extension().is_some_and(|of| of == "confirmed"))
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_that_github_confirms_are_neither_mapped_nor_written_again() {
    let (github, cache) = (stand_in().await, tempfile::tempdir().unwrap());
    let config = Config::new("defaults: {ttl: 1s}\ntargets: [{organization: octodemo}]");
    let mut command = configured(&github, &config);
    command.env("CACHE_DIR", cache.path());
    let serving = Serving::start(command);
    // The first refresh, and one after which everything has been confirmed once.
    serving.wait_for("refreshed");
    serving.wait_for("refreshed");
    let (mapped, (confirmed, stored)) =
        (runs(&serving, "github-copilot").await, stamps(cache.path()));
    let success = "copilot_exporter_last_success_timestamp_seconds";
    let before = metrics(&serving).await;
    assert_eq!(before.series(success).count(), 9);
    // Each of the nine documents is some seconds younger, and none is stale.
    eventually(&serving, |after| {
        let is_younger = |(series, time): (&str, f64)| {
            after.get(series).is_some_and(|after| after >= time + 2.0)
        };
        let mut ages = after.series("copilot_exporter_cache_age_seconds");
        before.series(success).all(is_younger)
            && ages.all(|(_, age)| age < 10.0)
            && after.sum("copilot_exporter_stale", "") == 0.0
    })
    .await;
    assert_eq!(runs(&serving, "github-copilot").await, mapped);
    let (confirmed_now, stored_now) = stamps(cache.path());
    // Nine documents, the samples that were made of them, three documents of the day before, and two bills.
    assert_eq!(stored.len(), 10 + 5, "{stored:?}");
    assert_eq!(stored_now, stored);
    assert_eq!(confirmed.len(), 9, "{confirmed:?}");
    for (path, stamp) in &confirmed {
        assert_ne!(confirmed_now.get(path), Some(stamp), "{}", path.display());
    }
}
