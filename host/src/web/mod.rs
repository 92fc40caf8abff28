//! The HTTP side: `/metrics`, the page, probes and reloads.
//!
//! `routes` has the paths and [`App`], what they are answered from; `exposition` sends the metrics in the
//! format that `accept` chooses, `page` renders `/`, and `chart_data` sends the values of its charts. A [`Server`] serves them on sockets, also on those
//! of `systemd`: `connections` limits how many are open. [`Web`] keeps the settings of
//! `--web.config.file` (TLS, users, headers, rate limit) up to date; `settings` are those in use, and
//! `auth` checks passwords. `healthcheck` is the command that asks a running exporter.

mod accept;
mod app;
mod auth;
mod chart_data;
mod connections;
mod exposition;
mod failures;
#[cfg(fuzzing)]
pub mod fuzzing;
pub mod healthcheck;
mod listener;
mod metrics;
mod page;
mod peer;
mod probes;
mod routes;
mod settings;
mod systemd;
mod watch;

pub use app::App;
pub use listener::{Listener, Server, serve};
pub use metrics::Metrics;
pub use page::{Page, Selection};
pub use routes::{HEALTHY, router};
pub use systemd::systemd_sockets;
pub use watch::Web;
