//! `copilot-metrics-exporter healthcheck`: checks that the exporter on this machine runs, for containers
//! whose image has no other tool for it.

use std::error::Error as StdError;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use reqwest::Client;
use reqwest::redirect::Policy;
use thiserror::Error;
use tokio_rustls::rustls;

use super::routes::HEALTHY;
use crate::config::{SettingError, WebArgs, given, listen_addresses, route_prefix};
use crate::model::text::causes;

/// The time limit for the response.
const TIMEOUT: Duration = Duration::from_secs(3);

/// Why the exporter is not healthy.
#[derive(Debug, Error)]
pub enum HealthError {
    /// A setting can't be used.
    #[error(transparent)]
    Setting(#[from] SettingError),
    /// The address to check is unknown.
    #[error("cannot check {0:?}: it is not an address with a port")]
    Address(String),
    /// The HTTP client could not be set up.
    #[error("cannot send a request: {0}")]
    Client(reqwest::Error),
    /// There was no response.
    #[error("no response from {0}: {1}")]
    NoResponse(String, String),
    /// The response was not a success.
    #[error("{0} responded with status {1}")]
    Status(String, u16),
}

/// Checks the first address that an exporter with these settings listens on.
pub async fn healthcheck(args: &WebArgs) -> Result<(), HealthError> {
    let addresses = listen_addresses(args)?;
    let address = addresses.first().map_or("", String::as_str);
    let address = reachable(address).ok_or_else(|| HealthError::Address(address.to_owned()))?;
    let path = format!("{}{HEALTHY}", route_prefix(args)?);
    let client = Client::builder()
        .no_proxy()
        .timeout(TIMEOUT)
        .redirect(Policy::none())
        // The certificate need not be for the name of this machine, and nothing secret is sent.
        .tls_danger_accept_invalid_certs(true)
        .build()
        .map_err(HealthError::Client)?;
    // The file is not read: it may be broken, while the exporter still uses its previous content.
    let likely = if given(&args.web_config).is_some() { "https" } else { "http" };
    let Err(error) = check(&client, &format!("{likely}://{address}{path}")).await else {
        return Ok(());
    };
    let other = if likely == "http" { "https" } else { "http" };
    check(&client, &format!("{other}://{address}{path}")).await.map_err(|_| error)
}

async fn check(client: &Client, url: &str) -> Result<(), HealthError> {
    match client.get(url).send().await {
        Ok(response) if response.status().is_success() => Ok(()),
        Ok(response) => Err(HealthError::Status(url.to_owned(), response.status().as_u16())),
        // The exporter demands a client certificate: it runs.
        Err(error) if is_tls_alert(&error) => Ok(()),
        Err(error) => Err(HealthError::NoResponse(url.to_owned(), causes(&error.without_url()))),
    }
}

/// The address at which an exporter that listens on `address` can be reached.
fn reachable(address: &str) -> Option<String> {
    let Ok(mut socket) = address.parse::<SocketAddr>() else {
        let (_, port) = address.rsplit_once(':')?;
        return (port != "0").then(|| address.to_owned());
    };
    match socket {
        SocketAddr::V4(v4) if v4.ip().is_unspecified() => socket.set_ip(Ipv4Addr::LOCALHOST.into()),
        SocketAddr::V6(v6) if v6.ip().is_unspecified() => socket.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    (socket.port() != 0).then(|| socket.to_string())
}

/// Whether the server ended the connection with a TLS alert.
fn is_tls_alert(error: &reqwest::Error) -> bool {
    let mut chain =
        std::iter::successors(Some(error as &(dyn StdError + 'static)), |error| (*error).source());
    chain.any(|error| {
        // The error that an `io::Error` wraps is not its source, and may be another `io::Error`.
        let mut inner = Some(error);
        while let Some(io) = inner.and_then(|error| error.downcast_ref::<std::io::Error>()) {
            inner = io.get_ref().map(|inner| inner as &(dyn StdError + 'static));
        }
        let tls = inner.and_then(|error| error.downcast_ref::<rustls::Error>());
        matches!(tls, Some(rustls::Error::AlertReceived(_)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exporter_that_listens_on_all_addresses_is_checked_on_this_machine() {
        let checked = |address: &str| reachable(address).unwrap_or_default();
        assert_eq!(checked("0.0.0.0:8000"), "127.0.0.1:8000");
        assert_eq!(checked("[::]:9"), "[::1]:9");
        assert_eq!(checked("10.0.0.7:80"), "10.0.0.7:80");
        assert_eq!(checked("localhost:8000"), "localhost:8000");
        for unreachable in ["127.0.0.1:0", "localhost:0", "localhost"] {
            assert_eq!(reachable(unreachable), None, "{unreachable}");
        }
    }
}
