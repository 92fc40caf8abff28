//! The default mapping: GitHub's Copilot JSON to Prometheus samples.
//!
//! It is built as a wasm32-wasip2 component and embedded in the exporter. As a plain library, the
//! same code is tested and benchmarked natively.
//!
//! # Layout
//!
//! Bytes enter at [`run::Run::feed`] and leave as samples at [`run::Run::finish`]. Each module
//! imports only from the ones above it:
//!
//! - [`contract`]: the generated types of the WIT contract.
//! - `input`: bytes to typed rows. `framer` splits a body into rows, `row` decodes one row, `values`
//!   and `time` are the kinds of values in it. What is wrong costs as little as possible: a value
//!   (`field`), a character (`repair`) or a row; `tracking` finds the path of what is left out and
//!   `unmapped` counts it. `shape` recognizes what is not the document at all, and `version` decides
//!   between rows that contradict each other.
//! - `output`: `catalogue` holds the families, `samples` the columns that cross the boundary,
//!   `fields` the tables of number fields.
//! - `settings`: which days and options a run has.
//! - `collector`: the trait `Collector`, the interface of everything that
//!   turns rows into samples.
//! - `registration`: what a collector declares, which are its documents, framing, options and
//!   `charts`, and its constructor.
//! - `measures`: groups of fields that several kinds of rows share, such as pull requests.
//! - `documents`: one file or directory per document family, each with its collector, and the
//!   table of all of them.
//! - [`run`] feeds documents to the collectors, [`manifest`] describes the mapping, and
//!   [`component`] connects both to the WIT world.
//!
//! A new document family is one new file in `documents`, with its `mod` line and its row in the table.

mod charts;
mod collector;
pub mod component;
pub mod contract;
mod documents;
#[cfg(fuzzing)]
pub mod fuzzing;
mod input;
pub mod manifest;
mod measures;
mod output;
mod registration;
pub mod run;
mod settings;
#[cfg(test)]
mod testing;
