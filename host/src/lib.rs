//! The exporter: fetches GitHub's Copilot data, has a sandboxed mapping turn it into samples,
//! and serves them to Prometheus.
//!
//! # Layout
//!
//! Data flows one way, and the modules stand in its order:
//!
//! ```text
//! github ─▶ cache ─▶ plugin ─▶ exposition ─▶ publisher ─▶ http
//!    ▲        documents   samples     snapshot
//!    └── refresh drives it, on a timer
//! ```
//!
//! - [`cli`] and [`settings`]: what the user wants; [`target`], [`secret`]: the types of it.
//! - [`github`]: requests, pages, report links. [`cache`]: the documents.
//! - [`plugin`]: loads and runs mappings (`wit/0.1/mapping.wit`). [`mappings`]: which of them run;
//!   [`swap`] changes them. [`pipeline`]: one run, from bodies to encoded families.
//!   [`exposition`]: checks samples and writes them.
//! - [`refresh`]: when all of that happens, for one target; [`supervisor`] for all of them.
//!   [`publisher`]: what is served meanwhile.
//! - [`http`]: the web side; [`page`]: what people see there. [`telemetry`]: the exporter's own metrics.
//! - [`offline`]: `map`. [`healthcheck`]: asks a running exporter. [`demo`]: a stand-in for GitHub, for `--demo` and for tests.
//! - [`digest`]: names for contents. [`text`]: what mappings say.
//! - [`exporter`]: puts it together. [`reload`]: asks it to read its settings again.

pub mod cache;
pub mod cli;
pub mod demo;
pub mod digest;
pub mod exporter;
pub mod exposition;
pub mod github;
pub mod healthcheck;
pub mod http;
pub mod mappings;
pub mod offline;
pub mod page;
pub mod pipeline;
pub mod plugin;
pub mod publisher;
pub mod refresh;
pub mod reload;
pub mod secret;
pub mod settings;
pub mod supervisor;
pub mod swap;
pub mod target;
pub mod telemetry;
pub mod text;
