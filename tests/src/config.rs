//! Config files, each in a folder of its own.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// A config file, and what lies beside it. It goes when it is dropped.
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

    /// The path of a file beside it.
    pub fn file(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Replaces a file the way secrets are: by a rename.
    pub fn write(&self, name: &str, text: &str) {
        let new = self.file(".new");
        let written = fs::write(&new, text).and_then(|()| fs::rename(&new, self.file(name)));
        written.unwrap_or_else(|error| panic!("{name}: {error}"));
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        self.0.path()
    }
}
