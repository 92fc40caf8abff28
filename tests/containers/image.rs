//! Builds and runs the image.

use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

use copilot_metrics_tests::exposition::Exposition;
use copilot_metrics_tests::fixtures::root;
use copilot_metrics_tests::github::{Fault, stand_in};
use copilot_metrics_tests::guests::{Mappings, scripted};
use nix::unistd::{Gid, Uid, chown};
use serde_json::Value;

use crate::bases::{self, BUILD, RUNTIME};
use crate::container::Container;
use crate::podman::{CleanUp, buildah, done, names_in, podman, storage};

pub const IMAGE: &str = "localhost/copilot-metrics-exporter";
const USER: u32 = 65532;

fn build() {
    bases::make();
    let mut build = buildah();
    build
        .args(["bud", "--isolation", "chroot", "--format", "docker", "--tag", IMAGE])
        .args(["--build-arg", &format!("BUILD_BASE={BUILD}")])
        .args(["--build-arg", &format!("RUNTIME_BASE={RUNTIME}")]);
    done(build.arg(root()));
}

/// The files that the image adds to its base.
fn added_files() -> BTreeSet<String> {
    let archive = storage().join("image.tar");
    let container = done(podman().args(["create", IMAGE]));
    done(podman().args(["export", "--output"]).arg(&archive).arg(&container));
    done(podman().args(["rm", &container]));
    let base: BTreeSet<String> = names_in(&bases::runtime_archive()).into_iter().collect();
    let added = names_in(&archive).into_iter().filter(|name| !base.contains(name)).collect();
    fs::remove_file(archive).unwrap();
    added
}

#[allow(clippy::needless_pass_by_value)]
fn assert_describes_itself(image: Value) {
    let config = &image["Config"];
    assert_eq!(config["User"], format!("{USER}:{USER}"));
    let healthcheck = &image["Healthcheck"]["Test"];
    assert_eq!(healthcheck[2], "healthcheck", "{image}");
    let volumes: Vec<_> = config["Volumes"].as_object().unwrap().keys().collect();
    assert_eq!(
        volumes,
        ["/etc/copilot-metrics-exporter/mappings", "/var/cache/copilot-metrics-exporter"]
    );
    for label in ["title", "description", "licenses", "source", "version", "revision"] {
        let label = format!("org.opencontainers.image.{label}");
        assert!(config["Labels"][&label].as_str().is_some_and(|text| !text.is_empty()), "{label}");
    }
    assert_eq!(config["Labels"]["org.opencontainers.image.version"], env!("CARGO_PKG_VERSION"));
}

/// A field of `/proc/PID/status`.
fn status(process: &str, field: &str) -> String {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(field));
    line.unwrap_or_default().split_whitespace().next().unwrap_or_default().to_owned()
}

pub fn the_image_runs_unprivileged_swaps_a_mapping_keeps_its_cache_and_stops_in_time() {
    let _clean_up = CleanUp;
    build();
    // The binary, its compiled default mapping and the certificates. The others are mounted by podman.
    let mut added = added_files();
    for name in [
        "usr/local/bin/copilot-metrics-exporter",
        "usr/local/lib/copilot-metrics-exporter/default-mapping.code",
        "etc/ssl/certs/ca-certificates.crt",
    ] {
        assert!(added.remove(name), "{name}: {added:?}");
    }
    added.retain(|name| !matches!(name.as_str(), "etc/hosts" | "etc/hostname" | "etc/resolv.conf"));
    assert!(added.is_empty(), "{added:?}");
    let inspected = done(podman().args(["image", "inspect", IMAGE]));
    let mut images: Vec<Value> = serde_json::from_str(&inspected).unwrap();
    let image = images.remove(0);
    let size = image["Size"].as_u64().unwrap();
    let base = done(podman().args(["image", "inspect", "--format", "{{.Size}}", RUNTIME]));
    let own = size - base.parse::<u64>().unwrap();
    assert_describes_itself(image);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let started = runtime.block_on(use_it());
    println!(
        "the image has {} MB, {} MB more than its base; {} ms from `podman run` to ready",
        size / 1_000_000,
        own / 1_000_000,
        started.as_millis()
    );
}

async fn use_it() -> Duration {
    let github = stand_in().await;
    let (cache, mappings) = (tempfile::tempdir().unwrap(), Mappings::default());
    chown(cache.path(), Some(Uid::from_raw(USER)), Some(Gid::from_raw(USER))).unwrap();
    let readable: fs::Permissions = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(mappings.path(), readable).unwrap();

    let container = Container::run(&github, cache.path(), mappings.path());
    let started = container.ready().await;
    // Compiled code would be kept.
    let compiled = fs::read_dir(cache.path().join("compiled")).unwrap().count();
    assert_eq!(compiled, 0, "the image contains the compiled default mapping");
    container.is_healthy();
    let process = container.inspect("{{.State.Pid}}");
    assert_eq!(status(&process, "Uid:"), USER.to_string());
    assert_eq!(status(&process, "Gid:"), USER.to_string());
    assert_eq!(status(&process, "CapEff:"), "0000000000000000");
    assert_eq!(status(&process, "NoNewPrivs:"), "1");
    let mounts = fs::read_to_string(format!("/proc/{process}/mounts")).unwrap();
    let at_root = mounts.lines().find(|line| line.split(' ').nth(1) == Some("/")).unwrap();
    assert!(
        at_root.split(' ').nth(3).unwrap().split(',').any(|option| option == "ro"),
        "{at_root}"
    );

    // A mapping in the mounted directory, after the first refresh.
    let is_up = |_: u16, text: &str| {
        Exposition::parse(text).sum("copilot_exporter_up", "org=\"octodemo\"") == 1.0
    };
    container.wait_for("/metrics", is_up).await;
    let requests = github.requests().len();
    mappings.put("scripted.wasm", &scripted("scripted", "7", "nothing"));
    let swapped = container.wait_for("/metrics", |_, text| text.contains("scripted_seats{")).await;
    assert_eq!(Exposition::parse(&swapped).sum("scripted_seats", ""), 340.0);
    assert_eq!(github.requests().len(), requests);
    // It was not killed.
    assert_eq!(container.stop(), "0", "{}", container.log());
    drop(container);

    // Another container with the same cache, while GitHub is down.
    github.fail("/", Fault::Status(503, "down", vec![]));
    let container = Container::run(&github, cache.path(), mappings.path());
    container.ready().await;
    let text = container.wait_for("/metrics", |_, text| text.contains("scripted_seats{")).await;
    let restarted = Exposition::parse(&text);
    assert_eq!(restarted.sum("github_copilot_seats", ""), 340.0);
    assert_eq!(restarted.sum("copilot_exporter_cache_store_failures_total", ""), 0.0);
    container.is_healthy();
    container.log();
    started
}
