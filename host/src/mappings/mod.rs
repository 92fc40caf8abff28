//! Which mappings run: those of a folder, beside or in the place of the embedded one.
//!
//! A [`MappingSet`] is what runs for a target (`plan` puts the documents of its mappings together).
//! The [`Library`] knows the folders (`folder` reads one, [`Watcher`] says when to) and makes
//! [`Proposal`]s; a [`Refusal`] says why a file is not used. [`crate::swap`] tries proposals out
//! and puts them in place.

mod conflict;
mod folder;
mod library;
mod plan;
mod proposal;
mod refusal;
mod set;
mod watcher;

pub use conflict::Conflict;
pub use folder::read_file;
pub use library::{Library, Look, check_digest};
pub use plan::Feed;
pub use proposal::{Change, Proposal};
pub use refusal::Refusal;
pub use set::{MappingSet, Member};
pub use watcher::Watcher;
