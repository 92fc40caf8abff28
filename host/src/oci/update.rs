//! What is known of a source after a check.

use super::error::OciError;
use super::kept::Kept;
use super::pulled::Pulled;
use crate::config::{ArtifactReference, RegistryOptions};

/// The result of a check of a source.
#[derive(Clone, Debug)]
pub struct Update {
    /// The source.
    pub reference: ArtifactReference,
    /// What should be in use of it.
    pub pulled: Option<Pulled>,
    /// Why it is not current.
    pub problem: Option<OciError>,
    /// Whether the problem is another one than that of the previous check.
    pub is_news: bool,
    /// Which of the tasks of this source sent it.
    pub(super) generation: u64,
}

/// What is kept of a source. It blocks.
pub(super) fn load(
    kept: Option<&Kept>,
    reference: ArtifactReference,
    options: &RegistryOptions,
) -> Update {
    let pulled = kept.and_then(|kept| kept.load(&reference, options));
    Update { reference, pulled, problem: None, is_news: false, generation: 0 }
}
