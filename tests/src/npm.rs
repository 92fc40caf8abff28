//! npm packages, installed once in directories under `target/`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use crate::fixtures::root;

/// Copies a file, and creates its directory if needed.
pub fn copy(from: &Path, to: &Path) {
    let directory = to.parent().unwrap_or_else(|| panic!("{} has no parent", to.display()));
    let copied = fs::create_dir_all(directory).and_then(|()| fs::copy(from, to));
    copied.unwrap_or_else(|error| panic!("{}: {error}", from.display()));
}

/// Runs npm in a directory.
pub fn npm(directory: &Path, arguments: &[&str]) {
    assert!(run(directory, arguments), "npm {arguments:?}");
}

fn run(directory: &Path, arguments: &[&str]) -> bool {
    let status = Command::new("npm").args(arguments).current_dir(directory).status();
    status.is_ok_and(|status| status.success())
}

/// Copies these files of a project, its `package.json` and its lock file to a directory under `target/`, and
/// installs the packages there. Returns the directory.
pub fn install(source: &Path, directory: &str, files: &[&str]) -> PathBuf {
    // Two installations at once would remove each other's files.
    static INSTALLING: Mutex<()> = Mutex::new(());
    let _installing = INSTALLING.lock().unwrap_or_else(PoisonError::into_inner);
    let directory = root().join("target").join(directory);
    let lock = "package-lock.json";
    // An installation takes half a minute: only if the lock file has changed.
    let installed = fs::read(directory.join(lock)).ok() == fs::read(source.join(lock)).ok()
        && directory.join("node_modules/.package-lock.json").exists();
    for file in files.iter().chain(&["package.json", lock]) {
        // Another test may be running an unchanged file.
        if fs::read(source.join(file)).ok() != fs::read(directory.join(file)).ok() {
            copy(&source.join(file), &directory.join(file));
        }
    }
    if !installed {
        // The network may fail.
        let arguments = ["ci", "--no-audit", "--no-fund", "--loglevel=error"];
        assert!((0..3).any(|_| run(&directory, &arguments)), "npm {arguments:?}");
    }
    directory
}
