//! The web config file (`--web.config.file`): TLS, users, headers and the rate limit of the web
//! server, in the format of Prometheus' exporter-toolkit.
//! <https://github.com/prometheus/exporter-toolkit/blob/master/docs/web-configuration.md>

mod client_names;
mod config;
mod headers;
mod tls;
pub(super) mod tls_values;
mod users;

pub use client_names::has_name;
pub use config::{Rate, WebConfig};
pub use tls::Tls;
pub use tls_values::ClientAuth;
