//! The section `store`, and the flag for the URL.

use std::path::PathBuf;

use serde_saphyr::Spanned;

use super::url::{SentinelAddress, ServerUrl, StoreUrl};
use crate::config::error::SettingError;
use crate::config::parse::{Parser, list, optional, section, value};
use crate::config::paths::{CaFile, SecretFile};
use crate::config::secret_source::SecretSource;
use crate::config::yaml::YamlFile;

/// The flag and variable.
const FLAG: &str = "--store-url (STORE_URL)";
/// The longest prefix.
const MAX_PREFIX_BYTES: usize = 100;

/// The Valkey or Redis that replicas share.
#[derive(Clone, Debug, PartialEq)]
pub struct ValkeySettings {
    /// Where it is: the server, one of the Sentinels, or a node of the cluster.
    pub url: StoreUrl,
    /// The user, if any.
    pub username: Option<String>,
    /// The password, if any. A file is read again for each connection.
    pub password: Option<SecretSource>,
    /// The CA certificates (PEM) to trust instead of the system's.
    pub ca: Option<Vec<u8>>,
    /// How the server is found by way of Sentinels.
    pub sentinel: Option<SentinelSettings>,
    /// Whether the server is a node of a cluster.
    pub cluster: bool,
    /// The start of all keys.
    pub prefix: String,
}

impl ValkeySettings {
    /// A server at a URL, with the default settings. The error says what is wrong with the URL.
    pub fn new(url: &str) -> Result<Self, String> {
        resolve(ValkeySection::default(), ServerUrl::parse(url)?)
    }
}

/// The Sentinels that know which server is the primary.
#[derive(Clone, Debug, PartialEq)]
pub struct SentinelSettings {
    /// The name of the primary.
    pub master: String,
    /// Host and port of each Sentinel; the first one is that of the URL.
    pub nodes: Vec<(String, u16)>,
    /// Whether connections to the Sentinels are encrypted.
    pub tls: bool,
    /// The user of the Sentinels, if any.
    pub username: Option<String>,
    /// The password of the Sentinels, if any.
    pub password: Option<SecretSource>,
}

/// The start of all keys. Braces would be a hash tag in a cluster.
struct Prefix;

impl Parser for Prefix {
    type Value = String;

    fn parse(text: &str) -> Result<String, String> {
        let fits = |c: char| c.is_ascii_graphic() && !matches!(c, '{' | '}');
        match text.len() <= MAX_PREFIX_BYTES && text.chars().all(fits) {
            true => Ok(text.to_owned()),
            false => Err(format!(
                "{text:?} is not a prefix such as copilot: it should be at most {MAX_PREFIX_BYTES} printable ASCII characters without spaces and braces"
            )),
        }
    }
}

section! {
    /// Where documents and samples are kept, if not in memory or `CACHE_DIR`.
    pub(in crate::config) struct StoreSection {
        /// A Valkey or Redis.
        valkey: Option<Spanned<ValkeySection>> = None,
    }
}

section! {
    struct ValkeySection {
        /// Where it is.
        #[serde(deserialize_with = "optional::<ServerUrl, _>")]
        url: Option<StoreUrl> = None,
        /// The user.
        username: Option<String> = None,
        /// A file with the password.
        #[serde(deserialize_with = "optional::<SecretFile, _>")]
        password_file: Option<PathBuf> = None,
        /// The CA certificates to trust instead of the system's (PEM).
        #[serde(deserialize_with = "optional::<CaFile, _>")]
        ca_file: Option<Vec<u8>> = None,
        /// How the server is found by way of Sentinels.
        sentinel: Option<Spanned<SentinelSection>> = None,
        /// Whether the server is a node of a cluster.
        cluster: bool = false,
        /// The start of all keys.
        #[serde(deserialize_with = "value::<Prefix, _>")]
        prefix: String = "copilot:".to_owned(),
    }
}

section! {
    struct SentinelSection {
        /// The name of the primary.
        master: String = String::new(),
        /// More Sentinels.
        #[serde(deserialize_with = "list::<SentinelAddress, _>")]
        nodes: Vec<(String, u16)> = Vec::new(),
        /// Whether connections to the Sentinels are encrypted. By default, if those to the server are.
        tls: Option<bool> = None,
        /// The user of the Sentinels.
        username: Option<String> = None,
        /// A file with the password of the Sentinels.
        #[serde(deserialize_with = "optional::<SecretFile, _>")]
        password_file: Option<PathBuf> = None,
    }
}

/// The settings of the file and of the flag, which takes precedence over the URL of the file.
pub(in crate::config) fn settings(
    section: StoreSection,
    file: &YamlFile<'_>,
    flag: Option<&str>,
) -> Result<Option<ValkeySettings>, SettingError> {
    let wrong = |problem| SettingError::new(FLAG, problem);
    let flag = flag.map(|text| ServerUrl::parse(text).map_err(wrong)).transpose()?;
    let Some(section) = section.valkey else {
        let resolved = flag.map(|url| resolve(ValkeySection::default(), url).map_err(wrong));
        return resolved.transpose();
    };
    let place = file.place(&section, "store.valkey");
    let wrong = |problem| SettingError::new(place.clone(), problem);
    let url = flag.or_else(|| section.value.url.clone());
    let url = url.ok_or_else(|| wrong("it has no url, and STORE_URL is not set".to_owned()))?;
    resolve(section.value, url).map(Some).map_err(wrong)
}

fn resolve(section: ValkeySection, url: StoreUrl) -> Result<ValkeySettings, String> {
    let ValkeySection { username, password_file, ca_file, sentinel, cluster, prefix, .. } = section;
    if username.is_some() && url.username.is_some() {
        return Err("the URL has a user, and username is set: set only one of them".to_owned());
    }
    let password = match (url.password.clone(), password_file) {
        (Some(_), Some(_)) => {
            let problem = "the URL has a password, and password_file is set: set only one of them";
            return Err(problem.to_owned());
        }
        (Some(password), None) => Some(SecretSource::Text(password)),
        (None, file) => file.map(SecretSource::File),
    };
    let username = username.or_else(|| url.username.clone());
    if username.is_some() && password.is_none() {
        return Err("it has a user, but no password: set password_file".to_owned());
    }
    if ca_file.is_some() && !url.tls {
        return Err("ca_file is set, but the URL does not start with rediss://".to_owned());
    }
    if cluster && url.database != 0 {
        return Err("a cluster has only database 0: remove the number from the URL".to_owned());
    }
    let sentinel = sentinel.map(|section| section.value);
    if cluster && sentinel.is_some() {
        return Err("sentinel and cluster are both set: set only one of them".to_owned());
    }
    let sentinel = sentinel.map(|section| sentinels(section, &url)).transpose()?;
    Ok(ValkeySettings { url, username, password, ca: ca_file, sentinel, cluster, prefix })
}

fn sentinels(section: SentinelSection, url: &StoreUrl) -> Result<SentinelSettings, String> {
    let SentinelSection { master, nodes: more, tls, username, password_file } = section;
    let master = master.trim().to_owned();
    if master.is_empty() {
        return Err("sentinel has no master: set the name of the primary".to_owned());
    }
    if username.is_some() && password_file.is_none() {
        return Err("sentinel has a username, but no password_file".to_owned());
    }
    let mut nodes = vec![(url.host.clone(), url.sentinel_port())];
    nodes.extend(more);
    nodes.dedup();
    let password = password_file.map(SecretSource::File);
    Ok(SentinelSettings { master, nodes, tls: tls.unwrap_or(url.tls), username, password })
}
