//! The web side's own settings, read again when their files change: certificates are renewed and
//! passwords changed without a restart.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use axum::http::HeaderMap;
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tracing::{error, info};

use super::auth::Users;
use super::tls::{ClientAuth, has_name};
use crate::model::digest::{Stamp, stamp};
use crate::config::SettingError;
use crate::config::web::WebConfig;

/// How often files are looked at.
const LOOK: Duration = Duration::from_millis(500);

/// The settings as they are.
#[derive(Default)]
pub struct Web {
    file: Option<PathBuf>,
    current: ArcSwap<Current>,
    looked: Mutex<Looked>,
}

/// When the files were looked at last, and what was wrong then.
#[derive(Default)]
struct Looked {
    at: Option<Instant>,
    error: Option<String>,
}

/// What is in use.
#[derive(Default)]
pub(super) struct Current {
    /// TLS, if it is spoken.
    pub tls: Option<TlsAcceptor>,
    client_auth: ClientAuth,
    allowed_names: Vec<String>,
    /// Who may come in.
    pub users: Option<Users>,
    /// What is sent with every answer.
    pub headers: HeaderMap,
    limiter: Option<DefaultDirectRateLimiter>,
    files: Vec<(PathBuf, Stamp)>,
}

impl Current {
    fn new(config: WebConfig) -> Self {
        let WebConfig { tls, users, headers, rate, files } = config;
        let limiter = rate.and_then(|rate| {
            let quota = Quota::with_period(rate.interval)?.allow_burst(rate.burst);
            Some(RateLimiter::direct(quota))
        });
        let (tls, client_auth, allowed_names) = match tls {
            Some(tls) => (Some(tls.server.into()), tls.client_auth, tls.allowed_names),
            None => Default::default(),
        };
        let users = (!users.is_empty()).then(|| Users::new(users));
        Self { tls, client_auth, allowed_names, users, headers, limiter, files }
    }

    /// What the settings have no more that those of before had. A file that is half written says less than
    /// it should.
    fn lacks(&self, before: &Self) -> Option<&'static str> {
        if before.tls.is_some() && self.tls.is_none() {
            return Some("TLS");
        }
        if before.users.is_some() && self.users.is_none() {
            return Some("users");
        }
        let required = |of: &Self| of.client_auth == ClientAuth::Required;
        if required(before) && !required(self) {
            return Some("certificates of clients");
        }
        let names = |of: &Self| !of.allowed_names.is_empty();
        (names(before) && !names(self)).then_some("client_allowed_sans")
    }

    /// Whether one more request may be answered now.
    pub fn has_room(&self) -> bool {
        self.limiter.as_ref().is_none_or(|limiter| limiter.check().is_ok())
    }

    /// Whether a client with this certificate may come in.
    pub fn admits(&self, certificate: Option<&CertificateDer<'_>>) -> bool {
        self.allowed_names.is_empty()
            || certificate.is_some_and(|shown| has_name(shown, &self.allowed_names))
    }
}

impl Web {
    /// Reads the file, if there is one.
    pub fn new(file: Option<PathBuf>) -> Result<Self, SettingError> {
        let Some(path) = &file else { return Ok(Self::default()) };
        let current = Current::new(WebConfig::read(path)?);
        let looked = Looked { at: Some(Instant::now()), error: None };
        Ok(Self { file, current: ArcSwap::from_pointee(current), looked: Mutex::new(looked) })
    }

    /// The settings as they are now.
    pub(super) fn current(&self) -> Arc<Current> {
        if let Some(path) = &self.file {
            self.look(path);
        }
        self.current.load_full()
    }

    fn look(&self, path: &Path) {
        let now = Instant::now();
        let mut looked = self.looked.lock().unwrap_or_else(PoisonError::into_inner);
        if looked.at.is_some_and(|at| now.duration_since(at) < LOOK) {
            return;
        }
        looked.at = Some(now);
        let current = self.current.load();
        if current.files.iter().all(|(path, known)| stamp(path) == *known) {
            return;
        }
        let read = WebConfig::read(path).map(Current::new).map_err(|error| error.to_string());
        let read = read.and_then(|new| match new.lacks(&current) {
            Some(what) => {
                Err(format!("it has no {what} any more: restart the exporter if that is meant"))
            }
            None => Ok(new),
        });
        match read {
            Ok(new) => {
                info!(file = %path.display(), "the web side's settings were read again");
                looked.error = None;
                self.current.store(Arc::new(new));
            }
            // It is tried again, as what is missing may come, and said once.
            Err(error) if looked.error.as_ref() == Some(&error) => {}
            Err(error) => {
                error!(error, "the web side's settings can't be used; those of before stay in use");
                looked.error = Some(error);
            }
        }
    }
}
