//! What a cycle of a target has fetched.

use crate::model::DocumentSpec;

/// What was fetched in a cycle.
#[derive(Default)]
pub(super) struct Fetching {
    /// The documents that were requested.
    pub attempted: Vec<DocumentSpec>,
    /// How many of them GitHub sent or confirmed.
    pub fetched: usize,
    /// Whether the content of any document changed.
    pub changed: bool,
}
