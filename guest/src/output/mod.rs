//! The metric families and their samples.

mod catalogue;
pub mod fields;
mod samples;

pub use catalogue::{Catalogue, FamilyId};
pub use samples::Samples;
