//! What is known about the files of a directory.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use super::refusal::Refusal;
use crate::model::Limits;
use crate::wasm::Mapping;

/// The files of a directory by path.
pub(super) type Files = BTreeMap<PathBuf, FileState>;

/// What is known about a file.
#[derive(Clone, Default)]
pub(super) struct FileState {
    /// Identifies its content as of the last scan.
    pub content: String,
    /// The mapping that runs: the file's own, or its predecessor while that one is refused.
    pub in_use: Option<Arc<Mapping>>,
    /// The mapping that it replaced.
    pub before: Option<Arc<Mapping>>,
    /// Why the file's own mapping does not run.
    pub refusal: Option<Arc<Refusal>>,
    /// The limits with which the file's own mapping was last tried.
    pub limits: Option<Arc<Limits>>,
}

impl FileState {
    pub(super) fn uses(&self, sha256: &str) -> bool {
        self.in_use.as_ref().is_some_and(|in_use| in_use.sha256() == sha256)
    }

    pub(super) fn is_named(&self, name: &str) -> bool {
        self.in_use.as_ref().is_some_and(|in_use| in_use.manifest().name == name)
    }

    pub(super) fn is_same(&self, other: &Self) -> bool {
        let mapping = |mapping: &Option<Arc<Mapping>>| {
            mapping.as_ref().map(|mapping| mapping.sha256().to_owned())
        };
        let refusal = |state: &Self| state.refusal.as_ref().map(|refusal| refusal.to_string());
        self.content == other.content
            && mapping(&self.in_use) == mapping(&other.in_use)
            && mapping(&self.before) == mapping(&other.before)
            && refusal(self) == refusal(other)
    }
}
