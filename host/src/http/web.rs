//! The web side's own settings, read again when their files change: certificates are renewed and
//! passwords changed without a restart.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use arc_swap::ArcSwap;
use axum::http::HeaderMap;
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tracing::{error, info};

use super::auth::Users;
use super::tls::has_name;
use crate::settings::SettingError;
use crate::settings::web::WebConfig;

/// How often files are looked at.
const LOOK: Duration = Duration::from_millis(500);

/// The settings as they are.
#[derive(Default)]
pub struct Web {
    file: Option<PathBuf>,
    current: ArcSwap<Current>,
    looked: Mutex<Option<(Instant, Stamps)>>,
}

/// Of each file what tells that it has changed.
type Stamps = Vec<(PathBuf, Option<(SystemTime, u64)>)>;

/// What is in use.
#[derive(Default)]
pub(super) struct Current {
    /// TLS, if it is spoken.
    pub tls: Option<TlsAcceptor>,
    allowed_names: Vec<String>,
    /// Who may come in.
    pub users: Option<Users>,
    /// What is sent with every answer.
    pub headers: HeaderMap,
    limiter: Option<DefaultDirectRateLimiter>,
    files: Vec<PathBuf>,
}

impl Current {
    fn new(config: WebConfig) -> Result<Self, String> {
        let WebConfig { tls, users, headers, rate, files } = config;
        let limiter = rate.and_then(|rate| {
            let quota = Quota::with_period(rate.interval)?.allow_burst(rate.burst);
            Some(RateLimiter::direct(quota))
        });
        let allowed_names = tls.as_ref().map(|tls| tls.allowed_names.clone()).unwrap_or_default();
        let tls = tls.map(|tls| tls.build().map(TlsAcceptor::from)).transpose()?;
        let users = (!users.is_empty()).then(|| Users::new(users));
        Ok(Self { tls, allowed_names, users, headers, limiter, files })
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
        let current = Current::new(WebConfig::read(path)?)
            .map_err(|problem| SettingError::new(path.display().to_string(), problem))?;
        let looked = Some((Instant::now(), stamps(&current.files)));
        Ok(Self { file, current: ArcSwap::from_pointee(current), looked: Mutex::new(looked) })
    }

    /// The settings as they are now.
    pub(super) fn current(&self) -> Arc<Current> {
        if let Some(path) = &self.file {
            self.look(path);
        }
        self.current.load_full()
    }

    fn look(&self, path: &std::path::Path) {
        let now = Instant::now();
        let mut looked = self.looked.lock().unwrap_or_else(PoisonError::into_inner);
        let current = self.current.load();
        let known = match &*looked {
            Some((at, _)) if now.duration_since(*at) < LOOK => return,
            Some((_, known)) => known.clone(),
            None => Stamps::new(),
        };
        let files: Vec<PathBuf> = known.iter().map(|(path, _)| path.clone()).collect();
        let seen = stamps(&files);
        if seen == known {
            *looked = Some((now, seen));
            return;
        }
        let read = WebConfig::read(path).map_err(|error| error.to_string()).and_then(Current::new);
        let read = read.and_then(|new| {
            // A file that is half written says less than it should.
            match (
                current.tls.is_some() && new.tls.is_none(),
                current.users.is_some() && new.users.is_none(),
            ) {
                (true, _) => {
                    Err("it has no TLS any more: restart the exporter if that is meant".to_owned())
                }
                (_, true) => {
                    Err("it has no users any more: restart the exporter if that is meant"
                        .to_owned())
                }
                _ => Ok(new),
            }
        });
        match read {
            Ok(new) => {
                info!(file = %path.display(), "the web side's settings were read again");
                *looked = Some((now, stamps(&new.files)));
                self.current.store(Arc::new(new));
            }
            Err(error) => {
                error!(error, "the web side's settings can't be used; those of before stay in use");
                *looked = Some((now, seen));
            }
        }
    }
}

fn stamps(files: &[PathBuf]) -> Stamps {
    let stamp = |path: &PathBuf| {
        let stat = std::fs::metadata(path).ok()?;
        Some((stat.modified().ok()?, stat.len()))
    };
    files.iter().map(|path| (path.clone(), stamp(path))).collect()
}
