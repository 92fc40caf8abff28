//! Settings, checked once: from here on nothing can be malformed.

use std::time::Duration;

use clap::ValueEnum;
use thiserror::Error;
use url::Url;

use crate::cli::{LogFormat, LogLevel, ServeArgs};
use crate::github::is_loopback;
use crate::secret::Secret;
use crate::target::{MappingOption, Scope, Target};

/// A year: whoever waits longer has mistaken the unit.
const MAX_TTL_SECONDS: u64 = 366 * 24 * 3600;

/// GitHub makes new data once a day, at no set hour.
pub const DEFAULT_TTL_SECONDS: &str = "3600";
/// github.com.
pub const DEFAULT_API_URL: &str = "https://api.github.com";
/// The original exporter's port.
pub const DEFAULT_LISTEN_ADDRESS: &str = "0.0.0.0:8000";

/// A setting that can't be used.
#[derive(Debug, Error, PartialEq)]
#[error("{setting}: {problem}")]
pub struct SettingError {
    /// The flag and the environment variable.
    pub setting: &'static str,
    /// What is wrong and what would be right.
    pub problem: String,
}

/// The settings of the exporter.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The token, if there is one.
    pub token: Option<Secret>,
    /// What to export, if anything.
    pub targets: Vec<Target>,
    /// The time from one refresh to the next.
    pub ttl: Duration,
    /// The API's base URL.
    pub api: Url,
    /// The address to listen on.
    pub listen: String,
    /// Options of the mapping.
    pub options: Vec<MappingOption>,
}

impl Settings {
    /// Checks what was given. A missing token or target is no error here: the exporter runs and says so.
    pub fn new(args: &ServeArgs) -> Result<Self, SettingError> {
        let mut targets = Vec::new();
        for (setting, scope, list) in [
            ("--org (ORG)", Scope::Organization, &args.org),
            ("--enterprise (ENTERPRISE)", Scope::Enterprise, &args.enterprise),
        ] {
            let names = list.as_deref().unwrap_or_default().split(',').map(str::trim);
            for name in names.filter(|name| !name.is_empty()) {
                let wrong = |problem| SettingError { setting, problem };
                let target = Target::new(scope, name).map_err(wrong)?;
                if targets.contains(&target) {
                    return Err(wrong(format!("{name:?} is there twice")));
                }
                // The original's gauges have the name only: two targets would be one series.
                if targets.iter().any(|other| other.name() == name) {
                    return Err(wrong(format!(
                        "{name:?} is an organization too, and the label org can't tell them apart: run an exporter for each"
                    )));
                }
                targets.push(target);
            }
        }
        Ok(Self {
            token: token(args.token.as_deref())?,
            targets,
            ttl: ttl(or_default(&args.cache_ttl_seconds, DEFAULT_TTL_SECONDS))?,
            api: api(or_default(&args.github_api_url, DEFAULT_API_URL))?,
            listen: listen(or_default(&args.listen_address, DEFAULT_LISTEN_ADDRESS))?,
            options: args.options.clone(),
        })
    }

    /// What is missing for there to be any data.
    pub fn missing(&self) -> Option<String> {
        match (self.token.is_some(), self.targets.is_empty()) {
            (true, false) => None,
            (true, true) => Some("set ORG or ENTERPRISE to what should be exported".to_owned()),
            (false, false) => Some("set GHC_TOKEN to a token for GitHub's API".to_owned()),
            (false, true) => Some(
                "set GHC_TOKEN to a token for GitHub's API, and ORG or ENTERPRISE to what should be exported"
                    .to_owned(),
            ),
        }
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
        Ok(Self {
            level: choice("--log.level (LOG_LEVEL)", or_default(&args.log_level, "info"))?,
            format: choice("--log.format (LOG_FORMAT)", or_default(&args.log_format, "text"))?,
        })
    }
}

/// One of few words, in upper or lower case.
fn choice<T: ValueEnum>(setting: &'static str, text: &str) -> Result<T, SettingError> {
    T::from_str(text, true).map_err(|_| {
        let words: Vec<_> = T::value_variants()
            .iter()
            .filter_map(|value| Some(value.to_possible_value()?.get_name().to_owned()))
            .collect();
        SettingError { setting, problem: format!("{text:?} is none of {}", words.join(", ")) }
    })
}

/// The default for an empty text: compose files pass variables on that nobody set.
fn or_default<'a>(text: &'a str, default: &'a str) -> &'a str {
    let text = text.trim();
    if text.is_empty() { default } else { text }
}

fn token(text: Option<&str>) -> Result<Option<Secret>, SettingError> {
    let text = text.unwrap_or_default().trim();
    // Never quoted: it may be nearly right.
    if text.bytes().any(|byte| !byte.is_ascii_graphic()) {
        return Err(SettingError {
            setting: "--token (GHC_TOKEN)",
            problem: "it has a space or another character that no token has".to_owned(),
        });
    }
    Ok((!text.is_empty()).then(|| Secret::new(text)))
}

fn ttl(text: &str) -> Result<Duration, SettingError> {
    match text.parse() {
        Ok(seconds @ 1..=MAX_TTL_SECONDS) => Ok(Duration::from_secs(seconds)),
        _ => Err(SettingError {
            setting: "--cache-ttl-seconds (CACHE_TTL_SECONDS)",
            problem: format!(
                "{text:?} is no whole number of seconds from 1 to {MAX_TTL_SECONDS}, such as 3600"
            ),
        }),
    }
}

fn api(text: &str) -> Result<Url, SettingError> {
    let right = "such as https://api.github.com or https://HOST/api/v3";
    let wrong =
        |problem: String| SettingError { setting: "--github-api-url (GITHUB_API_URL)", problem };
    // The text is not quoted where it may hold a password or a token.
    let url = Url::parse(text)
        .map_err(|error| wrong(format!("it is no URL ({error}); it should be {right}")))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong(format!(
            "it has a user or password, which belong in GHC_TOKEN; it should be {right}"
        )));
    }
    // The token would cross the network for all to read.
    if url.scheme() != "https" && !(url.scheme() == "http" && is_loopback(&url)) {
        return Err(wrong(format!("it is not https; it should be {right}")));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(wrong(format!("it has a query or fragment; it should be {right}")));
    }
    Ok(url)
}

fn listen(text: &str) -> Result<String, SettingError> {
    let valid = |(host, port): (&str, &str)| {
        port.parse::<u16>().ok()?;
        // ":8000" means every address, as with Prometheus' own exporters.
        Some(if host.is_empty() { format!("0.0.0.0:{port}") } else { text.to_owned() })
    };
    text.rsplit_once(':').and_then(valid).ok_or_else(|| SettingError {
        setting: "--web.listen-address (LISTEN_ADDRESS)",
        problem: format!("{text:?} is no address and port, such as 0.0.0.0:8000 or :8000"),
    })
}
