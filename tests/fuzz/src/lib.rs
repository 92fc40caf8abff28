//! What fuzz targets share.

use std::fs::File;
use std::io::{Seek, Write};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// A file without a name that would remain: in memory where that is possible, as rewriting a file waits
/// for the disk.
pub fn unnamed_file() -> File {
    tempfile::tempfile_in("/dev/shm").or_else(|_| tempfile::tempfile()).unwrap()
}

/// A file for the text of a config file.
pub struct ConfigFile {
    file: Mutex<File>,
    path: PathBuf,
}

impl ConfigFile {
    /// An empty file.
    pub fn new() -> Self {
        let file = unnamed_file();
        let path = format!("/dev/fd/{}", file.as_raw_fd()).into();
        Self { file: Mutex::new(file), path }
    }

    /// Replaces the text, and returns the path.
    pub fn write(&self, text: &str) -> &Path {
        let mut file = self.file.lock().unwrap();
        file.set_len(0).unwrap();
        file.rewind().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        file.rewind().unwrap();
        &self.path
    }
}

impl Default for ConfigFile {
    fn default() -> Self {
        Self::new()
    }
}
