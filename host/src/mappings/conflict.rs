//! Why two mappings can't run beside one another.

use thiserror::Error;

/// Why two mappings can't run beside one another. Both are named.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum Conflict {
    /// They have one name.
    #[error("two files hold a mapping named {0:?}: {1} and {2}")]
    Name(String, String, String),
    /// They answer one family: its series would be there twice.
    #[error("the mappings {1:?} and {2:?} both have the family {0:?}: rename it in one of them")]
    Family(String, String, String),
    /// They call two documents by one name.
    #[error(
        "the mappings {1:?} and {2:?} both have a document {0:?}, and it is not the same: {3} and {4}"
    )]
    Document(String, String, String, String, String),
}
