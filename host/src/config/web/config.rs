//! The web config file as a whole.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::Duration;

use axum::http::HeaderMap;
use serde_saphyr::Spanned;

use super::headers;
use super::tls::Tls;
use super::users::PasswordHash;
use crate::config::error::SettingError;
use crate::config::files::{Stamp, read_text, stamp};
use crate::config::parse::{Parsed, Parser, section, value};
use crate::config::values::{Number, Timeout};
use crate::config::yaml::{self, YamlFile};
use crate::model::Secret;

/// The largest web config file.
const MAX_BYTES: u64 = 1 << 20;

/// The settings of the web server.
#[derive(Default)]
pub struct WebConfig {
    /// TLS, if it is on.
    pub tls: Option<Tls>,
    /// The users with their bcrypt hashes. If empty, no password is needed.
    pub users: BTreeMap<String, Secret>,
    /// Headers to send with every response.
    pub headers: HeaderMap,
    /// The rate limit, if any.
    pub rate: Option<Rate>,
    /// The files that it was read from, and their stamps before they were read.
    pub files: Vec<(PathBuf, Stamp)>,
}

/// How many requests are served.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate {
    /// The average time between two requests.
    pub interval: Duration,
    /// How many may arrive at once.
    pub burst: NonZeroU32,
}

section! {
    struct WebFile {
        /// TLS.
        tls_server_config: Option<Tls> = None,
        /// HTTP.
        http_server_config: HttpSection = HttpSection::default(),
        /// How many requests are served.
        rate_limit: RateSection = RateSection::default(),
        /// The bcrypt hashes of passwords, by user.
        basic_auth_users: BTreeMap<String, Parsed<PasswordHash>> = BTreeMap::new(),
    }
}

section! {
    struct HttpSection {
        /// Only HTTP/1.1 is served, which every client of HTTP/2 supports too. Accepted, so that
        /// existing files can be used.
        #[allow(dead_code)]
        http2: Option<bool> = None,
        /// Headers to send with every response.
        headers: BTreeMap<String, Spanned<String>> = BTreeMap::new(),
    }
}

section! {
    struct RateSection {
        /// The average time between two requests. 0 for no limit.
        #[serde(deserialize_with = "value::<Interval, _>")]
        interval: Option<Duration> = None,
        /// How many may arrive at once.
        #[serde(deserialize_with = "value::<Number<u32, 1, 1_000_000, 20>, _>")]
        burst: u32 = 1,
    }
}

/// A duration, or 0 for none.
struct Interval;

impl Parser for Interval {
    type Value = Option<Duration>;

    fn parse(text: &str) -> Result<Option<Duration>, String> {
        match text {
            "0" | "0s" => Ok(None),
            text => Timeout::parse(text).map(Some),
        }
    }
}

impl WebConfig {
    /// Reads the file, and those that it names.
    pub fn read(path: &Path) -> Result<Self, SettingError> {
        let unreadable =
            |problem: String| SettingError::new("--web.config.file (WEB_CONFIG_FILE)", problem);
        let mut files = vec![(path.to_owned(), stamp(path))];
        let text = read_text(path, MAX_BYTES).map_err(unreadable)?;
        let file: WebFile = yaml::parse(path, &text)?;
        let users = file.basic_auth_users.into_iter();
        files.extend(file.tls_server_config.iter().flat_map(|tls| tls.files.clone()));
        let RateSection { interval, burst } = file.rate_limit;
        let burst = NonZeroU32::new(burst).unwrap_or(NonZeroU32::MIN);
        Ok(Self {
            tls: file.tls_server_config,
            users: users.map(|(name, Parsed(hash))| (name, hash)).collect(),
            headers: headers::parse(
                &YamlFile { path: Some(path) },
                &file.http_server_config.headers,
            )?,
            rate: interval.map(|interval| Rate { interval, burst }),
            files,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(yaml: &str) -> Result<WebConfig, String> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("web.yaml");
        std::fs::write(&path, yaml).unwrap();
        WebConfig::read(&path).map_err(|error| {
            error.to_string().replace(&format!("{}/", directory.path().display()), "")
        })
    }

    #[test]
    fn users_headers_and_the_rate_limit_are_read() {
        let hash = "$2y$10$abcdefghijklmnopqrstuuN3BbAZHhYwFkWOsQ7xkZNWkYkFJ0ZyK";
        let config = read(&format!(
            "basic_auth_users: {{me: '{hash}'}}
http_server_config: {{http2: true, headers: {{x-frame-options: deny}}}}
rate_limit: {{interval: 1s, burst: 20}}"
        ))
        .unwrap();
        assert_eq!(config.users.get("me").unwrap().expose(), hash);
        assert_eq!(config.headers.get("X-Frame-Options").unwrap(), "deny");
        let burst = NonZeroU32::new(20).unwrap();
        assert_eq!(config.rate, Some(Rate { interval: Duration::from_secs(1), burst }));
        assert!(config.tls.is_none());
        assert_eq!(config.files.len(), 1);
    }

    #[test]
    fn without_an_interval_there_is_no_rate_limit() {
        for yaml in ["", "rate_limit: {burst: 3}", "rate_limit: {interval: 0, burst: 3}"] {
            assert_eq!(read(yaml).unwrap().rate, None, "{yaml}");
        }
        let one = read("rate_limit: {interval: 2s}").unwrap().rate.unwrap();
        assert_eq!(one.burst, NonZeroU32::MIN);
    }

    #[test]
    fn errors_name_file_line_key_and_what_would_be_right() {
        for (yaml, expected) in [
            (
                "rate_limit:\n  interval: often",
                "web.yaml:2: rate_limit.interval: \"often\" is not a duration from 1ms to a day, such as 500ms, 30s or 10m",
            ),
            (
                "basic_auth_users:\n  me: hunter2",
                "web.yaml:2: basic_auth_users.me: not a bcrypt hash, as created by `htpasswd -nBC 10 \"\"` ($2y$10$…)",
            ),
            (
                "http_server_config:\n  headers:\n    Server: me",
                "web.yaml:3: http_server_config.headers.Server: not a header that can be set: it should be one of Content-Security-Policy, Strict-Transport-Security, X-Content-Type-Options, X-Frame-Options, X-XSS-Protection",
            ),
            (
                "tls_server_config:\n  cert: x\n  min_version: TLS10",
                "web.yaml:3: tls_server_config.min_version: TLS10 is not secure and not supported: it should be TLS12 or TLS13",
            ),
            (
                "tls_server_config: {cert: x}",
                "web.yaml:1: tls_server_config: it has no key_file, which TLS needs",
            ),
            (
                "tls_server_config: {cert: x, key: hunter2}",
                "web.yaml:1: tls_server_config: cert: it contains no certificate in PEM format",
            ),
            (
                "tls_server_config: {cert: x, cert_file: web.yaml, key: x}",
                "web.yaml:1: tls_server_config: cert and cert_file are both set: it should have only one of them",
            ),
            (
                "tls_server_config:\n  cert_file: no.crt",
                "web.yaml:2: tls_server_config.cert_file: no.crt: cannot read it: No such file or directory (os error 2)",
            ),
            (
                "tls_server_config: {cert: x, key: x, client_allowed_sans: [a]}",
                "web.yaml:1: tls_server_config: it has client_allowed_sans, but client_auth_type requests no certificates: it should be RequireAndVerifyClientCert",
            ),
        ] {
            assert_eq!(read(yaml).err().as_deref(), Some(expected), "{yaml}");
        }
    }
}
