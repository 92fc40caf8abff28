//! Why the store failed.

use std::io;

use thiserror::Error;

use super::valkey::Failure;

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
    /// The server that replicas share failed. That has been logged.
    #[error(transparent)]
    Server(#[from] Failure),
    /// Another replica has had the lease of the target since: the write was refused.
    #[error("{place}: not stored: another replica has taken over")]
    Fenced {
        /// What was to be written.
        place: String,
    },
}

impl StoreError {
    /// Whether it has been logged, or is no failure.
    pub fn is_reported(&self) -> bool {
        matches!(self, Self::Server(_) | Self::Fenced { .. })
    }

    /// The cause as a label.
    pub fn cause(&self) -> &'static str {
        use io::ErrorKind::{FileTooLarge, PermissionDenied, QuotaExceeded, StorageFull};
        match self {
            Self::Corrupt { .. } => "corrupt",
            Self::Server(_) => "server",
            Self::Fenced { .. } => "fenced",
            Self::Io { error, .. } => match error.kind() {
                StorageFull | QuotaExceeded | FileTooLarge => "no_space",
                PermissionDenied => "permission",
                _ => "io",
            },
        }
    }
}
