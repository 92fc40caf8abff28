//! The page at `/`: the state of every target, and charts of its last 28 days, or of more that are kept.
//!
//! [`Page`] (`render`) puts it together for each request, from what the publisher knows (`section`) and
//! from charts that are drawn once for the same documents and mappings (`cache`).
//!
//! The charts are those in the manifests of a target's mappings: `run` runs the mappings, `select` and
//! `data` compute the values of a chart, `charts`, `lines` and `bars` draw it. For a longer `range`, `days`
//! maps the days that are kept in the store (`kept`), of which `past` has the sums. The HTML is in
//! `host/templates`; `escape` escapes all texts in it.

mod bars;
mod cache;
mod charts;
mod data;
mod days;
mod escape;
#[cfg(test)]
mod fixtures;
mod kept;
mod lines;
mod numbers;
mod past;
mod range;
mod render;
mod run;
mod section;
mod select;

pub use render::{CONTENT_SECURITY_POLICY, Page, Selection};
