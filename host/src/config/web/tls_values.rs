//! The types of settings in `tls_server_config`.

use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::{CipherSuite, NamedGroup};

use crate::config::parse::Parser;

/// A version of TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd)]
pub(in crate::config) enum TlsVersion {
    Tls12,
    Tls13,
}

/// The parser of [`TlsVersion`].
pub(in crate::config) struct Version;

impl Parser for Version {
    type Value = TlsVersion;

    fn parse(text: &str) -> Result<TlsVersion, String> {
        match text {
            "TLS12" => Ok(TlsVersion::Tls12),
            "TLS13" => Ok(TlsVersion::Tls13),
            "TLS10" | "TLS11" => {
                Err(format!("{text} is not secure and not supported: it should be TLS12 or TLS13"))
            }
            _ => Err(format!("{text:?} is not a version of TLS: it should be TLS12 or TLS13")),
        }
    }
}

/// Whether clients have to present certificates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClientAuth {
    /// None is requested.
    #[default]
    None,
    /// If they present one, it must be valid.
    IfGiven,
    /// They must present a valid one.
    Required,
}

/// The parser of [`ClientAuth`].
pub(super) struct ClientAuthType;

impl Parser for ClientAuthType {
    type Value = ClientAuth;

    fn parse(text: &str) -> Result<ClientAuth, String> {
        match text {
            "NoClientCert" => Ok(ClientAuth::None),
            "VerifyClientCertIfGiven" => Ok(ClientAuth::IfGiven),
            "RequireAndVerifyClientCert" => Ok(ClientAuth::Required),
            "RequestClientCert" | "RequireAnyClientCert" => Err(format!(
                "{text} accepts certificates that are not verified: it should be VerifyClientCertIfGiven or RequireAndVerifyClientCert"
            )),
            _ => Err(format!(
                "{text:?} is not one of NoClientCert, VerifyClientCertIfGiven, RequireAndVerifyClientCert"
            )),
        }
    }
}

/// A cipher suite, by its IANA name.
pub(super) struct Suite;

impl Parser for Suite {
    type Value = CipherSuite;

    fn parse(text: &str) -> Result<CipherSuite, String> {
        // rustls' names differ from IANA's for TLS 1.3 only.
        let name = |suite: CipherSuite| format!("{suite:?}").replace("TLS13_", "TLS_");
        let suites = aws_lc_rs::default_provider().cipher_suites;
        find(text, suites.iter().map(|suite| suite.suite()), name)
    }
}

/// A group for the key exchange, by its name in Go.
pub(super) struct Curve;

impl Parser for Curve {
    type Value = NamedGroup;

    fn parse(text: &str) -> Result<NamedGroup, String> {
        let name = |group: NamedGroup| match group {
            NamedGroup::secp256r1 => "CurveP256".to_owned(),
            NamedGroup::secp384r1 => "CurveP384".to_owned(),
            NamedGroup::secp521r1 => "CurveP521".to_owned(),
            group => format!("{group:?}"),
        };
        find(text, aws_lc_rs::default_provider().kx_groups.iter().map(|group| group.name()), name)
    }
}

fn find<T: Copy>(
    text: &str,
    supported: impl Iterator<Item = T>,
    name: impl Fn(T) -> String,
) -> Result<T, String> {
    let supported: Vec<(String, T)> = supported.map(|value| (name(value), value)).collect();
    match supported.iter().find(|(name, _)| name == text) {
        Some((_, value)) => Ok(*value),
        None => {
            let names: Vec<_> = supported.iter().map(|(name, _)| name.as_str()).collect();
            Err(format!("{text:?} is not one of {}", names.join(", ")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suites_and_curves_have_the_names_that_exporter_toolkit_uses() {
        assert_eq!(
            Suite::parse("TLS_AES_128_GCM_SHA256"),
            Ok(CipherSuite::TLS13_AES_128_GCM_SHA256)
        );
        let suite = "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256";
        assert!(Suite::parse(suite).is_ok());
        assert_eq!(Curve::parse("CurveP256"), Ok(NamedGroup::secp256r1));
        assert_eq!(Curve::parse("X25519"), Ok(NamedGroup::X25519));
        assert!(Suite::parse("RC4").unwrap_err().contains(suite));
        assert!(Curve::parse("P1").unwrap_err().starts_with("\"P1\" is not one of "));
    }

    #[test]
    fn insecure_versions_and_unverified_certificates_are_refused_with_what_would_be_right() {
        assert!(Version::parse("TLS10").unwrap_err().ends_with("it should be TLS12 or TLS13"));
        assert!(Version::parse("SSL3").unwrap_err().ends_with("it should be TLS12 or TLS13"));
        let error = ClientAuthType::parse("RequestClientCert").unwrap_err();
        assert!(error.ends_with("VerifyClientCertIfGiven or RequireAndVerifyClientCert"));
    }
}
