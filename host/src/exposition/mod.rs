//! From the samples of a mapping to what Prometheus scrapes.
//!
//! [`validate`](validate::validate) checks the samples, [`encode`](encode::encode) writes them
//! once, and a [`Snapshot`](snapshot::Snapshot) holds the text of all targets ready to be sent.

pub mod encode;
pub mod names;
pub mod snapshot;
pub mod validate;
