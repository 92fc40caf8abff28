//! A certificate authority.

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, IsCa, KeyPair,
};

use crate::transcript::keep_secret;

/// A certificate authority.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}

impl Authority {
    /// A new authority.
    pub fn new() -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, key());
        Self(issuer.unwrap_or_else(|error| panic!("{error}")))
    }

    /// Its own certificate, as PEM.
    pub fn pem(&self) -> String {
        self.0.pem()
    }

    /// A certificate for these names and its key, as PEM. It is valid for `days` from now; if negative, it
    /// expired that many days ago.
    pub fn sign(&self, names: &[&str], days: i64) -> (String, String) {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap_or_else(|error| panic!("{error}"));
        let date_in = |days: i64| {
            let day = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
            let day = day.saturating_add(jiff::SignedDuration::from_hours(24 * days));
            rcgen::date_time_ymd(day.year().into(), day.month() as u8, day.day() as u8)
        };
        params.not_before = date_in(days.min(0) - 30);
        params.not_after = date_in(days);
        let key = key();
        let certificate = params.signed_by(&key, &self.0).unwrap_or_else(|error| panic!("{error}"));
        let private = key.serialize_pem();
        keep_secret(private.lines().nth(1).unwrap_or_default());
        (certificate.pem(), private)
    }
}

fn key() -> KeyPair {
    KeyPair::generate().unwrap_or_else(|error| panic!("{error}"))
}
