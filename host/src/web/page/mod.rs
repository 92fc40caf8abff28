//! The page at `/`: an overview of all targets, and the charts of one of them, of its last 28 days or of more
//! that are kept.
//!
//! [`Page`] (`render`) puts it together for each request, from what the publisher knows (`overview` and
//! `section`) and from charts that are drawn once for the same documents and mappings (`cache`). The columns
//! of the overview are `headline` numbers, and `trend` has those of a week earlier. `export` has the values
//! of a chart as CSV and JSON.
//!
//! The charts are those in the manifests of a target's mappings: `run` runs the mappings, `select` and
//! `data` compute the values of a chart, `charts`, `lines` and `bars` draw it, in a `frame`. For a longer `range`, `days`
//! maps the days that are kept in the store (`kept`), of which `past` has the sums. The HTML is in
//! `host/templates`; `escape` escapes all texts in it.

mod bars;
mod cache;
mod charts;
mod data;
mod days;
mod escape;
mod export;
#[cfg(test)]
mod fixtures;
mod frame;
mod headline;
mod kept;
mod lines;
mod numbers;
mod overview;
mod past;
mod range;
mod render;
mod run;
mod section;
mod select;
mod trend;

pub use export::{ChartSelection, ExportError};
pub use render::{CONTENT_SECURITY_POLICY, Page, Selection};
