//! The types of settings of `remote_write`.

use std::fmt;

use reqwest::header::{HeaderName, HeaderValue};
use serde::{Deserialize, Deserializer, de};
use url::Url;

use crate::config::parse::Parser;
use crate::model::Secret;
use crate::model::names::is_label_name;

/// A URL over HTTP without a user. It prints without its query, which may contain a token.
#[derive(Clone, PartialEq)]
pub struct EndpointUrl(Url);

impl EndpointUrl {
    /// A URL that has been checked already, or that a test uses.
    pub fn new(url: Url) -> Self {
        Self(url)
    }

    /// The whole URL, for requests.
    pub fn expose(&self) -> &Url {
        &self.0
    }

    /// Host and port, for messages.
    pub fn host(&self) -> String {
        let port = self.0.port().map(|port| format!(":{port}")).unwrap_or_default();
        format!("{}{port}", self.0.host_str().unwrap_or_default())
    }
}

impl fmt::Display for EndpointUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let query = if self.0.query().is_some() { "?***" } else { "" };
        write!(f, "{}://{}{}{query}", self.0.scheme(), self.host(), self.0.path())
    }
}

impl fmt::Debug for EndpointUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// Parses a URL over HTTP. Errors never quote it, since it may contain a password or a token.
fn parse(text: &str, right: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| format!("not a URL ({error}): {right}"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(format!("not a URL over http or https: {right}"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(format!("it contains a user or password (use basic_auth instead): {right}"));
    }
    match url.fragment() {
        Some(_) => Err(format!("it contains a fragment: {right}")),
        None => Ok(url),
    }
}

/// The URL of an endpoint for remote write.
pub(super) struct WriteUrl;

impl Parser for WriteUrl {
    type Value = EndpointUrl;

    fn parse(text: &str) -> Result<EndpointUrl, String> {
        let right = "it should be a URL such as http://prometheus:9090/api/v1/write";
        let url = parse(text, right)?;
        match is_amazon(&url) {
            true => Err(AMAZON.to_owned()),
            false => Ok(EndpointUrl(url)),
        }
    }
}

/// Why nothing is sent to Amazon's service: every daily sample is older.
/// <https://docs.aws.amazon.com/prometheus/latest/userguide/AMP_quotas.html>
const AMAZON: &str = "Amazon Managed Service for Prometheus accepts samples of the last 600 seconds only, so daily samples can't be pushed to it: remove the endpoint and scrape /metrics instead";

/// Whether a URL is that of a workspace of Amazon Managed Service for Prometheus, directly or behind a proxy
/// that signs the requests.
/// <https://docs.aws.amazon.com/prometheus/latest/userguide/AMP-APIReference-RemoteWrite.html>
fn is_amazon(url: &Url) -> bool {
    let path = url.path();
    url.host_str().is_some_and(|host| host.starts_with("aps-workspaces"))
        || path.starts_with("/workspaces/") && path.ends_with("/api/v1/remote_write")
}

/// The base URL of a query API.
pub(super) struct QueryUrl;

impl Parser for QueryUrl {
    type Value = EndpointUrl;

    fn parse(text: &str) -> Result<EndpointUrl, String> {
        let right = "it should be a URL such as http://prometheus:9090 or https://mimir/prometheus";
        let url = parse(text, right)?;
        if url.query().is_some() {
            return Err(format!("it contains a query: {right}"));
        }
        if url.path().contains("/api/v1") {
            return Err(format!("it contains /api/v1, which is added to it: {right}"));
        }
        Ok(EndpointUrl(url))
    }
}

/// The URL of an HTTP proxy, with user and password if it needs them.
pub(super) struct ProxyUrl;

impl Parser for ProxyUrl {
    type Value = Secret;

    fn parse(text: &str) -> Result<Secret, String> {
        let right = "it should be a URL such as http://proxy:3128";
        let url = Url::parse(text).map_err(|error| format!("not a URL ({error}): {right}"))?;
        match url.scheme() {
            "http" | "https" => Ok(Secret::new(url.as_str())),
            "socks4" | "socks5" | "socks5h" => {
                Err(format!("SOCKS proxies are not supported: {right}"))
            }
            _ => Err(format!("not the URL of an HTTP proxy: {right}")),
        }
    }
}

/// The name of an endpoint: the value of the label `endpoint`.
pub(super) struct EndpointName;

impl Parser for EndpointName {
    type Value = String;

    fn parse(text: &str) -> Result<String, String> {
        let fits = !text.is_empty() && text.chars().count() <= 100;
        match fits && !text.chars().any(char::is_control) {
            true => Ok(text.to_owned()),
            false => Err(format!("invalid name {text:?}: use 1 to 100 characters on one line")),
        }
    }
}

/// The name of a header that may be set.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct HeaderKey(pub String);

impl<'de> Deserialize<'de> for HeaderKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let name = text.trim().to_ascii_lowercase();
        if HeaderName::from_bytes(name.as_bytes()).is_err() {
            return Err(de::Error::custom(format!("{text:?} is not the name of a header")));
        }
        let own = ["content-encoding", "content-type", "content-length", "host", "user-agent"];
        if name == "authorization" {
            let problem =
                "the header \"Authorization\" cannot be set: use authorization or basic_auth";
            return Err(de::Error::custom(problem));
        }
        if own.contains(&name.as_str()) || name.starts_with("x-prometheus-remote-write-") {
            let problem = format!("the header {text:?} cannot be set: the exporter sets it itself");
            return Err(de::Error::custom(problem));
        }
        Ok(Self(name))
    }
}

/// The value of a header. It may be a token, so errors never quote it.
pub(super) struct HeaderText;

impl Parser for HeaderText {
    type Value = Secret;

    fn parse(text: &str) -> Result<Secret, String> {
        match HeaderValue::from_str(text) {
            Ok(_) => Ok(Secret::new(text)),
            Err(_) => Err("not the value of a header: it should be printable ASCII".to_owned()),
        }
    }
}

/// The name of a label.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct LabelKey(pub String);

impl<'de> Deserialize<'de> for LabelKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        match is_label_name(&text) && text != "__name__" {
            true => Ok(Self(text)),
            false => Err(de::Error::custom(format!(
                "{text:?} is not the name of a label: it should be of the form [a-zA-Z_][a-zA-Z0-9_]*"
            ))),
        }
    }
}
