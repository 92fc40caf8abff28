//! What fetching a document results in.

use crate::model::Document;

/// The result of fetching a document.
#[derive(Debug)]
pub enum Fetched {
    /// A document, whose content may be the same as before.
    Fresh(Document),
    /// The document is final: it was not requested again.
    Final,
    /// GitHub does not have it yet, which is not an error.
    Absent,
}
