//! Packages from npm, in folders that the tests keep.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use crate::fixtures::root;

/// Copies a file, and makes its folder if need be.
pub fn copy(from: &Path, to: &Path) {
    let folder = to.parent().unwrap_or_else(|| panic!("{} has no folder", to.display()));
    let copied = fs::create_dir_all(folder).and_then(|()| fs::copy(from, to));
    copied.unwrap_or_else(|error| panic!("{}: {error}", from.display()));
}

/// Runs npm in a folder.
pub fn npm(folder: &Path, arguments: &[&str]) {
    let status = Command::new("npm").args(arguments).current_dir(folder).status();
    assert!(status.is_ok_and(|status| status.success()), "npm {arguments:?}");
}

/// Copies these files of a project, and its packages' list, to a folder under `target/`, and installs the
/// packages there. Answers the folder.
pub fn install(source: &Path, folder: &str, files: &[&str]) -> PathBuf {
    // Two at once would remove each other's files.
    static INSTALLING: Mutex<()> = Mutex::new(());
    let _installing = INSTALLING.lock().unwrap_or_else(PoisonError::into_inner);
    let folder = root().join("target").join(folder);
    let lock = "package-lock.json";
    // Installing takes half a minute: only what has changed.
    let installed = fs::read(folder.join(lock)).ok() == fs::read(source.join(lock)).ok()
        && folder.join("node_modules/.package-lock.json").exists();
    for file in files.iter().chain(&["package.json", lock]) {
        // Another test may be running it.
        if fs::read(source.join(file)).ok() != fs::read(folder.join(file)).ok() {
            copy(&source.join(file), &folder.join(file));
        }
    }
    if !installed {
        npm(&folder, &["ci", "--no-audit", "--no-fund", "--loglevel=error"]);
    }
    folder
}
