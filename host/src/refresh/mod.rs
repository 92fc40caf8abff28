//! Decides what is fetched when, fetches it, has it mapped and publishes the samples.
//!
//! - `schedule`: when each document is due. Pure, with the time handed in.
//! - `documents`: the versions of a target's documents: the newest and the last good one.
//! - `target`: a task for each target; it owns the schedule and the documents. `cycle` is one refresh,
//!   with the steps `adoption`, `admission`, `fetch`, `map` and `report`.
//! - `role`: whether this replica or another one fetches for a target; `lease_keeper` finds out, with the
//!   `leases` that it may have; `follow` publishes what another one has stored, with its `stored_schedule`;
//!   `losses` stores again what the store has lost.
//! - [`budget`]: how many requests per hour that takes, and whether GitHub allows them; `plan` says so.
//! - `shared_limits`: tells other replicas what is known about rate limits, and learns it from them.
//! - `attempts`: says which requests of a refresh that is still running have failed.
//! - [`Targets`]: what the tasks publish for others to read.
//! - `rollout`: puts candidate sets of mappings in use, after each `dry_run`; `compilations` and `checks`
//!   are those in progress.
//! - [`Reconciler`]: makes the tasks and mappings those of the settings; [`Reloader`] asks it to,
//!   and `apply` does so with settings that were read again.
//!
//! Nothing here happens because of a scrape. Whatever fails, the previous documents and samples stay.

mod admission;
mod adoption;
mod apply;
mod attempts;
pub mod budget;
mod changes;
mod checks;
mod compilations;
mod cycle;
mod daily;
mod documents;
mod dry_run;
mod fetch;
mod fetching;
mod follow;
mod lease_keeper;
mod leases;
mod losses;
mod map;
mod metrics;
mod outcome;
mod plan;
mod reconciler;
mod reload;
mod report;
mod restore;
mod revisions;
mod role;
mod rollout;
mod schedule;
mod shared;
mod shared_limits;
mod sources;
mod stored_schedule;
mod target;
mod targets;
mod tasks;
mod turns;

pub use metrics::Metrics;
pub use reconciler::{Reconciler, Source, StartError};
pub use reload::{Reloader, Request};
pub use shared::Parts;
pub use targets::{DailyInput, TargetView, Targets};
