//! Why the store failed.

use std::io;

use thiserror::Error;

/// Why something could not be loaded or saved.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The stored bytes are not what was saved. They have been set aside.
    #[error("{place} was set aside: {reason}")]
    Corrupt {
        /// Where they were.
        place: String,
        /// What is wrong with them.
        reason: String,
    },
    /// It could not be read or written.
    #[error("{place}: {error}")]
    Io {
        /// Where.
        place: String,
        /// Why.
        error: io::Error,
    },
}

impl StoreError {
    /// The cause as a label.
    pub fn cause(&self) -> &'static str {
        use io::ErrorKind::{FileTooLarge, PermissionDenied, QuotaExceeded, StorageFull};
        match self {
            Self::Corrupt { .. } => "corrupt",
            Self::Io { error, .. } => match error.kind() {
                StorageFull | QuotaExceeded | FileTooLarge => "no_space",
                PermissionDenied => "permission",
                _ => "io",
            },
        }
    }
}
