//! Paths in a config file, which are relative to the directory of the file.

use std::cell::RefCell;
use std::path::{Path, PathBuf};

use super::files::{Stamp, read_text, stamp};
use super::parse::Parser;
use super::secret_files::{check_private_key, read_ca_file, read_secret_file, read_token_file};

thread_local! {
    /// The directory of the file that is being deserialized. serde hands no context to the fields,
    /// and deserializing does not leave the thread.
    static DIRECTORY: RefCell<PathBuf> = RefCell::default();
}

/// Resolves relative paths from the directory of `file` while `deserialize` runs.
pub(super) fn within_directory_of<T>(file: &Path, deserialize: impl FnOnce() -> T) -> T {
    let directory = file.parent().unwrap_or(Path::new("")).to_owned();
    let outer = DIRECTORY.replace(directory);
    let deserialized = deserialize();
    DIRECTORY.set(outer);
    deserialized
}

fn resolve(path: &str) -> PathBuf {
    DIRECTORY.with_borrow(|directory| directory.join(path))
}

/// A directory. It does not need to exist yet.
pub(super) struct Directory;

impl Parser for Directory {
    /// An absolute path: the watcher must know the directory by one name.
    type Value = PathBuf;

    fn parse(text: &str) -> Result<PathBuf, String> {
        let path = resolve(text);
        let wrong = |problem: String| format!("{}: {problem}", path.display());
        if path.exists() && !path.is_dir() {
            return Err(wrong("not a directory".to_owned()));
        }
        std::path::absolute(&path).map_err(|error| wrong(error.to_string()))
    }
}

/// A file with a token.
pub(super) struct TokenFile;

impl Parser for TokenFile {
    /// The path: the token is read again for every request.
    type Value = PathBuf;

    fn parse(text: &str) -> Result<PathBuf, String> {
        let path = resolve(text);
        read_token_file(&path).map(|_| path)
    }
}

/// A file with the private key of a GitHub App.
pub(super) struct PrivateKeyFile;

impl Parser for PrivateKeyFile {
    /// The path: the key is read again for every claim.
    type Value = PathBuf;

    fn parse(text: &str) -> Result<PathBuf, String> {
        let path = resolve(text);
        check_private_key(&path).map(|()| path)
    }
}

/// A file with a user, a password or the like.
pub(super) struct SecretFile;

impl Parser for SecretFile {
    /// The path: the secret is read again for every request.
    type Value = PathBuf;

    fn parse(text: &str) -> Result<PathBuf, String> {
        let path = resolve(text);
        read_secret_file(&path).map(|_| path)
    }
}

/// A file with certificates or a key in PEM format, which is checked together with others.
pub(super) struct PemFile;

impl Parser for PemFile {
    /// The path: the file may change at any time.
    type Value = PathBuf;

    fn parse(text: &str) -> Result<PathBuf, String> {
        Ok(resolve(text))
    }
}

/// A file with CA certificates in PEM format.
pub(super) struct CaFile;

impl Parser for CaFile {
    /// Its content: if the file changes, the settings have changed.
    type Value = Vec<u8>;

    fn parse(text: &str) -> Result<Vec<u8>, String> {
        read_ca_file(&resolve(text))
    }
}

/// A text file whose content is needed.
pub(super) struct TextFile<const MAX_BYTES: u64>;

/// The content of a file, and what tells whether it has changed since. It may be a private key.
pub(super) struct Content {
    /// Where it is.
    pub path: PathBuf,
    /// Its stamp before it was read.
    pub stamp: Stamp,
    /// What it contains.
    pub text: String,
}

impl<const MAX_BYTES: u64> Parser for TextFile<MAX_BYTES> {
    type Value = Content;

    fn parse(text: &str) -> Result<Content, String> {
        let path = resolve(text);
        let stamp = stamp(&path);
        let text = read_text(&path, MAX_BYTES)?;
        Ok(Content { path, stamp, text })
    }
}
