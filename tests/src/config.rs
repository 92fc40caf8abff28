//! Config files, each in a directory of its own.

use std::fs;
use std::path::PathBuf;

use tempfile::TempDir;

/// A config file, and further files in its directory. They are removed when it is dropped.
pub struct Config(TempDir);

impl Config {
    /// Writes it.
    pub fn new(yaml: &str) -> Self {
        let config = Self(tempfile::tempdir().unwrap_or_else(|error| panic!("{error}")));
        config.write("config.yaml", yaml);
        config
    }

    /// Its path.
    pub fn path(&self) -> PathBuf {
        self.file("config.yaml")
    }

    /// The path of a file in its directory.
    pub fn file(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes or replaces a file by a rename, as mounted secrets are.
    pub fn write(&self, name: &str, text: &str) {
        let new = self.file(".new");
        let written = fs::write(&new, text).and_then(|()| fs::rename(&new, self.file(name)));
        written.unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}
