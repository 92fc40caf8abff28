//! Records everything that the exporter prints and serves in the tests (logs, errors, metrics, pages), and
//! every secret it was given, so that the last test can search the former for the latter.

use std::collections::HashSet;
use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::sync::{Mutex, OnceLock, PoisonError};

use crate::fixtures::root;

/// The directory of the last run of the suite.
pub fn directory() -> PathBuf {
    root().join("target/tmp/transcript")
}

/// Starts a new transcript, once per process.
fn start() -> PathBuf {
    static STARTED: OnceLock<()> = OnceLock::new();
    STARTED.get_or_init(|| {
        fs::remove_dir_all(directory()).ok();
        fs::create_dir_all(directory()).unwrap_or_else(|error| panic!("{error}"));
    });
    directory()
}

/// Records what the exporter printed or served.
pub fn record(text: &str) {
    append("said", text);
}

/// Records a secret that must not be in it.
pub fn keep_secret(secret: &str) {
    static KNOWN: Mutex<Option<HashSet<String>>> = Mutex::new(None);
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if known.get_or_insert_default().insert(secret.to_owned()) {
        append("secrets", secret);
    }
}

fn append(name: &str, text: &str) {
    static WRITING: Mutex<()> = Mutex::new(());
    let _writing = WRITING.lock().unwrap_or_else(PoisonError::into_inner);
    let file = fs::OpenOptions::new().create(true).append(true).open(start().join(name));
    let written = file.and_then(|mut file| writeln!(file, "{text}"));
    written.unwrap_or_else(|error| panic!("{name}: {error}"));
}
