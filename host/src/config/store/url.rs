//! The URL of a Valkey or Redis server.

use std::fmt;

use percent_encoding::percent_decode_str;
use url::{Host, Url};

use crate::config::parse::Parser;
use crate::model::Secret;

/// The port of Valkey, and of Redis.
const DEFAULT_PORT: u16 = 6379;
/// The port of a Sentinel.
const DEFAULT_SENTINEL_PORT: u16 = 26379;
/// What a URL should look like.
const RIGHT: &str = "it should be a URL such as redis://valkey:6379 or rediss://valkey:6380/0";

/// The URL of a server. It prints without user and password.
#[derive(Clone, Debug, PartialEq)]
pub struct StoreUrl {
    /// Whether the connection is encrypted.
    pub tls: bool,
    /// Host name or IP address, without brackets.
    pub host: String,
    /// The port, if the URL has one.
    port: Option<u16>,
    /// The number of the database.
    pub database: i64,
    /// The user, if the URL has one.
    pub username: Option<String>,
    /// The password, if the URL has one.
    pub password: Option<Secret>,
}

impl StoreUrl {
    /// The port of the server.
    pub fn port(&self) -> u16 {
        self.port.unwrap_or(DEFAULT_PORT)
    }

    /// The port if the URL is that of a Sentinel.
    pub fn sentinel_port(&self) -> u16 {
        self.port.unwrap_or(DEFAULT_SENTINEL_PORT)
    }
}

impl fmt::Display for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "rediss" } else { "redis" };
        write!(f, "{scheme}://{}", address(&self.host, self.port()))
    }
}

/// Host and port in one text.
fn address(host: &str, port: u16) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

/// A URL. Errors never quote it, since it may contain a password.
pub(super) struct ServerUrl;

impl Parser for ServerUrl {
    type Value = StoreUrl;

    fn parse(text: &str) -> Result<StoreUrl, String> {
        let wrong = |problem: &str| format!("{problem}: {RIGHT}");
        let url = Url::parse(text).map_err(|error| wrong(&format!("not a URL ({error})")))?;
        let tls = match url.scheme() {
            "redis" | "valkey" => false,
            "rediss" | "valkeys" => true,
            _ => return Err(wrong("its scheme is not one of redis, rediss, valkey, valkeys")),
        };
        let host = url.host().filter(|host| host.to_string() != "");
        let host = match host.ok_or_else(|| wrong("it has no host"))? {
            Host::Domain(name) => name.to_owned(),
            Host::Ipv4(address) => address.to_string(),
            Host::Ipv6(address) => address.to_string(),
        };
        if url.query().is_some() || url.fragment().is_some() {
            return Err(wrong("it has a query or a fragment, which is not supported"));
        }
        let database = match url.path().trim_matches('/') {
            "" => 0,
            number => number
                .parse::<u32>()
                .map_err(|_| wrong("its path is not the number of a database"))?
                .into(),
        };
        let decode = |text| percent_decode_str(text).decode_utf8_lossy().into_owned();
        let username = Some(url.username()).filter(|name| !name.is_empty()).map(decode);
        let password = url.password().filter(|text| !text.is_empty());
        let password = password.map(|text| Secret::new(decode(text)));
        Ok(StoreUrl { tls, host, port: url.port(), database, username, password })
    }
}

/// The address of a Sentinel: `HOST` or `HOST:PORT`. Errors never quote it, since it may contain a password
/// by mistake.
pub(super) struct SentinelAddress;

impl Parser for SentinelAddress {
    type Value = (String, u16);

    fn parse(text: &str) -> Result<(String, u16), String> {
        let wrong = || "not an address such as sentinel-1:26379".to_owned();
        // It would be ignored: the password of the Sentinels is a setting of its own.
        if text.contains('@') {
            return Err(format!("{}: it contains a user or password", wrong()));
        }
        let url = Url::parse(&format!("redis://{text}")).map_err(|_| wrong())?;
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or_else(wrong)?;
        match matches!(url.path(), "" | "/") && url.query().is_none() && url.fragment().is_none() {
            true => {
                let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
                Ok((host, url.port().unwrap_or(DEFAULT_SENTINEL_PORT)))
            }
            false => Err(wrong()),
        }
    }
}
