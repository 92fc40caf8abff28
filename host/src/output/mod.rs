//! What is published: the samples and the status of every target, and the snapshot of `/metrics`.
//!
//! [`Publisher`] holds the samples as they came from the runner. Whenever they change, it writes them
//! into a [`Snapshot`] (`encode` writes a family), which scrapes load as one pointer. Both formats share it:
//! `metadata` has what differs. `format` has the exporter's own metrics in each, and `collector`
//! the exporter's metrics about what is published. `readiness` says whether that should be scraped, and
//! `target_texts` keeps the texts of single targets.

mod collector;
pub mod daily;
mod daily_exposition;
mod encode;
mod format;
mod gzip;
mod mapping_info;
mod metadata;
mod openmetrics;
mod openmetrics_spool;
mod part;
mod publisher;
mod readiness;
mod snapshot;
mod status;
mod target_texts;
#[cfg(test)]
mod tests;

pub use collector::Collector;
pub use daily_exposition::DailyExposition;
pub use format::{Format, encode_own};
pub use openmetrics::write_openmetrics;
pub use openmetrics_spool::OpenMetricsSpool;
pub use part::{Placement, Published};
pub use publisher::{FIRST_DATA_WAIT, Publisher};
pub use snapshot::{Snapshot, write_exposition};
pub use status::{DocumentStatus, Outcome, Status, TargetStatus};
