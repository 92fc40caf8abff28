use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use copilot_metrics_exporter::body::{Body, Spool};
use copilot_metrics_exporter::model::{Document, Part, Scope, Target};
use copilot_metrics_exporter::store::{Disk, Key, Slot, Store};
use copilot_metrics_tests::command::{Serving, exporter, output};
use copilot_metrics_tests::config::Config;
use copilot_metrics_tests::github::{Fault, StandIn, stand_in};
use jiff::{SignedDuration, Timestamp};

use crate::serving::{command, metrics};

/// The command of an exporter that stores its documents in a directory.
fn keeping(github: &StandIn, directory: &Path, ttl: &str) -> Command {
    let mut command = command(github, "octodemo");
    command.env("CACHE_DIR", directory).env("CACHE_TTL_SECONDS", ttl);
    command
}

/// Whether a file is a document, which has its day in the name if it has one: `users-1-day@2026-11-20`.
fn is_document(path: &Path, name: &str) -> bool {
    let file = path.file_name().unwrap().to_str().unwrap();
    file.split('@').next() == Some(name) && !file.ends_with(".confirmed")
}

/// All files under a directory.
fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(files(&path)),
            false => found.push(path),
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_within_the_ttl_serves_the_stored_data_and_sends_no_request() {
    let (github, directory) = (stand_in().await, tempfile::tempdir().unwrap());
    let serving = Serving::start(keeping(&github, directory.path(), "3600"));
    serving.wait_for("refreshed");
    let before = metrics(&serving).await;
    serving.kill();
    let requests = github.requests().len();
    let serving = Serving::start(keeping(&github, directory.path(), "3600"));
    serving.wait_for("serving stored data");
    let after = metrics(&serving).await;
    for family in ["github_copilot_interactions", "github_copilot_seats", "total_chats"] {
        assert!(before.series(family).count() > 0);
        let series = |of| {
            copilot_metrics_tests::exposition::Exposition::series(of, family).collect::<Vec<_>>()
        };
        assert_eq!(series(&after), series(&before), "{family}");
    }
    let success = "copilot_exporter_last_success_timestamp_seconds";
    assert_eq!(
        after.series(success).collect::<Vec<_>>(),
        before.series(success).collect::<Vec<_>>()
    );
    assert_eq!(after.sum("copilot_exporter_up", ""), 1.0);
    assert_eq!(after.sum("copilot_exporter_stale", ""), 0.0);
    assert_eq!(serving.get("/-/ready").await.0, 200);
    assert_eq!(github.requests().len(), requests);
    // The samples were stored, too: the mapping did not run.
    assert_eq!(after.sum("copilot_exporter_mapping_duration_seconds_count", ""), 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_with_other_options_maps_the_stored_documents_and_sends_no_request() {
    let (github, directory) = (stand_in().await, tempfile::tempdir().unwrap());
    let serving = Serving::start(keeping(&github, directory.path(), "3600"));
    serving.wait_for("refreshed");
    serving.kill();
    let requests = github.requests().len();
    let mut command = keeping(&github, directory.path(), "3600");
    command.args(["--option", "users=true"]);
    let serving = Serving::start(command);
    serving.wait_for("serving stored data");
    let exposition = metrics(&serving).await;
    assert!(exposition.series("github_copilot_user_interactions").count() > 100);
    assert_eq!(github.requests().len(), requests);
}

#[tokio::test(flavor = "multi_thread")]
async fn while_github_is_down_stored_data_is_served_with_its_true_age() {
    let (github, directory) = (stand_in().await, tempfile::tempdir().unwrap());
    let config = Config::new("github: {retries: 0}");
    let start = |github: &StandIn| {
        let mut command = keeping(github, directory.path(), "1");
        command.env("CONFIG_FILE", config.path());
        command
    };
    let serving = Serving::start(start(&github));
    serving.wait_for("refreshed");
    serving.kill();
    let command = start(&github);
    // From here on, connections are refused.
    drop(github);
    let serving = Serving::start(command);
    serving.wait_for("serving stored data");
    let first = metrics(&serving).await;
    assert_eq!(first.sum("github_copilot_interactions", ""), 2180.0);
    assert_eq!(serving.get("/-/ready").await.0, 200);
    let age = |exposition: &copilot_metrics_tests::exposition::Exposition| {
        exposition.sum("copilot_exporter_cache_age_seconds", "\"organization-28-day\"")
    };
    loop {
        serving.wait_for("refresh failed");
        let now = metrics(&serving).await;
        assert!(age(&now) > age(&first));
        assert_eq!(now.sum("github_copilot_interactions", ""), 2180.0);
        assert_eq!(now.sum("copilot_exporter_up", ""), 0.0);
        if now.sum("copilot_exporter_stale", "\"organization-28-day\"") == 1.0 {
            break;
        }
    }
    assert_eq!(serving.get("/-/ready").await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn corrupt_and_foreign_files_are_set_aside_counted_and_fetched_again() {
    let (github, directory) = (stand_in().await, tempfile::tempdir().unwrap());
    let serving = Serving::start(keeping(&github, directory.path(), "3600"));
    serving.wait_for("refreshed");
    serving.kill();
    let kept = files(directory.path());
    let file = |name: &str| kept.iter().find(|path| is_document(path, name)).unwrap();
    let seats = fs::read(file("seats")).unwrap();
    fs::write(file("seats"), &seats[..seats.len() / 2]).unwrap();
    let mut flipped = fs::read(file("users-1-day")).unwrap();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 1;
    fs::write(file("users-1-day"), flipped).unwrap();
    fs::write(file("billing"), "the text of another program").unwrap();
    fs::write(file(".samples.github-copilot"), "another text").unwrap();
    // An intact file of another document.
    fs::copy(file("organization-28-day"), file("organization-1-day")).unwrap();
    let serving = Serving::start(keeping(&github, directory.path(), "3600"));
    serving.wait_for("refreshed");
    let exposition = metrics(&serving).await;
    let corrupt =
        "copilot_exporter_cache_store_failures_total{cause=\"corrupt\",operation=\"load\"}";
    assert_eq!(exposition.value(corrupt), 5.0, "{}", serving.log());
    assert_eq!(files(&directory.path().join("set-aside")).len(), 5);
    assert_eq!(exposition.sum("github_copilot_seats", ""), 340.0);
    assert_eq!(exposition.sum("copilot_exporter_up", ""), 1.0);
    assert!(serving.log().contains("its checksum is wrong"), "{}", serving.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn stored_files_are_private_and_contain_no_secret() {
    let (github, directory) = (stand_in().await, tempfile::tempdir().unwrap());
    let cache = directory.path().join("cache");
    let serving = Serving::start(keeping(&github, &cache, "3600"));
    serving.wait_for("refreshed");
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    // Others can't reach the files in it.
    assert_eq!(mode(&cache.join("compiled")), 0o700);
    let kept = files(&cache.join("documents"));
    // Eight documents, their samples, three reports of the day before, and the usage of the two days before
    // yesterday that are not final. At the beginning of a month, there is also the usage of the month before.
    let counted = kept.iter().filter(|path| !is_document(path, "ai-credit-usage-month"));
    assert_eq!(counted.count(), 9 + 3 + 2, "{kept:?}");
    for path in &kept {
        assert_eq!(mode(path), 0o600);
        for directory in
            path.ancestors().skip(1).take_while(|directory| directory.starts_with(&cache))
        {
            assert_eq!(mode(directory), 0o700);
        }
        let bytes = fs::read(path).unwrap();
        for secret in [github.token(), github.signature(), "sig="] {
            let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "{}", path.display());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_that_is_turned_off_is_removed_from_the_store() {
    let (github, directory) = (stand_in().await, tempfile::tempdir().unwrap());
    let serving = Serving::start(keeping(&github, directory.path(), "3600"));
    serving.wait_for("refreshed");
    serving.kill();
    let has_users = || files(directory.path()).iter().any(|path| is_document(path, "users-1-day"));
    assert!(has_users());
    let config = Config::new("defaults: {documents: {users-1-day: false}}");
    let mut command = keeping(&github, directory.path(), "3600");
    command.env("CONFIG_FILE", config.path());
    let serving = Serving::start(command);
    serving.wait_for("serving stored data");
    assert!(!has_users());
    assert_eq!(metrics(&serving).await.sum("github_copilot_users_reported", ""), 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_counted_and_does_not_fail_a_refresh() {
    let (github, directory) = (stand_in().await, tempfile::tempdir().unwrap());
    let plain = keeping(&github, directory.path(), "1");
    // A write beyond the limit is an error for the process, instead of a signal that ends it.
    let mut command = Command::new("sh");
    command.args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""]).arg(plain.get_program());
    for (name, value) in plain.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    let serving = Serving::start(command);
    serving.wait_for("refreshed");
    // From here on, no file can grow beyond a kilobyte.
    let id = serving.id().to_string();
    let limited = Command::new("prlimit").args(["--pid", &id, "--fsize=1024"]).status();
    assert!(limited.unwrap().success());
    // What has not changed is not written again.
    github.fail("/octodemo/users-1-day/1.json", Fault::Body(Default::default()));
    let full = "copilot_exporter_cache_store_failures_total{cause=\"no_space\",operation=\"save\"}";
    while metrics(&serving).await.value(full) < 1.0 {
        serving.wait_for("refreshed");
    }
    let exposition = metrics(&serving).await;
    assert_eq!(exposition.sum("github_copilot_interactions", ""), 2180.0);
    assert_eq!(exposition.sum("copilot_exporter_up", ""), 1.0);
    assert!(!serving.log().contains("refresh failed"), "{}", serving.log());
    serving.kill();
    // The previous documents are still intact.
    let serving = Serving::start(keeping(&github, directory.path(), "3600"));
    let restored = serving.wait_for("serving stored data");
    assert!(restored.contains("documents=9"), "{restored}");
}

#[test]
fn an_unusable_cache_directory_is_rejected() {
    let mut command = exporter();
    command.env("CACHE_DIR", "/dev/null/cache");
    let refused = output(command);
    let error = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(64), "{error}");
    assert!(error.contains("CACHE_DIR") && error.contains("can write to"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_clock_ten_years_ahead_has_stored_is_fetched_again_and_replaced() {
    let (github, directory) = (stand_in().await, tempfile::tempdir().unwrap());
    let serving = Serving::start(keeping(&github, directory.path(), "3600"));
    serving.wait_for("refreshed");
    serving.kill();
    let (target, ahead) =
        (target().at(github.api()), Timestamp::now() + SignedDuration::from_hours(87_600));
    let key = Key::document(&target, "billing", None, Slot::Good);
    {
        let store = Disk::open(directory.path(), Spool::default()).unwrap();
        let billing = store.get(&key).await.unwrap().unwrap();
        store.remove(&key).await.unwrap();
        let billing = Document { fetched_at: ahead, confirmed_at: ahead, ..billing };
        store.put(&key, &billing).await.unwrap();
    }
    let requests = github.requests().len();
    let serving = Serving::start(keeping(&github, directory.path(), "3600"));
    serving.wait_for("refreshed");
    let exposition = metrics(&serving).await;
    let age = exposition.sum("copilot_exporter_cache_age_seconds", "\"billing\"");
    assert!((0.0..60.0).contains(&age), "{age}");
    serving.kill();
    assert_eq!(github.requests().len(), requests + 1);
    let store = Disk::open(directory.path(), Spool::default()).unwrap();
    let billing = store.get(&key).await.unwrap().unwrap();
    assert!(billing.fetched_at <= Timestamp::now(), "{}", billing.fetched_at);
}

const NAMES: [&str; 4] = ["billing", "seats", "users-1-day", "organization-28-day"];
const WRITES: usize = 200;

fn target() -> Target {
    Target::new(Scope::Organization, "octodemo").unwrap()
}

/// A document that identifies its round, and is newer than those of earlier rounds.
fn document(round: u32) -> Document {
    let part = |length: u32| Part {
        body: Body::from_compressed(
            vec![round as u8; length as usize].into(),
            length.into(),
            [round as u8; 32],
        ),
        validator: None,
        next: None,
        day: None,
    };
    let parts = vec![part(200_000 + round % 256), part(1000)];
    let fetched_at = Timestamp::from_second(1_795_000_000 + i64::from(round)).unwrap();
    Document::new(parts, fetched_at, None)
}

fn stored_bytes(document: &Document) -> Vec<Vec<u8>> {
    let read = |part: &Part| {
        let mut bytes = Vec::new();
        part.body.compressed().read_to_end(&mut bytes).unwrap();
        bytes
    };
    document.parts.iter().map(read).collect()
}

fn key(name: &str) -> Key {
    Key::document(&target(), name, None, Slot::Good)
}

/// The process that the next test starts and kills.
#[tokio::test]
#[ignore = "it writes until it is killed"]
async fn a_writer_of_documents() {
    let directory = std::env::var("CACHE_OF_WRITER").expect("the test below sets it");
    let first: u32 = std::env::var("FIRST_ROUND").unwrap().parse().unwrap();
    let disk = Disk::open(Path::new(&directory), Spool::default()).unwrap();
    for round in first.. {
        for name in NAMES {
            println!("writes");
            disk.put(&key(name), &document(round)).await.unwrap();
        }
    }
}

#[tokio::test]
async fn after_kill_9_at_any_moment_of_200_writes_the_store_is_intact() {
    let directory = tempfile::tempdir().unwrap();
    let test = "restart::a_writer_of_documents";
    let mut writes = 0;
    for run in 0u64.. {
        if writes >= WRITES {
            break;
        }
        let mut writer = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", test, "--ignored", "--nocapture"])
            .env("CACHE_OF_WRITER", directory.path())
            .env("FIRST_ROUND", (1000 * run).to_string())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(writer.stdout.take().unwrap()).lines();
        let wanted = 8 + run as usize % 5;
        let begun = lines.by_ref().map_while(Result::ok).filter(|line| line.ends_with("writes"));
        writes += begun.take(wanted).count();
        // Some time during the write that has just started, which takes a few hundred microseconds.
        std::thread::sleep(std::time::Duration::from_micros(run * 97 % 1500));
        writer.kill().unwrap();
        writer.wait().unwrap();
        let disk = Disk::open(directory.path(), Spool::default()).unwrap();
        for name in NAMES {
            let found = disk.get(&key(name)).await.unwrap().expect("the first run has written it");
            let round = found.fetched_at.as_second() - 1_795_000_000;
            let written = document(u32::try_from(round).unwrap());
            assert_eq!(found, written, "{name}");
            assert!(stored_bytes(&found) == stored_bytes(&written), "{name}");
        }
        let left: Vec<_> = files(directory.path());
        assert_eq!(left.len(), NAMES.len(), "{left:?}");
    }
}
