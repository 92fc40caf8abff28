//! Podman, buildah, and the other tools that the test needs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use copilot_metrics_tests::fixtures::root;
use nix::unistd::geteuid;

const TOOLS: [&str; 5] = ["mmdebstrap", "podman", "buildah", "runc", "rpm"];

/// The reason why this machine can't run the test, if there is one.
pub fn missing() -> Option<String> {
    let missing: Vec<_> = TOOLS.into_iter().filter(|tool| find(tool).is_none()).collect();
    if !missing.is_empty() {
        return Some(format!(
            "{} missing: run REQUIRE_CONTAINERS=1 make setup",
            missing.join(", ")
        ));
    }
    (!geteuid().is_root()).then(|| "it requires root".to_owned())
}

/// The path of a tool. The PATH of users often lacks root's directories.
pub fn find(tool: &str) -> Option<PathBuf> {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    let directories = std::env::split_paths(&paths).chain(["/usr/sbin".into(), "/sbin".into()]);
    directories.map(|directory| directory.join(tool)).find(|path| path.exists())
}

/// The directory of the images, apart from the user's own images.
pub fn storage() -> PathBuf {
    root().join("target/containers")
}

/// Removes the images, which take gigabytes, when it is dropped.
pub struct CleanUp;

impl Drop for CleanUp {
    fn drop(&mut self) {
        podman().args(["rmi", "--all", "--force"]).output().ok();
        fs::remove_dir_all(storage()).ok();
    }
}

fn with_storage(tool: &str) -> Command {
    let mut command = Command::new(tool);
    // `vfs` works on every file system, and within containers.
    command.args(["--storage-driver", "vfs", "--root"]).arg(storage().join("images"));
    command.arg("--runroot").arg(storage().join("run"));
    command
}

pub fn podman() -> Command {
    let mut command = with_storage("podman");
    command.arg("--runtime").arg(find("runc").unwrap_or_default());
    command
}

pub fn buildah() -> Command {
    with_storage("buildah")
}

/// Runs a command, which must succeed, and returns its output.
pub fn done(command: &mut Command) -> String {
    let output = output(command);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {errors}");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

pub fn output(command: &mut Command) -> Output {
    command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"))
}

/// The names of the files in an archive.
pub fn names_in(archive: &Path) -> Vec<String> {
    let listed = done(Command::new("tar").arg("--list").arg("--file").arg(archive));
    listed.lines().filter(|name| !name.ends_with('/')).map(clean).collect()
}

fn clean(name: &str) -> String {
    name.trim_start_matches("./").to_owned()
}
