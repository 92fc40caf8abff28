//! Where a secret comes from.

use std::path::PathBuf;

use super::secret_files::read_secret_file;
use crate::model::Secret;

/// Where a secret comes from.
#[derive(Clone, Debug, PartialEq)]
pub enum SecretSource {
    /// The settings contain it.
    Text(Secret),
    /// A file contains it, which may change at any time.
    File(PathBuf),
}

impl SecretSource {
    /// The secret. A file is read again each time, which blocks; the error says what is wrong with it.
    pub fn read(&self) -> Result<Secret, String> {
        match self {
            Self::Text(secret) => Ok(secret.clone()),
            Self::File(path) => read_secret_file(path),
        }
    }
}
