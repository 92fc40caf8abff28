//! What the tests and benchmarks share.
//!
//! # Layout
//!
//! - [`github`]: the demo's stand-in for GitHub, with faults, more tokens and a log of requests;
//! - [`organizations`]: the same with any number of organizations, which have the same data;
//! - [`app`]: the part of GitHub's API that authenticates Apps;
//! - [`command`]: runs the exporter's command as a user would; [`config`]: its config files;
//! - [`exposition`]: parses what it prints and serves;
//! - [`fixtures`]: the recordings, and generated bodies;
//! - [`guide`]: the commands in the guide to mappings;
//! - [`guests`]: mappings for tests, well-behaved and hostile;
//! - [`mapping`]: runs the default mapping natively and as a component, over the same bodies;
//! - [`mutation`]: random changes to recordings;
//! - [`npm`]: npm packages; [`helm`]: renders charts;
//! - [`database`]: a real time series database, which is a [`prometheus`] or [`victoria_metrics`] server;
//! - [`valkey`]: a real Valkey or Redis; [`relay`]: a network that can be cut;
//! - [`deployed`]: the exporter and Prometheus as in `deploy/`;
//! - [`registry`]: a real OCI registry; [`artifacts`]: a stand-in for one, which misbehaves as a test says;
//! - [`receiver`]: a server that answers as a test says;
//! - [`authority`]: a certificate authority; [`proxy`]: a corporate proxy;
//! - [`transcript`]: records what the exporter says, and the secrets that must not be in it.

pub mod app;
pub mod artifacts;
pub mod authority;
pub mod command;
pub mod config;
pub mod database;
pub mod days;
pub mod deployed;
pub mod exposition;
pub mod fixtures;
pub mod github;
pub mod guests;
pub mod guide;
pub mod helm;
pub mod mapping;
pub mod mutation;
pub mod npm;
pub mod organizations;
pub mod prometheus;
pub mod proxy;
pub mod receiver;
pub mod registry;
pub mod relay;
pub mod transcript;
pub mod valkey;
pub mod victoria_metrics;
