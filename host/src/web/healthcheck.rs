//! `copilot-metrics-exporter healthcheck`: asks the exporter on this machine whether it runs, for
//! containers whose image has nothing else that could.

use std::error::Error as StdError;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use reqwest::Client;
use reqwest::redirect::Policy;
use thiserror::Error;
use tokio_rustls::rustls;

use crate::cli::WebArgs;
use crate::web::HEALTHY;
use crate::config::{SettingError, given, listen_addresses};
use crate::model::text::causes;

/// How long the answer may take.
const TIMEOUT: Duration = Duration::from_secs(3);

/// Why the exporter does not seem to run.
#[derive(Debug, Error)]
pub enum HealthError {
    /// A setting can't be used.
    #[error(transparent)]
    Setting(#[from] SettingError),
    /// It is not known where to ask.
    #[error("{0} is no address with a port to ask at")]
    Address(String),
    /// No request could be made.
    #[error("the request can't be sent: {0}")]
    Client(reqwest::Error),
    /// There was no answer.
    #[error("no answer from {0}: {1}")]
    NoAnswer(String, String),
    /// The answer was another one than it should be.
    #[error("{0} answered {1}")]
    Answer(String, u16),
}

/// Asks at the first of the addresses that the exporter with these settings listens on.
pub async fn healthcheck(args: &WebArgs) -> Result<(), HealthError> {
    let addresses = listen_addresses(args)?;
    let address = addresses.first().map_or("", String::as_str);
    let address = reachable(address).ok_or_else(|| HealthError::Address(address.to_owned()))?;
    let client = Client::builder()
        .no_proxy()
        .timeout(TIMEOUT)
        .redirect(Policy::none())
        // It is this machine, whose name the certificate need not have; and nothing secret is said.
        .tls_danger_accept_invalid_certs(true)
        .build()
        .map_err(HealthError::Client)?;
    // The file is not read: it may be broken by now, while the exporter goes on with what it said before.
    let likely = if given(&args.web_config).is_some() { "https" } else { "http" };
    let Err(error) = ask(&client, likely, &address).await else { return Ok(()) };
    let other = if likely == "http" { "https" } else { "http" };
    ask(&client, other, &address).await.map_err(|_| error)
}

async fn ask(client: &Client, scheme: &str, address: &str) -> Result<(), HealthError> {
    let url = format!("{scheme}://{address}{HEALTHY}");
    match client.get(&url).send().await {
        Ok(answer) if answer.status().is_success() => Ok(()),
        Ok(answer) => Err(HealthError::Answer(url, answer.status().as_u16())),
        // It wants a certificate, which there is none of here: so it runs.
        Err(error) if is_alert(&error) => Ok(()),
        Err(error) => Err(HealthError::NoAnswer(url, causes(&error.without_url()))),
    }
}

/// Where to ask an exporter that listens on `address`.
fn reachable(address: &str) -> Option<String> {
    let Ok(mut socket) = address.parse::<SocketAddr>() else {
        let (_, port) = address.rsplit_once(':')?;
        return (port != "0").then(|| address.to_owned());
    };
    match socket {
        SocketAddr::V4(of) if of.ip().is_unspecified() => socket.set_ip(Ipv4Addr::LOCALHOST.into()),
        SocketAddr::V6(of) if of.ip().is_unspecified() => socket.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    (socket.port() != 0).then(|| socket.to_string())
}

/// Whether it was TLS that the other side ended the connection with.
fn is_alert(error: &reqwest::Error) -> bool {
    let mut chain =
        std::iter::successors(Some(error as &(dyn StdError + 'static)), |of| (*of).source());
    chain.any(|error| {
        // What an `io::Error` wraps is not its source, and it may wrap another one.
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
    fn an_exporter_that_listens_everywhere_is_asked_on_this_machine() {
        let asked = |address: &str| reachable(address).unwrap_or_default();
        assert_eq!(asked("0.0.0.0:8000"), "127.0.0.1:8000");
        assert_eq!(asked("[::]:9"), "[::1]:9");
        assert_eq!(asked("10.0.0.7:80"), "10.0.0.7:80");
        assert_eq!(asked("localhost:8000"), "localhost:8000");
        for nowhere in ["127.0.0.1:0", "localhost:0", "localhost"] {
            assert_eq!(reachable(nowhere), None, "{nowhere}");
        }
    }
}
