//! How the last attempt to get a document ended.

use crate::github::FetchError;

/// How the last attempt to get a document ended.
#[derive(Clone, Debug)]
pub(super) enum Outcome {
    /// It was fetched, or confirmed by GitHub.
    Fresh,
    /// GitHub does not have it yet.
    Absent,
    /// It could not be fetched.
    Failed(FetchError),
    /// It was fetched and can't be mapped.
    Unmapped(String),
}

impl Outcome {
    /// Whether there is a document.
    pub(super) fn is_fresh(&self) -> bool {
        matches!(self, Self::Fresh)
    }

    /// Whether GitHub says that the document does not exist.
    pub(super) fn is_not_found(&self) -> bool {
        matches!(self, Self::Failed(error) if error.is_not_found())
    }
}
