//! Keeps everything that the exporter says in the tests (logs, errors, metrics, pages), and every
//! secret that it was given, so that a test can look for these in that when the suite has run.

use std::collections::HashSet;
use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::sync::{Mutex, OnceLock, PoisonError};

use crate::fixtures::root;

/// The folder of the last run of the suite.
pub fn folder() -> PathBuf {
    root().join("target/tmp/transcript")
}

/// Starts a new transcript, once in a process.
fn begun() -> PathBuf {
    static BEGUN: OnceLock<()> = OnceLock::new();
    BEGUN.get_or_init(|| {
        fs::remove_dir_all(folder()).ok();
        fs::create_dir_all(folder()).unwrap_or_else(|error| panic!("{error}"));
    });
    folder()
}

/// Keeps what the exporter said.
pub fn record(text: &str) {
    append("said", text);
}

/// Notes a secret that must not be in it.
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
    let file = fs::OpenOptions::new().create(true).append(true).open(begun().join(name));
    let written = file.and_then(|mut file| writeln!(file, "{text}"));
    written.unwrap_or_else(|error| panic!("{name}: {error}"));
}
