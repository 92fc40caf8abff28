//! The default mapping: GitHub's Copilot JSON to Prometheus samples.
//!
//! It is built as a wasm32-wasip2 component and embedded in the exporter; as a plain library
//! the same code is tested and measured natively.
//!
//! # Layout
//!
//! Bytes come in at [`mapping::Mapping::feed`] and leave as a sample set at
//! [`mapping::Mapping::finish`]:
//!
//! - `framing` cuts a stream of bytes into rows, so that memory follows the largest row;
//! - `json` decodes one row into a type and notes the fields nobody knows; `values` and `time`
//!   are what rows are made of;
//! - one collector per kind of document aggregates rows: `reports`, `billing`, `seats`,
//!   `legacy`; `original` holds the ten gauges which the last two of them share;
//! - `samples` holds the catalogue of families and builds the columns that cross the boundary;
//! - [`manifest`] is what the mapping says of itself, [`component`] the glue to the WIT world.

mod billing;
pub mod component;
mod framing;
mod json;
mod legacy;
pub mod manifest;
pub mod mapping;
mod original;
mod reports;
mod samples;
mod seats;
mod time;
mod values;
