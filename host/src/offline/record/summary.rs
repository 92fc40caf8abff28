//! What was recorded, and what was not, and why.

use std::fmt::{self, Display, Formatter};
use std::path::PathBuf;

/// What became of a document.
pub(super) struct Entry {
    /// Its name.
    pub name: String,
    /// What was written, or why nothing was.
    pub text: String,
    /// Whether the target depends on it and it was not recorded.
    pub is_missing: bool,
}

/// A case that was written.
pub(super) struct Recorded {
    /// The kind of the target, and its name in the case.
    pub target: String,
    /// Where the case is.
    pub directory: PathBuf,
    /// The documents.
    pub entries: Vec<Entry>,
}

/// The result of a recording. Its text is for the terminal: errors name the target as GitHub does.
pub struct Summary(pub(super) Vec<Recorded>);

impl Summary {
    /// The required documents that were not recorded.
    pub fn missing(&self) -> Vec<&str> {
        let entries = self.0.iter().flat_map(|of| &of.entries);
        entries.filter(|entry| entry.is_missing).map(|entry| entry.name.as_str()).collect()
    }
}

impl Display for Summary {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for Recorded { target, directory, entries } in &self.0 {
            writeln!(f, "{target}: {}", directory.display())?;
            let width = entries.iter().map(|entry| entry.name.len()).max().unwrap_or_default();
            for entry in entries {
                writeln!(f, "  {:width$}  {}", entry.name, entry.text)?;
            }
        }
        Ok(())
    }
}
