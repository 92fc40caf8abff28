//! Puts the exporter together.
//!
//! [`Exporter`] serves; [`check`] checks the settings as a start does. `open` opens what the settings name,
//! and [`Metrics`] has the exporter's own metrics, all of them.

mod check;
mod error;
mod exporter;
mod mappings;
mod metrics;
mod open;

pub use check::check;
pub use error::StartError;
pub use exporter::Exporter;
pub use metrics::Metrics;
