//! `--web.config.file`: TLS, users, headers and the rate limit of the web side, in the format of
//! Prometheus' exporter-toolkit.
//! <https://github.com/prometheus/exporter-toolkit/blob/master/docs/web-configuration.md>

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;
use serde_saphyr::Spanned;

use super::SettingError;
use super::config::{Text, parse, read_text};
use super::file::File;
use super::secret_files::{Stamp, stamp};
use super::tls::{ClientAuth, Tls, TlsFiles, TlsVersion};
use crate::model::Secret;

/// The greatest file that is read.
const MAX_BYTES: u64 = 1 << 20;

/// What the file says.
#[derive(Default)]
pub struct WebConfig {
    /// TLS, if it is spoken.
    pub tls: Option<Tls>,
    /// The users with their bcrypt hashes. Everybody may come in where there are none.
    pub users: BTreeMap<String, Secret>,
    /// What is sent with every answer.
    pub headers: HeaderMap,
    /// How many requests are answered.
    pub rate: Option<Rate>,
    /// The files that it is made of, as they were before they were read.
    pub files: Vec<(PathBuf, Stamp)>,
}

/// How many requests are answered.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate {
    /// The time from one request to the next, in the long run.
    pub interval: Duration,
    /// How many may come at once.
    pub burst: NonZeroU32,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct WebFile {
    tls_server_config: Option<Spanned<TlsServer>>,
    http_server_config: HttpServer,
    rate_limit: RateLimit,
    basic_auth_users: BTreeMap<String, Spanned<String>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct TlsServer {
    cert: Option<Text>,
    cert_file: Option<Text>,
    key: Option<Text>,
    key_file: Option<Text>,
    client_ca: Option<Text>,
    client_ca_file: Option<Text>,
    client_auth_type: Option<Text>,
    client_allowed_sans: Vec<String>,
    min_version: Option<Text>,
    max_version: Option<Text>,
    cipher_suites: Vec<Text>,
    curve_preferences: Vec<Text>,
    /// rustls always takes the server's order; it is known, so that files can stay as they are.
    #[allow(dead_code)]
    prefer_server_cipher_suites: Option<bool>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct HttpServer {
    /// HTTP/1.1 is what is spoken; every client of HTTP/2 speaks it too.
    #[allow(dead_code)]
    http2: Option<bool>,
    headers: BTreeMap<String, Text>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RateLimit {
    interval: Option<Text>,
    burst: Option<Text>,
}

impl WebConfig {
    /// Reads the file, and those that it names.
    pub fn read(path: &Path) -> Result<Self, SettingError> {
        let setting = "--web.config.file (WEB_CONFIG_FILE)";
        let unreadable = |problem: String| SettingError::new(setting, problem);
        let mut files = vec![(path.to_owned(), stamp(path))];
        let text = read_text(path, MAX_BYTES).map_err(unreadable)?;
        let parsed: WebFile = parse(path, &text)?;
        let file = File { path: Some(path) };
        let tls = match &parsed.tls_server_config {
            Some(tls) => Some(file.tls(tls, &mut files)?),
            None => None,
        };
        Ok(Self {
            tls,
            users: file.users(&parsed.basic_auth_users)?,
            headers: file.headers(&parsed.http_server_config.headers)?,
            rate: file.rate(&parsed.rate_limit)?,
            files,
        })
    }
}

impl File<'_> {
    fn tls(
        &self,
        tls: &Spanned<TlsServer>,
        files: &mut Vec<(PathBuf, Stamp)>,
    ) -> Result<Tls, SettingError> {
        let given = &tls.value;
        let key = |name: &str| format!("tls_server_config.{name}");
        let mut pem = |inline: &Option<Text>, file: &Option<Text>, name: &str| match (inline, file)
        {
            (Some(one), Some(_)) => Err(self.wrong(
                one,
                &key(name),
                format!("there is {name}_file too: give one of them"),
            )),
            (Some(text), None) => Ok(Some(text.value.clone())),
            (None, Some(path)) => {
                let read = |path: &Path| Ok((stamp(path), read_text(path, MAX_BYTES)?));
                let (path, (stamp, text)) = self.file(path, &key(&format!("{name}_file")), read)?;
                files.push((path, stamp));
                Ok(Some(text))
            }
            (None, None) => Ok(None),
        };
        let certificate = pem(&given.cert, &given.cert_file, "cert")?;
        let private_key = pem(&given.key, &given.key_file, "key")?;
        let client_ca = pem(&given.client_ca, &given.client_ca_file, "client_ca")?;
        let missing = |name: &str| {
            self.wrong(tls, "tls_server_config", format!("it has no {name}_file, which TLS needs"))
        };
        let version = |text: &Option<Text>, name: &str| self.read_if(text, &key(name), tls_version);
        let client_auth =
            self.read_if(&given.client_auth_type, &key("client_auth_type"), client_auth)?;
        let names = |texts: &[Text]| texts.iter().map(|text| text.value.clone()).collect();
        let tls_files = TlsFiles {
            certificate: certificate.ok_or_else(|| missing("cert"))?,
            private_key: Secret::new(private_key.ok_or_else(|| missing("key"))?),
            client_ca,
            client_auth: client_auth.unwrap_or_default(),
            allowed_names: given.client_allowed_sans.clone(),
            min_version: version(&given.min_version, "min_version")?,
            max_version: version(&given.max_version, "max_version")?,
            cipher_suites: names(&given.cipher_suites),
            curves: names(&given.curve_preferences),
        };
        // A mistake is found now, not by the first client.
        tls_files.build().map_err(|problem| self.wrong(tls, "tls_server_config", problem))
    }

    fn users(
        &self,
        users: &BTreeMap<String, Spanned<String>>,
    ) -> Result<BTreeMap<String, Secret>, SettingError> {
        let check = |(name, hash): (&String, &Spanned<String>)| {
            // Not the hash: somebody may have written the password.
            let wrong = "it is no bcrypt hash, as `htpasswd -nBC 10 \"\"` makes them ($2y$10$…)";
            match hash.value.trim().parse::<bcrypt::HashParts>() {
                Ok(parts) if (4..=31).contains(&parts.get_cost()) => {
                    Ok((name.clone(), Secret::new(hash.value.trim())))
                }
                _ => Err(self.wrong(hash, &format!("basic_auth_users.{name}"), wrong)),
            }
        };
        users.iter().map(check).collect()
    }

    fn headers(&self, headers: &BTreeMap<String, Text>) -> Result<HeaderMap, SettingError> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            let key = format!("http_server_config.headers.{name}");
            let known = KNOWN_HEADERS.iter().find(|known| known.eq_ignore_ascii_case(name));
            let name = known.and_then(|known| HeaderName::from_bytes(known.as_bytes()).ok());
            let names = KNOWN_HEADERS.join(", ");
            let name = name
                .ok_or_else(|| self.wrong(value, &key, format!("it should be one of {names}")))?;
            let text = HeaderValue::from_str(value.value.trim());
            let text =
                text.map_err(|_| self.wrong(value, &key, "a header can't have this value"))?;
            map.insert(name, text);
        }
        Ok(map)
    }

    fn rate(&self, limit: &RateLimit) -> Result<Option<Rate>, SettingError> {
        let interval = self.read_if(&limit.interval, "rate_limit.interval", |text| match text {
            "0" | "0s" => Ok(None),
            text => super::values::duration(text).map(Some),
        })?;
        let burst = self.read_if(&limit.burst, "rate_limit.burst", |text| {
            super::values::number(text, 1, 1_000_000, 20)
        })?;
        let burst =
            burst.and_then(|burst| NonZeroU32::new(burst as u32)).unwrap_or(NonZeroU32::MIN);
        Ok(interval.flatten().map(|interval| Rate { interval, burst }))
    }
}

/// The headers that exporter-toolkit lets set.
const KNOWN_HEADERS: [&str; 5] = [
    "Content-Security-Policy",
    "Strict-Transport-Security",
    "X-Content-Type-Options",
    "X-Frame-Options",
    "X-XSS-Protection",
];

fn tls_version(text: &str) -> Result<TlsVersion, String> {
    match text {
        "TLS12" => Ok(TlsVersion::Tls12),
        "TLS13" => Ok(TlsVersion::Tls13),
        "TLS10" | "TLS11" => {
            Err(format!("{text} is not safe and not spoken: it should be TLS12 or TLS13"))
        }
        _ => Err(format!("{text:?} is no version of TLS: it should be TLS12 or TLS13")),
    }
}

fn client_auth(text: &str) -> Result<ClientAuth, String> {
    match text {
        "NoClientCert" => Ok(ClientAuth::None),
        "VerifyClientCertIfGiven" => Ok(ClientAuth::IfGiven),
        "RequireAndVerifyClientCert" => Ok(ClientAuth::Required),
        "RequestClientCert" | "RequireAnyClientCert" => Err(format!(
            "{text} takes certificates that nobody has verified: it should be VerifyClientCertIfGiven or RequireAndVerifyClientCert"
        )),
        _ => Err(format!(
            "{text:?} is none of NoClientCert, VerifyClientCertIfGiven, RequireAndVerifyClientCert"
        )),
    }
}
