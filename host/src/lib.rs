//! The exporter: fetches GitHub's Copilot data, has a sandboxed mapping turn it into samples, and
//! serves them to Prometheus.
//!
//! # Layout
//!
//! The modules are listed from the bottom up. Each may use the ones above it in this list, never one
//! below; a test checks every import.
//!
//! - [`body`]: bodies of responses, in memory or spooled to files.
//! - [`model`]: plain types that every module shares.
//! - [`log`]: limits the rate of log lines.
//! - [`config`]: flags, environment variables, the config file and the web config file.
//! - [`github`]: one polite HTTP client: sign-in, pages, reports, rate limits, refusals.
//! - [`store`]: keeps documents and samples, in memory or on disk.
//! - [`wasm`]: compiles and runs mappings, one file per version of the contract.
//! - [`oci`]: pulls mappings from OCI registries, verifies their signatures, and pushes them.
//! - [`mappings`]: which mappings run: the registry of files, the candidate set, the watcher.
//! - [`runner`]: a run of a mapping over documents: input, retries, validation, blame.
//! - [`output`]: what is published: the status of every target, the snapshot of `/metrics`.
//! - [`remote_write`]: pushes samples to endpoints for remote write, and asks them what they have.
//! - [`history`]: the documents of days that are kept, and the daily samples made of them.
//! - [`backfill`]: the command that fills databases with the days of the past.
//! - [`refresh`]: what is fetched when, a task for each target, the rollout of mappings.
//! - [`push`]: pushes the daily samples of all targets to endpoints, as they change.
//! - [`web`]: the listener, TLS, authentication, the routes, the page, the health check.
//! - [`offline`]: `map`, `record`, and the commands `mapping …`.
//! - [`demo`]: the stand-in for GitHub that `--demo` serves.
//! - [`app`]: puts it together. [`cli`]: the command line.

pub mod app;
pub mod backfill;
pub mod body;
pub mod cli;
pub mod config;
pub mod demo;
pub mod github;
pub mod history;
pub mod log;
pub mod mappings;
pub mod model;
pub mod oci;
pub mod offline;
pub mod output;
pub mod push;
pub mod refresh;
pub mod remote_write;
pub mod runner;
pub mod store;
pub mod wasm;
pub mod web;
