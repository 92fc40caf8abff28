//! Which mappings run: those of a directory and of OCI registries, in addition to the default mapping or
//! instead of it.
//!
//! A [`MappingSet`] is what runs for a target (`plan` combines the documents of its mappings). The
//! [`Registry`] knows the directories (`directory` reads one, [`Watcher`] says when) and makes
//! [`CandidateSet`]s; a [`Refusal`] says why a file is not used. `refresh::rollout` runs candidate
//! sets over the stored documents and puts them in use.

mod artifacts;
mod candidate;
mod conflict;
mod directory;
mod file_state;
mod metrics;
mod pending;
mod plan;
mod refusal;
mod registry;
mod rollback;
mod scan;
mod set;
mod settings;
mod update;
mod watcher;

pub use candidate::{CandidateSet, Change};
pub use conflict::Conflict;
pub use directory::read_file;
pub use metrics::{Metrics, Swap};
pub use pending::PendingFile;
pub use plan::Feed;
pub use refusal::Refusal;
pub use registry::{Registry, check_digest};
pub use scan::{Rescan, Scan};
pub use set::{MappingSet, Member};
pub use settings::check_option;
pub use watcher::Watcher;
