//! Mappings in OCI registries: pulls and verifies them, keeps them current, and pushes them.
//!
//! - `client` sends requests and follows redirects, `authorization` and `credentials` sign in; `pull` and
//!   [`Client::push`] are what is requested.
//! - `manifest`: which artifacts are mappings; `signature`: whose are accepted.
//! - `check`: one check of a source. Each step is only taken if the previous one was accepted, so a layer
//!   that is too large or not signed is not downloaded.
//! - [`Sources`]: a `task` for each source; [`Kept`]: what was pulled, for the next start.

mod authorization;
mod check;
mod client;
mod credentials;
mod error;
mod kept;
mod manifest;
mod metrics;
mod once;
mod pull;
mod pulled;
mod push;
mod signature;
mod sources;
mod task;
mod update;

pub use client::Client;
pub use error::OciError;
pub use kept::Kept;
pub use metrics::Metrics;
pub use once::{kept, pull};
pub use pulled::{Content, Pulled};
pub use push::Artifact;
pub use sources::Sources;
pub use update::Update;
