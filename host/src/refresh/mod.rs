//! Decides what is fetched when, fetches it, has it mapped and publishes the samples.
//!
//! - `schedule`: when each document is due. Pure, with the time handed in.
//! - `documents`: the versions of a target's documents: the newest and the last good one.
//! - `target`: a task for each target; it owns the schedule and the documents. `fetch`, `map` and
//!   `report` are the steps of its cycle.
//! - `attempts`: says which requests of a refresh that is still running have failed.
//! - [`Targets`]: what the tasks publish for others to read.
//! - `rollout`: dry-runs candidate sets of mappings and puts them in use.
//! - [`Reconciler`]: makes the tasks and mappings those of the settings; [`Reloader`] asks it to.
//!
//! Nothing here happens because of a scrape. Whatever fails, the previous documents and samples stay.

mod attempts;
mod checks;
mod documents;
mod fetch;
mod fetching;
mod map;
mod metrics;
mod reconciler;
mod reload;
mod report;
mod restore;
mod rollout;
mod schedule;
mod shared;
mod target;
mod targets;
mod tasks;
mod turns;

pub use metrics::Metrics;
pub use reconciler::{Reconciler, Source, StartError};
pub use reload::{Reloader, Request};
pub use shared::Parts;
pub use targets::{TargetView, Targets};
