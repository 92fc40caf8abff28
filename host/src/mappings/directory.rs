//! Reads a folder of mappings.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::refusal::Refusal;
use crate::model::digest::{sha256_of, stamp};

/// How many files are looked at. Whoever has more has mistaken the folder.
const MAX_FILES: usize = 100;

/// A file in the folder.
pub(super) struct Found {
    /// Its path.
    pub path: PathBuf,
    /// Tells its content from every other: the SHA-256, or what there is in its place.
    pub content: String,
    /// Why it can't be read.
    pub refusal: Option<Refusal>,
}

/// The files `*.wasm` in the folder, by name. Those whose names begin with a dot are somebody's
/// unfinished work. A folder that is not there is an empty one.
pub(super) fn read(folder: &Path, max_bytes: u64) -> io::Result<Vec<Found>> {
    let entries = match fs::read_dir(folder) {
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
        return Err(io::Error::other(format!("there are more than {MAX_FILES} files *.wasm")));
    }
    paths.sort();
    Ok(paths.into_iter().filter_map(|path| find(path, max_bytes)).collect())
}

/// Looks at a file, without keeping its bytes. `None`: it has gone meanwhile.
fn find(path: PathBuf, max_bytes: u64) -> Option<Found> {
    let digest = open(&path, max_bytes).and_then(|file| Ok(sha256_of(file)?));
    match digest {
        Ok(content) => Some(Found { path, content, refusal: None }),
        Err(Refusal::Unreadable(error)) if error.kind() == io::ErrorKind::NotFound => None,
        Err(refusal) => {
            // Its content is not known; the rest tells whether it may have changed.
            let content = format!("{} {:?}", refusal.cause(), stamp(&path));
            Some(Found { path, content, refusal: Some(refusal) })
        }
    }
}

/// Opens a file of no more than `max_bytes`. If it grows meanwhile, the rest is not read.
fn open(path: &Path, max_bytes: u64) -> Result<impl Read + use<>, Refusal> {
    // Before it is opened: a pipe would wait for a writer.
    let stat = fs::metadata(path)?;
    if !stat.is_file() {
        return Err(io::Error::other("it is no file").into());
    }
    if stat.len() > max_bytes {
        return Err(Refusal::TooLarge(stat.len(), max_bytes));
    }
    Ok(File::open(path)?.take(max_bytes + 1))
}

/// Reads a file of no more than `max_bytes`.
pub fn read_file(path: &Path, max_bytes: u64) -> Result<Vec<u8>, Refusal> {
    let mut bytes = Vec::new();
    open(path, max_bytes)?.read_to_end(&mut bytes)?;
    match bytes.len() as u64 {
        length if length > max_bytes => Err(Refusal::TooLarge(length, max_bytes)),
        _ => Ok(bytes),
    }
}
