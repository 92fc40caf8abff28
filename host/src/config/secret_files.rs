//! Files that settings name: tokens, private keys, certificates. They are read again when they are
//! needed, so that a rotated secret needs no restart. No error quotes a file's content.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::SystemTime;

use jsonwebtoken::EncodingKey;
use reqwest::Certificate;

use super::values;
use crate::model::Secret;

/// The largest token file.
const MAX_TOKEN_BYTES: u64 = 64 << 10;

/// Tells whether a file may have changed: its modification time, length and inode. `None` if it does
/// not exist.
pub type Stamp = Option<(SystemTime, u64, u64)>;

/// The current stamp of a file.
pub fn stamp(path: &Path) -> Stamp {
    let stat: Metadata = std::fs::metadata(path).ok()?;
    Some((stat.modified().ok()?, stat.len(), stat.ino()))
}

/// Reads a file of certificates (PEM) and checks that it contains any.
pub fn read_ca_file(path: &Path) -> Result<Vec<u8>, String> {
    let bytes = std::fs::read(path)
        .map_err(|error| format!("{}: cannot read it: {error}", path.display()))?;
    let right = "it should contain certificates in PEM format";
    match Certificate::from_pem_bundle(&bytes) {
        Ok(found) if !found.is_empty() => Ok(bytes),
        Ok(_) => Err(format!("{}: it contains no certificate; {right}", path.display())),
        Err(error) => Err(format!("{}: {error}; {right}", path.display())),
    }
}

/// Reads an App's private key.
pub fn read_private_key(path: &Path) -> Result<EncodingKey, String> {
    let bytes = std::fs::read(path)
        .map_err(|error| format!("{}: cannot read it: {error}", path.display()))?;
    EncodingKey::from_rsa_pem(&bytes).map_err(|_| {
        format!(
            "{}: not a private key of a GitHub App: use the RSA key in PEM format, as downloaded from the App's settings",
            path.display()
        )
    })
}

/// Checks that a file contains a private key.
pub fn check_private_key(path: &Path) -> Result<(), String> {
    read_private_key(path).map(|_| ())
}

/// Reads a token.
pub fn read_token_file(path: &Path) -> Result<Secret, String> {
    let wrong = |problem: String| format!("{}: {problem}", path.display());
    let unreadable = |error: std::io::Error| wrong(format!("cannot read it: {error}"));
    if std::fs::metadata(path).map_err(unreadable)?.len() > MAX_TOKEN_BYTES {
        return Err(wrong("it is too large for a token".to_owned()));
    }
    let text = std::fs::read_to_string(path).map_err(unreadable)?;
    let token = values::token(&text).map_err(wrong)?;
    token.ok_or_else(|| wrong("it is empty; it should contain a token".to_owned()))
}
