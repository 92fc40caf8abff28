//! Reads tokens, private keys and CA certificates from files. They are read again whenever they are
//! needed, so a rotated secret needs no restart. No error quotes the content of a file.

use std::path::Path;

use jsonwebtoken::EncodingKey;
use reqwest::Certificate;

use super::files::{read_bounded, read_text};
use super::values::parse_token;
use crate::model::Secret;

/// The largest file with a token or a private key.
const MAX_SECRET_BYTES: u64 = 64 << 10;
/// The largest file with CA certificates: the system's own have a few hundred kilobytes.
const MAX_CA_BYTES: u64 = 4 << 20;

/// Reads a file of CA certificates (PEM) and checks that it contains any.
pub fn read_ca_file(path: &Path) -> Result<Vec<u8>, String> {
    let wrong = |problem: String| {
        format!("{}: {problem}; it should contain certificates in PEM format", path.display())
    };
    let bytes = read_bounded(path, MAX_CA_BYTES)?;
    match Certificate::from_pem_bundle(&bytes) {
        Ok(certificates) if !certificates.is_empty() => Ok(bytes),
        Ok(_) => Err(wrong("it contains no certificate".to_owned())),
        Err(error) => Err(wrong(error.to_string())),
    }
}

/// Reads the private key of a GitHub App.
pub fn read_private_key(path: &Path) -> Result<EncodingKey, String> {
    EncodingKey::from_rsa_pem(&read_bounded(path, MAX_SECRET_BYTES)?).map_err(|_| {
        format!(
            "{}: not a private key of a GitHub App: use the RSA key in PEM format, as downloaded from the App's settings",
            path.display()
        )
    })
}

/// Checks that a file contains the private key of a GitHub App.
pub fn check_private_key(path: &Path) -> Result<(), String> {
    read_private_key(path).map(|_| ())
}

/// Reads a token.
pub fn read_token_file(path: &Path) -> Result<Secret, String> {
    let wrong = |problem: String| format!("{}: {problem}", path.display());
    let token = parse_token(&read_text(path, MAX_SECRET_BYTES)?).map_err(wrong)?;
    token.ok_or_else(|| wrong("it is empty; it should contain a token".to_owned()))
}

/// Reads a user, a password or the like, without the white space around it.
pub fn read_secret_file(path: &Path) -> Result<Secret, String> {
    let text = read_text(path, MAX_SECRET_BYTES)?;
    let wrong = |problem: &str| Err(format!("{}: {problem}", path.display()));
    match text.trim() {
        "" => wrong("it is empty; it should contain a secret"),
        text if text.chars().any(char::is_control) => {
            wrong("it contains a control character; it should contain a secret on one line")
        }
        text => Ok(Secret::new(text)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_cannot_be_used_are_named_and_never_quoted() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("secret");
        let error = |content: &str, read: &dyn Fn(&Path) -> Result<(), String>| {
            std::fs::write(&path, content).unwrap();
            let error = read(&path).unwrap_err();
            assert!(error.starts_with(&format!("{}: ", path.display())), "{error}");
            assert!(!error.contains("hunter2"), "{error}");
            error
        };
        let token = |path: &Path| read_token_file(path).map(|_| ());
        let ca = |path: &Path| read_ca_file(path).map(|_| ());
        assert!(error("hunter2 hunter2", &token).contains("whitespace"));
        assert!(error(" \n", &token).contains("it is empty"));
        let secret = |path: &Path| read_secret_file(path).map(|_| ());
        assert!(error("hunter2\nhunter2", &secret).contains("on one line"));
        assert!(error(" \n", &secret).contains("it is empty"));
        assert!(error("hunter2", &check_private_key).contains("RSA key in PEM format"));
        assert!(error("hunter2", &ca).contains("it contains no certificate"));
        std::fs::write(&path, " ghp_x\n").unwrap();
        assert_eq!(read_token_file(&path).unwrap().expose(), "ghp_x");
    }
}
