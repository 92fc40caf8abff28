//! The section `remote_write`: where samples are pushed to, with the keys of Prometheus' section of the
//! same name.
//! <https://prometheus.io/docs/prometheus/latest/configuration/configuration/#remote_write>

mod authentication;
mod endpoint;
mod queue;
mod relabel;
#[cfg(test)]
mod tests;
mod tls;
mod values;

pub(super) use endpoint::{EndpointSection, endpoints};

pub use authentication::Authentication;
pub use endpoint::{ProtobufMessage, RemoteWriteSettings};
pub use queue::QueueSettings;
pub use relabel::{Pattern, RelabelAction, RelabelRule};
pub use tls::{Pem, TlsFiles, TlsSettings};
pub use values::EndpointUrl;
