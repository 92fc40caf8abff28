//! Groups of fields that several kinds of rows have, each with its families.

pub mod activity;
pub mod adoption;
pub mod agents;
pub mod customizations;
pub mod engagement;
pub mod pull_requests;
pub mod sessions;
pub mod surfaces;
