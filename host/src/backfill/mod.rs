//! `backfill`: fetches the days of the past, maps them, and puts their daily samples into databases or
//! files.
//!
//! - `args`: the command line; `range`: which days.
//! - `days`: fetches the documents of a day that are not kept yet; `pace` limits how fast.
//! - `run`: one day after the other, from the oldest on; `sink`: where the samples go, to files or to
//!   endpoints (`receiver`), for which `encoder` encodes them.
//! - `plan`: what it would do.
//! - `report`: what became of each day; `progress`: what is shown meanwhile.
//!
//! What is fetched is kept in the store before it is mapped. So the command can be interrupted at any
//! time, and continues where it stopped.

mod args;
mod days;
mod encoder;
mod outcome;
mod pace;
mod plan;
mod progress;
mod range;
mod receiver;
mod report;
mod run;
mod sink;

pub use args::{BackfillArgs, Destination};
pub use plan::Plan;
pub use progress::Progress;
pub use range::days_of;
pub use receiver::Receiver;
pub use report::Report;
pub use run::{Backfill, Job, Verify};
pub use sink::{Sink, SinkError};
