//! The config file: what may stand in it. `resolve` checks it and puts it together with the flags.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_saphyr::Spanned;

use super::SettingError;

/// The greatest file that is read: a thousand targets have a hundred kilobytes.
const MAX_BYTES: u64 = 4 << 20;

/// A value with its place. Numbers are texts here: the checks name what would be right.
pub(super) type Text = Spanned<String>;

/// The whole file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Config {
    /// For all targets that don't say otherwise.
    pub defaults: TargetDefaults,
    /// By the name that targets refer to.
    pub credentials: BTreeMap<String, Spanned<Credential>>,
    /// What to export.
    pub targets: Vec<Spanned<TargetEntry>>,
    /// How requests are sent.
    pub github: Github,
    /// Which mappings run, and what they may do.
    pub mapping: Mapping,
}

/// What every target may have.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct TargetDefaults {
    pub credential: Option<Text>,
    pub api_url: Option<Text>,
    pub ttl: Option<Text>,
    pub document_ttl: BTreeMap<String, Text>,
    pub documents: BTreeMap<String, Spanned<bool>>,
    pub options: BTreeMap<String, Text>,
}

/// A target.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct TargetEntry {
    pub organization: Option<Text>,
    pub enterprise: Option<Text>,
    pub name: Option<Text>,
    pub credential: Option<Text>,
    pub api_url: Option<Text>,
    pub ttl: Option<Text>,
    pub document_ttl: BTreeMap<String, Text>,
    pub documents: BTreeMap<String, Spanned<bool>>,
    pub options: BTreeMap<String, Text>,
    pub mapping: Option<Spanned<TargetMapping>>,
}

/// A way to sign in: one of the three.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Credential {
    pub token_env: Option<Text>,
    pub token_file: Option<Text>,
    pub app_id: Option<Text>,
    pub private_key_file: Option<Text>,
    pub installation_id: Option<Text>,
}

/// How requests are sent.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Github {
    pub concurrency: Option<Text>,
    pub connect_timeout: Option<Text>,
    pub response_timeout: Option<Text>,
    pub request_timeout: Option<Text>,
    pub retries: Option<Text>,
    pub retry_delay: Option<Text>,
    pub max_document_mib: Option<Text>,
    pub ca_file: Option<Text>,
    pub download_hosts: Vec<Text>,
}

/// Which mappings run, and what they may do.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Mapping {
    pub dir: Option<Text>,
    pub default: Option<bool>,
    pub sha256: Vec<Text>,
    pub memory_mib: Option<Text>,
    pub run_time: Option<Text>,
    pub result_mib: Option<Text>,
    pub series: Option<Text>,
    pub max_file_mib: Option<Text>,
    pub rollback_after: Option<Text>,
}

/// Which mappings run for a target.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct TargetMapping {
    pub dir: Option<Text>,
    pub default: Option<bool>,
    pub sha256: Option<Vec<Text>>,
}

impl Config {
    /// Reads the file.
    pub(super) fn read(path: &Path) -> Result<Self, SettingError> {
        let unreadable = |problem: String| SettingError::new("--config (CONFIG_FILE)", problem);
        parse(path, &read_text(path, MAX_BYTES).map_err(unreadable)?)
    }
}

/// Reads a file that people write, of no more than `max_bytes`.
pub(super) fn read_text(path: &Path, max_bytes: u64) -> Result<String, String> {
    let unreadable = |error| format!("{}: it can't be read: {error}", path.display());
    if std::fs::metadata(path).map_err(unreadable)?.len() > max_bytes {
        return Err(format!("{}: it is larger than {} MiB", path.display(), max_bytes >> 20));
    }
    std::fs::read_to_string(path).map_err(unreadable)
}

/// Reads YAML. The error says where it is wrong.
pub(super) fn parse<T: DeserializeOwned + Default>(
    path: &Path,
    text: &str,
) -> Result<T, SettingError> {
    // An empty file is an empty config, not a null.
    if text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#')) {
        return Ok(T::default());
    }
    let mut key = String::new();
    let parsed = serde_saphyr::with_deserializer_from_str(text, |deserializer| {
        serde_path_to_error::deserialize(deserializer).map_err(|error| {
            key = error.path().to_string();
            error.into_inner()
        })
    });
    parsed.map_err(|error| {
        let line = error.location().map(|location| format!(":{}", location.line()));
        let file = format!("{}{}", path.display(), line.unwrap_or_default());
        let place = match key.as_str() {
            // The file as a whole.
            "" | "." => file,
            // `value` is the field of `Spanned`.
            key => {
                let keys: Vec<_> =
                    key.split('.').filter(|part| !matches!(*part, "value" | "?")).collect();
                format!("{file}: {}", keys.join("."))
            }
        };
        SettingError::new(place, plain(&error))
    })
}

/// What is wrong, in words for who writes YAML and not Rust.
fn plain(error: &serde_saphyr::Error) -> String {
    let text = error.without_snippet().to_string().replace('\n', " ");
    // The place is said already.
    let text = text.rsplit_once(" at line ").map_or(text.as_str(), |(text, _)| text);
    let text = text.split(", set DuplicateKeyPolicy").next().unwrap_or(text);
    match text {
        "expected sequence start" => "it should be a list, with `- ` before each item".to_owned(),
        "expected mapping start" => "it should be keys with values, `key: value`".to_owned(),
        "expected string scalar" => "it should be a single value".to_owned(),
        _ if text.starts_with("multiple YAML documents") => {
            "it should be one YAML document, without `---`".to_owned()
        }
        "invalid boolean" => "it should be true or false".to_owned(),
        text => text.to_owned(),
    }
}
