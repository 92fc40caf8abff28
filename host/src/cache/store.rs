//! What keeps documents over a restart.

use std::io;

use thiserror::Error;

use crate::github::Document;
use crate::target::Target;

/// Keeps documents. Its functions may block; two at once are never about the same target.
///
/// A document is kept whole or not at all: [`Store::load`] answers only what [`Store::save`] got,
/// whatever happened in between.
pub trait Store: Send + Sync {
    /// The document, if it is kept.
    fn load(&self, target: &Target, name: &str) -> Result<Option<Document>, StoreError>;

    /// Keeps the document in the place of the one that was.
    fn save(&self, target: &Target, name: &str, document: &Document) -> Result<(), StoreError>;

    /// Keeps it no longer.
    fn remove(&self, target: &Target, name: &str) -> Result<(), StoreError>;
}

/// Why a document could not be loaded or saved.
#[derive(Debug, Error)]
pub enum StoreError {
    /// What is there is not what was saved. It is out of the way now.
    #[error("{place} was set aside: {reason}")]
    Corrupt {
        /// Where it was.
        place: String,
        /// What is wrong with it.
        reason: String,
    },
    /// It can't be read or written.
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
