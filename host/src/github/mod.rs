//! The client of the GitHub API: fetches the documents that mappings declare.
//!
//! [`Client`] fetches the documents of a target; `report` follows the download links of reports,
//! `paged` the `Link` headers of lists, `day` finds the newest day. [`Credential`] signs in, `app` as
//! a GitHub App; [`RateLimit`] decides when to wait (replicas tell
//! each other what they know as a [`SharedLimit`]), `hosts` which hosts to trust, [`Refusal`] what a
//! 403 means. [`Transport`] sends single requests and retries them. Bodies are compressed while they
//! arrive, so a report of any size is never held as text. `planned`
//! tells how many requests a fetch takes.

mod app;
mod authorization;
mod client;
mod credential;
mod day;
mod error;
mod fetch;
mod fetched;
#[cfg(fuzzing)]
pub mod fuzzing;
mod hosts;
mod link;
mod metrics;
mod once;
mod paged;
mod planned;
mod rate_limit;
mod refusal;
mod report;
mod response;
mod shared_limit;
mod transport;

pub use client::Client;
pub use credential::{Credential, Credentials};
pub use error::FetchError;
pub use fetched::Fetched;
pub use metrics::Metrics;
pub use planned::{PlannedRequests, planned_requests};
pub use rate_limit::{Labels, RESERVE, RateLimit, Reading, Weight, retry_after};
pub use refusal::Refusal;
pub use shared_limit::SharedLimit;
pub use transport::{OnRetry, Transport, TransportError};

pub use crate::config::GithubOptions as Options;
