//! Puts the exporter together.
//!
//! [`Exporter`] serves; [`check`] checks the settings as a start does; [`backfill`] fills
//! databases with the past; [`record`] writes what GitHub has now to files. `open` opens what the settings name,
//! and [`Metrics`] has the exporter's own metrics, all of them.

mod backfill;
mod check;
mod error;
mod exporter;
mod mappings;
mod metrics;
mod open;
mod record;

pub use backfill::{BackfillError, Ended, backfill, selecting};
pub use check::check;
pub use error::StartError;
pub use exporter::Exporter;
pub use metrics::Metrics;
pub use record::{RecordError, record};
