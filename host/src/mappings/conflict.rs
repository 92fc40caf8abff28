//! Why two mappings can't run side by side.

use thiserror::Error;

/// Why two mappings can't run side by side. Both are named.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum Conflict {
    /// They have the same name.
    #[error("two files contain a mapping named {0:?}: {1} and {2}")]
    Name(String, String, String),
    /// They have the same family: its series would be duplicates.
    #[error("the mappings {1:?} and {2:?} both have the family {0:?}: rename it in one of them")]
    Family(String, String, String),
    /// The name of one's family with a suffix is that of the other's.
    #[error(
        "the mapping {1:?} has the family {0:?}, and {3:?} has {2:?}: one looks like a series of the other, rename it"
    )]
    Suffix(String, String, String, String),
    /// They have different documents with the same name.
    #[error("the mappings {1:?} and {2:?} have different documents named {0:?}: {3} and {4}")]
    Document(String, String, String, String, String),
}
