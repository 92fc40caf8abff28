use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::symlink;
use std::time::Duration;

use copilot_metrics_tests::command::Serving;
use copilot_metrics_tests::github::stand_in;
use copilot_metrics_tests::guests::{Mappings, scripted};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::{settled, start, version_of, well_behaved, with_directory};
use crate::serving::metrics;

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_renamed_over_another_is_one_swap() {
    let (github, mappings) = (stand_in().await, Mappings::default());
    let serving = start(&github, &mappings).await;
    mappings.put("scripted.wasm", &well_behaved("1"));
    serving.wait_for("mapping in use");
    assert_eq!(settled(&serving).await, (Some("1".to_owned()), 1.0));
    mappings.put("scripted.wasm", &well_behaved("2"));
    serving.wait_for("mapping in use");
    assert_eq!(settled(&serving).await, (Some("2".to_owned()), 2.0));
    // The same content is not a swap.
    mappings.put("scripted.wasm", &well_behaved("2"));
    assert_eq!(settled(&serving).await, (Some("2".to_owned()), 2.0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_written_slowly_in_place_is_one_swap() {
    let (github, mappings) = (stand_in().await, Mappings::default());
    mappings.put("scripted.wasm", &well_behaved("1"));
    let serving = start(&github, &mappings).await;
    let bytes = well_behaved("2");
    let mut file = File::create(mappings.file("scripted.wasm")).unwrap();
    for piece in bytes.chunks(bytes.len() / 6) {
        file.write_all(piece).unwrap();
        // Longer than the pause after which a changed directory is scanned.
        tokio::time::sleep(Duration::from_millis(250)).await;
        assert_eq!(version_of(&metrics(&serving).await), Some("1".to_owned()));
    }
    drop(file);
    serving.wait_for("version=\"2\"");
    // The one at startup, and this one.
    assert_eq!(settled(&serving).await, (Some("2".to_owned()), 2.0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_config_map_update_by_kubernetes_is_one_swap() {
    let (github, mappings) = (stand_in().await, Mappings::default());
    let directory = mappings.path();
    // The kubelet mounts a ConfigMap as a link to a link to a directory.
    let mount = |generation: &str, version: &str| {
        let data = directory.join(format!("..{generation}"));
        fs::create_dir(&data).unwrap();
        fs::write(data.join("scripted.wasm"), well_behaved(version)).unwrap();
        symlink(format!("..{generation}"), directory.join("..data_tmp")).unwrap();
        fs::rename(directory.join("..data_tmp"), directory.join("..data")).unwrap();
    };
    mount("2026_11_01", "1");
    symlink("..data/scripted.wasm", directory.join("scripted.wasm")).unwrap();
    let serving = start(&github, &mappings).await;
    assert_eq!(settled(&serving).await, (Some("1".to_owned()), 1.0));
    mount("2026_11_02", "2");
    fs::remove_dir_all(directory.join("..2026_11_01")).unwrap();
    serving.wait_for("version=\"2\"");
    assert_eq!(settled(&serving).await, (Some("2".to_owned()), 2.0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_that_is_created_later_or_replaced_is_scanned() {
    let (github, parent) = (stand_in().await, tempfile::tempdir().unwrap());
    let path = parent.path().join("mappings");
    let serving = Serving::start(with_directory(&github, &path));
    serving.wait_for("refreshed");
    let make = |version: &str| {
        let new = parent.path().join(version);
        fs::create_dir(&new).unwrap();
        fs::write(new.join("scripted.wasm"), well_behaved(version)).unwrap();
        new
    };
    fs::rename(make("1"), &path).unwrap();
    serving.wait_for("mapping in use");
    fs::rename(&path, parent.path().join("old")).unwrap();
    fs::rename(make("2"), &path).unwrap();
    serving.wait_for("version=\"2\"");
    // Now the directory itself is watched.
    fs::write(path.join("scripted.wasm"), well_behaved("3")).unwrap();
    serving.wait_for("version=\"3\"");
    assert_eq!(version_of(&metrics(&serving).await), Some("3".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renamed_file_takes_the_place_of_the_removed_one() {
    let (github, mappings) = (stand_in().await, Mappings::default());
    mappings.put("v1.wasm", &well_behaved("1"));
    let serving = start(&github, &mappings).await;
    fs::rename(mappings.file("v1.wasm"), mappings.file("renamed.wasm")).unwrap();
    // Only the one at startup: a new file name is not a swap.
    assert_eq!(settled(&serving).await, (Some("1".to_owned()), 1.0));
    // If a new version under a new file name fails, the old one stays in use.
    mappings.put("v2.wasm", &scripted("scripted", "2", "trap-in-finish"));
    mappings.remove("renamed.wasm");
    serving.wait_for("mapping refused");
    assert_eq!(version_of(&metrics(&serving).await), Some("1".to_owned()));
    let successful = "copilot_exporter_mapping_last_swap_successful";
    assert_eq!(metrics(&serving).await.value(successful), 0.0);
    mappings.put("v2.wasm", &well_behaved("3"));
    serving.wait_for("version=\"3\"");
    let exposition = metrics(&serving).await;
    assert_eq!(version_of(&exposition), Some("3".to_owned()));
    assert_eq!(exposition.value(successful), 1.0);
    // Restoring the content that is in use also clears the failure.
    mappings.put("v2.wasm", b"nonsense");
    serving.wait_for("mapping refused");
    mappings.put("v2.wasm", &well_behaved("3"));
    while metrics(&serving).await.value(successful) != 1.0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(version_of(&metrics(&serving).await), Some("3".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_second_of_two_files_with_the_same_mapping_name_is_refused() {
    let (github, mappings) = (stand_in().await, Mappings::default());
    mappings.put("one.wasm", &well_behaved("1"));
    let serving = start(&github, &mappings).await;
    mappings.put("two.wasm", &well_behaved("2"));
    let line = serving.wait_for("mapping refused");
    assert!(line.contains("one.wasm and ") && line.contains("two.wasm"), "{line}");
    assert_eq!(version_of(&metrics(&serving).await), Some("1".to_owned()));
    // Once there is only one, it is used.
    mappings.remove("one.wasm");
    serving.wait_for("mapping in use");
    assert_eq!(version_of(&metrics(&serving).await), Some("2".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_or_a_signal_rescans_the_directory() {
    let (github, mappings) = (stand_in().await, Mappings::default());
    let serving = start(&github, &mappings).await;
    mappings.put("scripted.wasm", &well_behaved("1"));
    assert_eq!(serving.post("/-/reload").await.0, 200);
    serving.wait_for("version=\"1\"");
    assert_eq!(version_of(&metrics(&serving).await), Some("1".to_owned()));
    mappings.put("scripted.wasm", &well_behaved("2"));
    kill(Pid::from_raw(serving.id() as i32), Signal::SIGHUP).unwrap();
    serving.wait_for("version=\"2\"");
    assert_eq!(version_of(&metrics(&serving).await), Some("2".to_owned()));
}
