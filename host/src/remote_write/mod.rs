//! A client for endpoints that support Prometheus' protocol for remote write, and for their query API. What
//! is pushed when is decided elsewhere.
//!
//! [`encode()`] turns daily samples into requests: `series` gives each series its labels (`relabel` applies
//! the rules of the settings), `message` has the two versions of the protocol. An [`Endpoint`] sends them
//! ([`Endpoint::write`]), and asks what the server has ([`Endpoint::raw`], [`Endpoint::verify`],
//! [`Endpoint::markers`]) and accepts ([`Endpoint::probe`]). `http` sends single requests: sign-in, TLS,
//! proxy, redirects; `failure` is why one failed. [`hint()`] says what helps against known refusals.

mod day;
mod deadline;
mod encode;
mod endpoint;
mod error;
mod failure;
mod hint;
mod http;
mod markers;
mod message;
mod metrics;
mod probe;
mod promql;
mod query;
mod relabel;
mod series;
#[cfg(test)]
mod test_samples;
mod verify;
mod write;

pub use deadline::Deadline;
pub use encode::{Request, encode};
pub use endpoint::Endpoint;
pub use error::{EncodeError, QueryError, VerifyError, WriteError};
pub use failure::{Failure, Refusal};
pub use hint::hint;
pub use message::{v1, v2};
pub use metrics::Metrics;
pub use probe::{Product, Takes};
pub use query::Series;
pub use verify::{DayReport, Difference};
pub use write::Written;

pub use crate::config::RemoteWriteSettings as Settings;
