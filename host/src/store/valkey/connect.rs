//! Opens connections: to a server, to the primary that Sentinels know, or to a cluster.

use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::cluster::ClusterClientBuilder;
use redis::cluster_async::ClusterConnection;
use redis::sentinel::{SentinelClientBuilder, SentinelServerType};
use redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionAddr, IntoConnectionInfo, RedisConnectionInfo,
    RedisResult, TlsCertificates, TlsMode, Value,
};
use tokio::time::Instant;

use super::failure::{Failure, FailureKind};
use crate::config::{SecretSource, SentinelSettings, ValkeySettings};
use crate::model::Secret;

/// How long connecting may take, with reading the passwords and the handshakes: commands wait for it.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// Commands have timeouts of their own; nodes of a cluster get this one too.
const NODE_TIMEOUT: Duration = Duration::from_secs(30);
/// How often a cluster sends a command again by itself.
const CLUSTER_RETRIES: u32 = 3;

/// An open connection. Clones share it.
#[derive(Clone)]
pub(super) enum Open {
    /// To one server.
    Server(MultiplexedConnection),
    /// To all nodes of a cluster.
    Cluster(ClusterConnection),
}

impl Open {
    /// Sends a command and waits for the response.
    pub(super) async fn send(&mut self, command: &Cmd) -> RedisResult<Value> {
        match self {
            Self::Server(connection) => command.query_async(connection).await,
            Self::Cluster(connection) => command.query_async(connection).await,
        }
    }
}

/// The server as messages name it, without a password.
pub(super) fn name(settings: &ValkeySettings) -> String {
    match &settings.sentinel {
        Some(sentinel) => format!("{} (of the Sentinel {})", sentinel.master, settings.url),
        None => settings.url.to_string(),
    }
}

/// Opens a connection. A password file is read now, so that a rotated password needs no restart.
pub(super) async fn connect(settings: &ValkeySettings) -> Result<Open, Failure> {
    let server = name(settings);
    let deadline = Instant::now() + CONNECT_TIMEOUT;
    let sentinel = settings.sentinel.as_ref();
    let reading = async {
        let sentinel_password = sentinel.and_then(|sentinel| sentinel.password.as_ref());
        let password = read(settings.password.as_ref(), &server).await?;
        Ok((password, read(sentinel_password, &server).await?))
    };
    // The file may be on a file system that hangs.
    let read = tokio::time::timeout_at(deadline, reading).await.unwrap_or_else(|_| {
        let detail = Some("the password file can't be read in time".to_owned());
        Err(Failure::new(FailureKind::Timeout, &server, detail))
    });
    let (password, sentinel_password) = read?;
    let exposed = password.as_ref().map(Secret::expose);
    let opening = async {
        match sentinel {
            Some(sentinel) => {
                let of_sentinel = sentinel_password.as_ref().map(Secret::expose);
                open_primary(settings, sentinel, exposed, of_sentinel).await
            }
            None if settings.cluster => open_cluster(settings, exposed).await,
            None => open_server(settings, exposed).await,
        }
    };
    match tokio::time::timeout_at(deadline, opening).await {
        Ok(Ok(open)) => Ok(open),
        Ok(Err(error)) if !error.is_timeout() => {
            let failure = Failure::of(&error, &server).without(exposed);
            Err(failure.without(sentinel_password.as_ref().map(Secret::expose)))
        }
        Ok(Err(_)) | Err(_) => {
            // Such a server waits for the end of what it takes for a command.
            let detail = settings.url.tls.then(|| "the port may be one without TLS".to_owned());
            Err(Failure::new(FailureKind::Timeout, &server, detail))
        }
    }
}

async fn read(source: Option<&SecretSource>, server: &str) -> Result<Option<Secret>, Failure> {
    let Some(source) = source.cloned() else { return Ok(None) };
    let read = tokio::task::spawn_blocking(move || source.read()).await;
    let read = read.unwrap_or_else(|error| Err(error.to_string()));
    read.map(Some).map_err(|problem| Failure::new(FailureKind::Setting, server, Some(problem)))
}

async fn open_server(settings: &ValkeySettings, password: Option<&str>) -> RedisResult<Open> {
    let client = match settings.url.tls {
        true => Client::build_with_tls(info(settings, password)?, certificates(settings))?,
        false => Client::open(info(settings, password)?)?,
    };
    let connection = client.get_multiplexed_async_connection_with_config(&config()).await?;
    Ok(Open::Server(connection))
}

async fn open_cluster(settings: &ValkeySettings, password: Option<&str>) -> RedisResult<Open> {
    let mut builder = ClusterClientBuilder::new([info(settings, password)?])
        .connection_timeout(CONNECT_TIMEOUT)
        .response_timeout(NODE_TIMEOUT)
        .retries(CLUSTER_RETRIES);
    if settings.url.tls {
        builder = builder.tls(TlsMode::Secure).certs(certificates(settings));
    }
    Ok(Open::Cluster(builder.build()?.get_async_connection().await?))
}

async fn open_primary(
    settings: &ValkeySettings,
    sentinel: &SentinelSettings,
    password: Option<&str>,
    of_sentinel: Option<&str>,
) -> RedisResult<Open> {
    let nodes = sentinel.nodes.iter().map(|(host, port)| address(sentinel.tls, host, *port));
    let mut builder =
        SentinelClientBuilder::new(nodes, &sentinel.master, SentinelServerType::Master)?
            .set_client_to_redis_db(settings.url.database);
    if let Some(username) = &settings.username {
        builder = builder.set_client_to_redis_username(username);
    }
    if let Some(password) = password {
        builder = builder.set_client_to_redis_password(password);
    }
    if let Some(username) = &sentinel.username {
        builder = builder.set_client_to_sentinel_username(username);
    }
    if let Some(password) = of_sentinel {
        builder = builder.set_client_to_sentinel_password(password);
    }
    if settings.url.tls {
        builder = builder
            .set_client_to_redis_tls_mode(TlsMode::Secure)
            .set_client_to_redis_certificates(certificates(settings));
    }
    if sentinel.tls {
        builder = builder
            .set_client_to_sentinel_tls_mode(TlsMode::Secure)
            .set_client_to_sentinel_certificates(certificates(settings));
    }
    let mut client = builder.build()?;
    Ok(Open::Server(client.get_async_connection_with_config(&config()).await?))
}

/// The timeouts of commands are those of their callers.
fn config() -> AsyncConnectionConfig {
    AsyncConnectionConfig::new()
        .set_connection_timeout(Some(CONNECT_TIMEOUT))
        .set_response_timeout(None)
}

fn address(tls: bool, host: &str, port: u16) -> ConnectionAddr {
    let host = host.to_owned();
    match tls {
        true => ConnectionAddr::TcpTls { host, port, insecure: false, tls_params: None },
        false => ConnectionAddr::Tcp(host, port),
    }
}

fn info(settings: &ValkeySettings, password: Option<&str>) -> RedisResult<redis::ConnectionInfo> {
    let mut of_server = RedisConnectionInfo::default().set_db(settings.url.database);
    if let Some(username) = &settings.username {
        of_server = of_server.set_username(username);
    }
    if let Some(password) = password {
        of_server = of_server.set_password(password);
    }
    let address = address(settings.url.tls, &settings.url.host, settings.url.port());
    Ok(address.into_connection_info()?.set_redis_settings(of_server))
}

fn certificates(settings: &ValkeySettings) -> TlsCertificates {
    TlsCertificates { client_tls: None, root_cert: settings.ca.clone() }
}
