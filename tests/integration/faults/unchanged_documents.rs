use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use copilot_metrics_tests::command::Serving;
use copilot_metrics_tests::config::Config;
use copilot_metrics_tests::github::stand_in;

use super::{configured, files, runs};
use crate::serving::metrics;

type Stamps = BTreeMap<PathBuf, (u64, SystemTime)>;

/// The inode and the time of change of each stored file: those that say when a document was confirmed,
/// and all others.
fn stamps(cache: &Path) -> (Stamps, Stamps) {
    let stamps = files(&cache.join("documents")).into_iter().map(|path| {
        let metadata = fs::metadata(&path).unwrap();
        (path, (metadata.ino(), metadata.modified().unwrap()))
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
    let before = metrics(&serving).await.sum(success, "");
    for _ in 0..3 {
        serving.wait_for("refreshed");
    }
    let after = metrics(&serving).await;
    assert_eq!(runs(&serving, "github-copilot").await, mapped);
    let (confirmed_now, stored_now) = stamps(cache.path());
    // Nine documents, the samples that were made of them, three documents of the day before, and two bills.
    assert_eq!(stored.len(), 10 + 5, "{stored:?}");
    assert_eq!(stored_now, stored);
    assert_eq!(confirmed.len(), 9, "{confirmed:?}");
    for (path, stamp) in &confirmed {
        assert_ne!(confirmed_now.get(path), Some(stamp), "{}", path.display());
    }
    // Each of the nine documents is some seconds younger.
    assert!(after.sum(success, "") >= before + 9.0 * 2.0);
    for (series, age) in after.series("copilot_exporter_cache_age_seconds") {
        assert!(age < 10.0, "{series} {age}");
    }
    assert_eq!(after.sum("copilot_exporter_stale", ""), 0.0);
}
