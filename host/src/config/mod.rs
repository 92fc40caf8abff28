//! Settings, checked once: from here on nothing can be malformed.
//!
//! They come from flags and environment variables ([`crate::cli`]) and from the config file
//! (`config` has its form, `file` and `values` read single values, `credentials` the ways to sign
//! in, `mapping` which mappings run, `web` the web side's own file); `resolve` puts them together, `check` asks the mappings. What the config file holds can be
//! read again while the exporter runs; the rest can't change.

mod config;
mod credentials;
mod file;
mod flags;
mod mapping;
mod resolve;
mod secret_files;
pub mod tls;
pub mod values;
pub mod web;

pub use flags::{Demo, LogFormat, LogLevel, ServeArgs, WebArgs};
pub use resolve::listen_addresses;
pub use secret_files::{Stamp, check_private_key, read_ca_file, read_private_key, read_token_file, stamp};
pub use values::is_loopback;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;
use url::Url;

use crate::model::{Limits, MappingOption, Secret, Target};

/// GitHub makes new data once a day, at no set hour.
pub const DEFAULT_TTL_SECONDS: &str = "3600";
/// github.com.
pub const DEFAULT_API_URL: &str = "https://api.github.com";
/// The original exporter's port.
pub const DEFAULT_LISTEN_ADDRESS: &str = "0.0.0.0:8000";
/// The credential of whoever names none.
pub const DEFAULT_CREDENTIAL: &str = "default";

/// A setting that can't be used.
#[derive(Debug, Error, PartialEq)]
#[error("{setting}: {problem}")]
pub struct SettingError {
    /// The flag and environment variable; or file, line and key.
    pub setting: String,
    /// What is wrong and what would be right.
    pub problem: String,
}

impl SettingError {
    pub(crate) fn new(setting: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { setting: masked(&setting.into()), problem: masked(&problem.into()) }
    }
}

/// The text without what looks like one of GitHub's tokens: somebody may have put it in the wrong place.
/// <https://docs.github.com/en/authentication/keeping-your-account-and-data-secure/about-authentication-to-github#githubs-token-formats>
fn masked(text: &str) -> String {
    let mut masked = text.to_owned();
    for prefix in ["ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"] {
        let mut pieces = masked.split(prefix);
        let mut rest = pieces.next().unwrap_or_default().to_owned();
        for piece in pieces {
            let end = piece.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            rest.push_str("***");
            rest.push_str(end.and_then(|end| piece.get(end..)).unwrap_or_default());
        }
        masked = rest;
    }
    masked
}

/// The settings of the exporter.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The addresses to listen on.
    pub listen: Vec<String>,
    /// The web side's own settings (TLS, users), if there are any.
    pub web_config: Option<PathBuf>,
    /// Where documents are kept over a restart, if anywhere.
    pub cache_dir: Option<PathBuf>,
    /// How requests are sent.
    pub github: GithubOptions,
    /// What to export, if anything.
    pub targets: Vec<TargetSettings>,
    /// The time from one refresh to the next, for targets that say nothing else.
    pub ttl: Duration,
    /// For targets that say nothing else.
    pub defaults: MappingSettings,
    /// Which mappings run, for targets that say nothing else.
    pub source: MappingSource,
    /// What mappings may do.
    pub policy: MappingPolicy,
    /// What is missing for there to be any data.
    pub missing: Option<String>,
}

/// The settings of a target.
#[derive(Clone, Debug, PartialEq)]
pub struct TargetSettings {
    /// The organization or enterprise.
    pub target: Target,
    /// How to sign in.
    pub credential: Arc<CredentialSettings>,
    /// The API's base URL.
    pub api: Url,
    /// The time from one refresh to the next.
    pub ttl: Duration,
    /// What the mappings have a say in.
    pub mapping: MappingSettings,
    /// Which mappings run.
    pub source: MappingSource,
}

impl TargetSettings {
    /// Whether a document is to be fetched.
    pub fn wants(&self, document: &str) -> bool {
        self.mapping.documents.get(document).is_none_or(|on| on.value)
    }

    /// The time from one fetch of a document to the next.
    pub fn ttl_of(&self, document: &str) -> Duration {
        self.mapping.document_ttl.get(document).map_or(self.ttl, |ttl| ttl.value)
    }
}

/// Settings whose names are the mapping's, so that only it can tell whether they are right.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MappingSettings {
    /// The time from one fetch to the next, of single documents.
    pub document_ttl: BTreeMap<String, Placed<Duration>>,
    /// Which documents are on (as all are unless they are named here) or off.
    pub documents: BTreeMap<String, Placed<bool>>,
    /// The mapping's options.
    pub options: BTreeMap<String, Placed<String>>,
}

impl MappingSettings {
    /// The options as a mapping accepts them.
    pub fn mapping_options(&self) -> Vec<MappingOption> {
        let options = self.options.iter();
        options
            .map(|(name, value)| MappingOption { name: name.clone(), value: value.value.clone() })
            .collect()
    }
}

/// Which mappings run for a target.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MappingSource {
    /// The folder of mappings, if there is one. It is absolute.
    pub folder: Option<PathBuf>,
    /// Whether the embedded mapping runs, unless the folder has one of the same name.
    pub default: bool,
    /// The SHA-256 of the files that are taken; all are where none are named.
    pub sha256: Vec<String>,
}

impl Default for MappingSource {
    fn default() -> Self {
        Self { folder: None, default: true, sha256: Vec::new() }
    }
}

/// What mappings may do, and what is done with those that do more.
#[derive(Clone, Debug, PartialEq)]
pub struct MappingPolicy {
    /// The limits of a run.
    pub limits: Limits,
    /// The largest file that is taken.
    pub max_file_bytes: u64,
    /// After so many failures in a row the mapping of before takes its place again.
    pub rollback_after: u32,
}

impl Default for MappingPolicy {
    fn default() -> Self {
        // A mapping in Rust has some hundred kilobytes, one with a JavaScript engine 12 MB.
        Self { limits: Limits::default(), max_file_bytes: 64 << 20, rollback_after: 3 }
    }
}

/// A way to sign in, with the name that the config file gives it.
#[derive(Clone, Debug, PartialEq)]
pub struct CredentialSettings {
    /// The value of the label `credential`.
    pub name: String,
    /// What it is.
    pub source: CredentialSource,
}

/// What a credential is.
#[derive(Clone, Debug, PartialEq)]
pub enum CredentialSource {
    /// A token.
    Token(Secret),
    /// A file with a token, which may change at any time.
    TokenFile(PathBuf),
    /// A GitHub App.
    App {
        /// Its id or client id.
        id: String,
        /// The file with its private key (PEM), which may change at any time.
        private_key_file: PathBuf,
        /// The installation, if it is not to be looked up.
        installation: Option<u64>,
    },
}

/// How requests are sent.
#[derive(Clone, Debug, PartialEq)]
pub struct GithubOptions {
    /// How many requests may be under way at one host.
    pub concurrency: usize,
    /// How long it may take to connect.
    pub connect_timeout: Duration,
    /// How long a server may be silent, before its answer or within it.
    pub response_timeout: Duration,
    /// How long a request may take, with its whole answer.
    pub request_timeout: Duration,
    /// How often a request is sent again that failed in a way which can pass.
    pub retries: usize,
    /// The pause before the first of these; the next ones are twice as long each, up to 30 s.
    pub retry_delay: Duration,
    /// The greatest document that is taken, all parts together.
    pub max_document_bytes: u64,
    /// Certificates (PEM) of authorities to trust beside the system's. With other ones in the same
    /// file the settings are others.
    pub ca_certificates: Vec<u8>,
    /// Hosts that report files may be downloaded from, beside GitHub's own. `*.` stands for any subdomain.
    pub download_hosts: Vec<String>,
}

impl Default for GithubOptions {
    fn default() -> Self {
        Self {
            // GitHub prefers few: a target asks for one document after the other.
            concurrency: 8,
            connect_timeout: Duration::from_secs(10),
            response_timeout: Duration::from_secs(30),
            request_timeout: Duration::from_secs(10 * 60),
            retries: 3,
            retry_delay: Duration::from_secs(1),
            // The users report of 100,000 developers has some hundred megabytes. In memory it
            // takes a tenth or less.
            max_document_bytes: 4 << 30,
            ca_certificates: Vec::new(),
            download_hosts: Vec::new(),
        }
    }
}

/// A value, and the flag or line that it came from. Two are equal if the values are.
#[derive(Clone, Debug)]
pub struct Placed<T> {
    /// The value.
    pub value: T,
    /// Where it was given.
    pub place: String,
}

impl<T: PartialEq> PartialEq for Placed<T> {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

/// How the log is to be written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Log {
    /// The lowest level.
    pub level: LogLevel,
    /// Its form.
    pub format: LogFormat,
}

impl Log {
    /// Checks what was given.
    pub fn new(args: &ServeArgs) -> Result<Self, SettingError> {
        let (level, format) = ("--log.level (LOG_LEVEL)", "--log.format (LOG_FORMAT)");
        let wrong = |setting| move |problem: String| SettingError::new(setting, problem);
        Ok(Self {
            level: values::choice(given(&args.log_level).unwrap_or("info"))
                .map_err(wrong(level))?,
            format: values::choice(given(&args.log_format).unwrap_or("text"))
                .map_err(wrong(format))?,
        })
    }
}

/// Reads the text of a flag.
fn flag<T>(
    setting: &str,
    text: &str,
    read: impl Fn(&str) -> Result<T, String>,
) -> Result<T, SettingError> {
    read(text).map_err(|problem| SettingError::new(setting, problem))
}

/// Whether the recordings are to be served in place of anything real.
pub fn wants_demo(args: &ServeArgs) -> Result<bool, SettingError> {
    let demo = flag("--demo (DEMO)", given(&args.demo).unwrap_or("never"), values::choice)?;
    let texts = [&args.config, &args.token_file, &args.app_id, &args.org, &args.enterprise];
    let token = args.token.as_ref().is_some_and(|token| !token.expose().trim().is_empty());
    Ok(match demo {
        Demo::Always => true,
        Demo::Auto => !token && texts.into_iter().all(|text| given(text).is_none()),
        Demo::Never => false,
    })
}

/// The text of a flag or variable. An empty one is none: compose files pass variables on that nobody set.
pub(crate) fn given(text: &Option<String>) -> Option<&str> {
    text.as_deref().map(str::trim).filter(|text| !text.is_empty())
}
