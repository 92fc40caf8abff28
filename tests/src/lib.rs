//! What the tests and benchmarks share.
//!
//! # Layout
//!
//! - [`app`]: the part of GitHub's API that signs Apps in;
//! - [`authority`]: an authority of certificates;
//! - [`command`]: runs the exporter's command as a user would; [`config`]: with a config file;
//! - [`exposition`]: reads what it prints or serves;
//! - [`fixtures`]: the recordings, and bodies made on the spot;
//! - [`github`]: stand-ins for GitHub;
//! - [`guests`]: mappings for tests, good and bad;
//! - [`mapping`]: runs the default mapping natively and as a component, over the same bodies;
//! - [`npm`]: packages from npm;
//! - [`prometheus`]: a real one;
//! - [`proxy`]: a proxy as companies have them;
//! - [`transcript`]: keeps what the exporter says, and the secrets that must not be in it.

pub mod app;
pub mod authority;
pub mod command;
pub mod config;
pub mod exposition;
pub mod fixtures;
pub mod github;
pub mod guests;
pub mod mapping;
pub mod npm;
pub mod prometheus;
pub mod proxy;
pub mod transcript;
