//! Reads a directory of mappings.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::refusal::Refusal;
use crate::config::stamp;
use crate::model::digest::{sha256, sha256_of};
use crate::oci::Content;

/// The largest number of files. A directory with more is most likely the wrong one.
const MAX_FILES: usize = 100;

/// A file of the directory.
pub(super) struct Found {
    /// Its path.
    pub path: PathBuf,
    /// Identifies its content: the SHA-256, or something that changes when it may have changed.
    pub content: String,
    /// Where its bytes are.
    pub location: Content,
    /// Why it can't be read.
    pub refusal: Option<Refusal>,
}

/// The files `*.wasm` of the directory, by name. Those whose names start with a dot are unfinished. A
/// directory that does not exist is empty.
pub(super) fn scan(directory: &Path, max_bytes: u64) -> io::Result<Vec<Found>> {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry?.path();
        let hidden = path.file_name().is_none_or(|name| name.to_string_lossy().starts_with('.'));
        if !hidden && path.extension().is_some_and(|extension| extension == "wasm") {
            paths.push(path);
        }
    }
    if paths.len() > MAX_FILES {
        return Err(io::Error::other(format!("it has more than {MAX_FILES} *.wasm files")));
    }
    paths.sort();
    Ok(paths.into_iter().filter_map(|path| find(path, max_bytes)).collect())
}

/// Identifies the content of a file, without keeping its bytes. `None`: it has been removed.
fn find(path: PathBuf, max_bytes: u64) -> Option<Found> {
    let location = Content::File(path.clone());
    match digest(&location, max_bytes) {
        Ok(content) => Some(Found { path, content, location, refusal: None }),
        Err(Refusal::Unreadable(error)) if error.kind() == io::ErrorKind::NotFound => None,
        Err(refusal) => {
            // Its content is unknown; the stamp tells whether it may have changed.
            let content = format!("{} {:?}", refusal.cause(), stamp(&path));
            Some(Found { path, content, location, refusal: Some(refusal) })
        }
    }
}

/// The SHA-256 of a content of at most `max_bytes`.
pub(super) fn digest(content: &Content, max_bytes: u64) -> Result<String, Refusal> {
    match content {
        Content::File(path) => open(path, max_bytes).and_then(|file| Ok(sha256_of(file)?)),
        Content::Memory(bytes) => Ok(sha256([bytes])),
    }
}

/// Reads a content of at most `max_bytes`.
pub(super) fn read(content: &Content, max_bytes: u64) -> Result<Vec<u8>, Refusal> {
    match content {
        Content::File(path) => read_file(path, max_bytes),
        Content::Memory(bytes) => Ok(bytes.to_vec()),
    }
}

/// Opens a file of at most `max_bytes`. If it grows meanwhile, the rest is not read.
fn open(path: &Path, max_bytes: u64) -> Result<impl Read + use<>, Refusal> {
    // Before it is opened: opening a pipe waits for a writer.
    let stat = fs::metadata(path)?;
    if !stat.is_file() {
        return Err(io::Error::other("it is not a regular file").into());
    }
    if stat.len() > max_bytes {
        return Err(Refusal::TooLarge(stat.len(), max_bytes));
    }
    Ok(File::open(path)?.take(max_bytes + 1))
}

/// Reads a file of at most `max_bytes`.
pub fn read_file(path: &Path, max_bytes: u64) -> Result<Vec<u8>, Refusal> {
    let mut bytes = Vec::new();
    open(path, max_bytes)?.read_to_end(&mut bytes)?;
    match bytes.len() as u64 {
        length if length > max_bytes => Err(Refusal::TooLarge(length, max_bytes)),
        _ => Ok(bytes),
    }
}
