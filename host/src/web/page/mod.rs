//! The page at `/`: the state of every target, and charts of its last 28 days.
//!
//! [`Page`] (`render`) puts it together for each request, from what the publisher knows (`section`) and
//! from charts that are drawn once for the same documents and mappings (`cache`).
//!
//! The charts are those in the manifests of a target's mappings: `run` runs the mappings, `select` and
//! `data` compute the values of a chart, `charts`, `lines` and `bars` draw it. The HTML is in
//! `host/templates`; `escape` escapes all texts in it.

mod bars;
mod cache;
mod charts;
mod data;
mod escape;
#[cfg(test)]
mod fixtures;
mod lines;
mod numbers;
mod render;
mod run;
mod section;
mod select;

pub use render::{CONTENT_SECURITY_POLICY, Page, Selection};
