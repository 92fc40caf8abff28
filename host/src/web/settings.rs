//! The web settings in use: TLS, users, headers and the rate limit.

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use axum::http::HeaderMap;
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::CertificateDer;

use super::auth::Users;
use crate::config::Stamp;
use crate::config::web::{ClientAuth, Rate, WebConfig, has_name};

/// The longest time that a full burst may stand for: the limiter counts nanoseconds in 64 bits, which are
/// 584 years.
const MAX_BURST_TIME: Duration = Duration::from_secs(200 * 365 * 24 * 3600);

/// The web settings in use. They never change: others replace them.
#[derive(Default)]
pub(super) struct WebSettings {
    /// TLS. Without it, connections are plain HTTP.
    pub tls: Option<TlsAcceptor>,
    client_auth: ClientAuth,
    allowed_names: Vec<String>,
    /// The users. Without them, anyone is admitted.
    pub users: Option<Users>,
    /// The headers of every response.
    pub headers: HeaderMap,
    limiter: Option<DefaultDirectRateLimiter>,
    /// The files that they were read from, as they were then.
    pub files: Vec<(PathBuf, Stamp)>,
}

impl WebSettings {
    /// Puts a web config file into use.
    pub(super) fn new(config: WebConfig) -> Self {
        let WebConfig { tls, users, headers, rate, files } = config;
        let limiter = rate.and_then(|Rate { interval, burst }| {
            let quota = Quota::with_period(interval)?.allow_burst(burst.min(max_burst(interval)));
            Some(RateLimiter::direct(quota))
        });
        let (tls, client_auth, allowed_names) = match tls {
            Some(tls) => (Some(tls.server.into()), tls.client_auth, tls.allowed_names),
            None => Default::default(),
        };
        let users = (!users.is_empty()).then(|| Users::new(users));
        Self { tls, client_auth, allowed_names, users, headers, limiter, files }
    }

    /// Remembers what is known about the passwords of earlier settings.
    pub(super) fn remember(&mut self, earlier: &Self) {
        if let (Some(users), Some(earlier)) = (&mut self.users, &earlier.users) {
            users.remember(earlier);
        }
    }

    /// A protection that `previous` has and these settings lack. A file that is read while it is
    /// written may lack anything.
    pub(super) fn missing_protection(&self, previous: &Self) -> Option<&'static str> {
        let pairs = previous.protections().into_iter().zip(self.protections());
        let mut missing = pairs.filter(|((_, had), (_, has))| *had && !has);
        missing.next().map(|((name, _), _)| name)
    }

    /// What keeps others out, and whether it is on.
    fn protections(&self) -> [(&'static str, bool); 4] {
        [
            ("tls_server_config", self.tls.is_some()),
            ("basic_auth_users", self.users.is_some()),
            ("required client certificates", self.client_auth == ClientAuth::Required),
            ("client_allowed_sans", !self.allowed_names.is_empty()),
        ]
    }

    /// Whether the rate limit admits another request now.
    pub(super) fn admits_request(&self) -> bool {
        self.limiter.as_ref().is_none_or(|limiter| limiter.check().is_ok())
    }

    /// Whether a client with this certificate is admitted.
    pub(super) fn admits_certificate(&self, certificate: Option<&CertificateDer<'_>>) -> bool {
        self.allowed_names.is_empty()
            || certificate.is_some_and(|certificate| has_name(certificate, &self.allowed_names))
    }
}

fn max_burst(interval: Duration) -> NonZeroU32 {
    let requests = MAX_BURST_TIME.as_nanos().checked_div(interval.as_nanos()).unwrap_or_default();
    u32::try_from(requests)
        .ok()
        .map_or(NonZeroU32::MAX, |requests| NonZeroU32::new(requests).unwrap_or(NonZeroU32::MIN))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_burst_of_the_longest_interval_can_be_counted() {
        for interval in [Duration::from_millis(1), Duration::from_secs(24 * 3600)] {
            let burst = NonZeroU32::new(1_000_000).unwrap();
            let rate = Some(Rate { interval, burst });
            let settings = WebSettings::new(WebConfig { rate, ..WebConfig::default() });
            assert!((0..1000).all(|_| settings.admits_request()), "{interval:?}");
        }
    }
}
