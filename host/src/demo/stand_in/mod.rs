//! A stand-in for GitHub: serves the recordings the way GitHub does, on two hosts.
//!
//! `api` wants a token, has lists in pages and 204 for a day without a report, and counts requests;
//! `files` has the report files, behind signed links that must be requested without a token. Both send
//! entity tags. Like GitHub, it has no reports older than a year or so. Each is made when it is requested, and
//! a day always has the same one. The stand-in keeps no state that grows or ages: it can run for months.

mod api;
mod content;
mod files;
mod pages;
mod rate_limit;
mod state;
#[cfg(test)]
mod tests;

pub use api::api_router;
pub use files::files_router;
pub use state::{BaseUrls, StandIn};
