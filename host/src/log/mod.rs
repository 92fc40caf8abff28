//! Keeps the log short: limits how many lines of one kind are written, and counts those that are not.

mod metrics;
mod rate_limit;

pub use metrics::Metrics;
pub use rate_limit::RateLimit;
