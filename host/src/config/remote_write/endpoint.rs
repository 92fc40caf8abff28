//! An item of the section.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_saphyr::Spanned;

use super::authentication::{Authentication, AuthorizationSection, BasicAuthSection};
use super::queue::QueueSettings;
use super::relabel::RelabelRule;
use super::tls::TlsSettings;
use super::values::{
    EndpointName, EndpointUrl, HeaderKey, HeaderText, LabelKey, ProxyUrl, QueryUrl, WriteUrl,
};
use crate::config::error::SettingError;
use crate::config::parse::{Parsed, Parser, optional, section, value};
use crate::config::values::Timeout;
use crate::config::yaml::YamlFile;
use crate::model::Secret;

/// Where samples are pushed to, and how.
#[derive(Clone, Debug, PartialEq)]
pub struct RemoteWriteSettings {
    /// The name: the value of the label `endpoint`. Unique.
    pub name: String,
    /// Where write requests are sent.
    pub url: EndpointUrl,
    /// Timeout for a request including its whole response.
    pub remote_timeout: Duration,
    /// Further headers of each request, by their names in lower case.
    pub headers: BTreeMap<String, Secret>,
    /// How requests sign in.
    pub authentication: Authentication,
    /// TLS.
    pub tls: TlsSettings,
    /// The URL of the proxy, which may contain a password. If not set, that of the environment.
    pub proxy_url: Option<Secret>,
    /// How samples are divided into requests, and when those are repeated.
    pub queue: QueueSettings,
    /// Labels of all series, unless they have them already.
    pub external_labels: BTreeMap<String, String>,
    /// Rules for the labels, applied after the external labels were added.
    pub relabel: Vec<RelabelRule>,
    /// The version of the protocol.
    pub message: ProtobufMessage,
    /// The base URL of the query API, if known.
    pub query_url: Option<EndpointUrl>,
}

impl RemoteWriteSettings {
    /// An endpoint with the default settings.
    pub fn new(name: &str, url: EndpointUrl) -> Self {
        Self {
            name: name.to_owned(),
            url,
            remote_timeout: DEFAULT_TIMEOUT,
            headers: BTreeMap::new(),
            authentication: Authentication::default(),
            tls: TlsSettings::default(),
            proxy_url: None,
            queue: QueueSettings::default(),
            external_labels: BTreeMap::new(),
            relabel: Vec::new(),
            message: ProtobufMessage::default(),
            query_url: None,
        }
    }

    /// Whether requests depend on files, which may change at any time.
    pub fn has_files(&self) -> bool {
        self.authentication.has_files() || self.tls.files().next().is_some()
    }
}

/// Prometheus' own default.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);

/// The message of a write request, which is the version of the protocol.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum ProtobufMessage {
    /// `prometheus.WriteRequest`: version 1.0, which every server supports.
    #[default]
    V1,
    /// `io.prometheus.write.v2.Request`: version 2.0.
    V2,
}

/// The parser of [`ProtobufMessage`].
struct Message;

impl Parser for Message {
    type Value = ProtobufMessage;

    fn parse(text: &str) -> Result<ProtobufMessage, String> {
        match text {
            "prometheus.WriteRequest" => Ok(ProtobufMessage::V1),
            "io.prometheus.write.v2.Request" => Ok(ProtobufMessage::V2),
            _ => Err(format!(
                "{text:?} is not one of prometheus.WriteRequest, io.prometheus.write.v2.Request"
            )),
        }
    }
}

section! {
    /// An endpoint in the config file.
    pub(in crate::config) struct EndpointSection {
        /// Where write requests are sent.
        #[serde(deserialize_with = "optional::<WriteUrl, _>")]
        url: Option<EndpointUrl> = None,
        /// The value of the label `endpoint`.
        #[serde(deserialize_with = "optional::<EndpointName, _>")]
        name: Option<String> = None,
        /// Timeout for a request including its whole response.
        #[serde(deserialize_with = "value::<Timeout, _>")]
        remote_timeout: Duration = DEFAULT_TIMEOUT,
        /// Further headers of each request.
        headers: BTreeMap<HeaderKey, Parsed<HeaderText>> = BTreeMap::new(),
        /// User and password.
        basic_auth: Option<Spanned<BasicAuthSection>> = None,
        /// The header `Authorization`.
        authorization: Option<Spanned<AuthorizationSection>> = None,
        /// TLS.
        tls_config: TlsSettings = TlsSettings::default(),
        /// The proxy.
        #[serde(deserialize_with = "optional::<ProxyUrl, _>")]
        proxy_url: Option<Secret> = None,
        /// How samples are divided into requests, and when those are repeated.
        queue_config: QueueSettings = QueueSettings::default(),
        /// Labels of all series.
        external_labels: BTreeMap<LabelKey, String> = BTreeMap::new(),
        /// Rules for the labels.
        write_relabel_configs: Vec<RelabelRule> = Vec::new(),
        /// The version of the protocol.
        #[serde(deserialize_with = "value::<Message, _>")]
        protobuf_message: ProtobufMessage = ProtobufMessage::V1,
        /// The base URL of the query API.
        #[serde(deserialize_with = "optional::<QueryUrl, _>")]
        query_url: Option<EndpointUrl> = None,
    }
}

/// The settings of all endpoints of the file.
pub(in crate::config) fn endpoints(
    sections: Vec<Spanned<EndpointSection>>,
    file: &YamlFile<'_>,
) -> Result<Vec<RemoteWriteSettings>, SettingError> {
    let given = sections.iter().filter_map(|section| section.value.name.clone());
    let mut names: BTreeSet<String> = given.collect();
    let mut endpoints: Vec<RemoteWriteSettings> = Vec::new();
    for (number, section) in sections.into_iter().enumerate() {
        let key = format!("remote_write[{number}]");
        let place = file.place(&section, &key);
        let wrong = |problem: &str| SettingError::new(place.clone(), problem);
        let section = section.value;
        let url = section.url.ok_or_else(|| wrong("it has no url"))?;
        let name = match section.name {
            Some(name) if endpoints.iter().any(|other| other.name == name) => {
                let problem =
                    format!("there are two endpoints with the name {name:?}: it should be unique");
                return Err(wrong(&problem));
            }
            Some(name) => name,
            None => derived_name(&url, &mut names),
        };
        let authentication = match (section.basic_auth, section.authorization) {
            (Some(_), Some(_)) => {
                return Err(wrong(
                    "basic_auth and authorization are both set: it should have only one of them",
                ));
            }
            (Some(basic), None) => {
                let place = file.place(&basic, &format!("{key}.basic_auth"));
                let parsed = Authentication::try_from(basic.value);
                parsed.map_err(|problem| SettingError::new(place, problem))?
            }
            (None, Some(header)) => {
                let place = file.place(&header, &format!("{key}.authorization"));
                let parsed = Authentication::try_from(header.value);
                parsed.map_err(|problem| SettingError::new(place, problem))?
            }
            (None, None) => Authentication::None,
        };
        let headers = section.headers.into_iter();
        let labels = section.external_labels.into_iter();
        endpoints.push(RemoteWriteSettings {
            name,
            url,
            remote_timeout: section.remote_timeout,
            headers: headers.map(|(HeaderKey(name), Parsed(value))| (name, value)).collect(),
            authentication,
            tls: section.tls_config,
            proxy_url: section.proxy_url,
            queue: section.queue_config,
            external_labels: labels.map(|(LabelKey(name), value)| (name, value)).collect(),
            relabel: section.write_relabel_configs,
            message: section.protobuf_message,
            query_url: section.query_url,
        });
    }
    Ok(endpoints)
}

/// The name of an endpoint that has none: its host, with a number if another one has that name too. It is
/// added to the names that are taken.
fn derived_name(url: &EndpointUrl, taken: &mut BTreeSet<String>) -> String {
    let host = url.host();
    let mut name = host.clone();
    let mut number = 1;
    while !taken.insert(name.clone()) {
        number += 1;
        name = format!("{host}-{number}");
    }
    name
}
