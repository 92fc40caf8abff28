//! What the tests and benchmarks share.
//!
//! # Layout
//!
//! - [`command`]: runs the exporter's command as a user would;
//! - [`exposition`]: reads what it prints or serves;
//! - [`fixtures`]: the recordings, and bodies made on the spot;
//! - [`mapping`]: runs the default mapping natively and as a component, over the same bodies.

pub mod command;
pub mod exposition;
pub mod fixtures;
pub mod mapping;
