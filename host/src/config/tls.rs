//! TLS of the web side.

use std::sync::Arc;

use tokio_rustls::rustls::crypto::{CryptoProvider, aws_lc_rs};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{RootCertStore, ServerConfig, SupportedProtocolVersion};
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::model::Secret;

/// A version of TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd)]
pub enum TlsVersion {
    /// 1.2
    Tls12,
    /// 1.3
    Tls13,
}

/// Whether clients show certificates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClientAuth {
    /// They are not asked for one.
    #[default]
    None,
    /// One that they show must be good.
    IfGiven,
    /// They must show a good one.
    Required,
}

/// What TLS is made of: the texts of files, in PEM form.
#[derive(Clone)]
pub struct TlsFiles {
    /// The certificate, and those between it and the authority.
    pub certificate: String,
    /// Its private key.
    pub private_key: Secret,
    /// The authorities of clients.
    pub client_ca: Option<String>,
    /// Whether clients show certificates.
    pub client_auth: ClientAuth,
    /// The names that a client's certificate must have one of, if any are given.
    pub allowed_names: Vec<String>,
    /// The oldest version.
    pub min_version: Option<TlsVersion>,
    /// The newest version.
    pub max_version: Option<TlsVersion>,
    /// Cipher suites, by the names of IANA. All good ones if none are named.
    pub cipher_suites: Vec<String>,
    /// Groups for the key exchange, by Go's names. All good ones if none are named.
    pub curves: Vec<String>,
}

/// TLS, ready to be spoken.
pub struct Tls {
    /// How it is spoken.
    pub server: Arc<ServerConfig>,
    /// Whether clients show certificates.
    pub client_auth: ClientAuth,
    /// The names that a client's certificate must have one of, if any are given.
    pub allowed_names: Vec<String>,
}

impl TlsFiles {
    /// Makes a server of it. The error says what is wrong, without quoting a key.
    pub fn build(&self) -> Result<Tls, String> {
        let provider = Arc::new(self.provider()?);
        let (min, max) = (
            self.min_version.unwrap_or(TlsVersion::Tls12),
            self.max_version.unwrap_or(TlsVersion::Tls13),
        );
        let all: [(TlsVersion, &SupportedProtocolVersion); 2] =
            [(TlsVersion::Tls12, &TLS12), (TlsVersion::Tls13, &TLS13)];
        let versions: Vec<&SupportedProtocolVersion> =
            all.into_iter().filter(|(of, _)| (min..=max).contains(of)).map(|(_, it)| it).collect();
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider));
        let builder = builder
            .with_protocol_versions(&versions)
            .map_err(|error| format!("versions and cipher suites don't go together: {error}"))?;
        if self.client_auth == ClientAuth::None && !self.allowed_names.is_empty() {
            return Err("it has client_allowed_sans, and client_auth_type does not ask for certificates: it should be RequireAndVerifyClientCert".to_owned());
        }
        let builder = match (self.client_auth, &self.client_ca) {
            (ClientAuth::None, None) => builder.with_no_client_auth(),
            (ClientAuth::None, Some(_)) => {
                return Err("it has a client_ca, and client_auth_type does not ask for certificates: it should be RequireAndVerifyClientCert".to_owned());
            }
            (_, None) => {
                return Err("client_auth_type asks for certificates: it needs a client_ca_file to verify them with".to_owned());
            }
            (auth, Some(authorities)) => {
                let verifier = WebPkiClientVerifier::builder_with_provider(
                    roots(authorities)?.into(),
                    provider,
                );
                let verifier = match auth {
                    ClientAuth::IfGiven => verifier.allow_unauthenticated(),
                    _ => verifier,
                };
                let verifier = verifier.build().map_err(|error| format!("client_ca: {error}"))?;
                builder.with_client_cert_verifier(verifier)
            }
        };
        let chain = certificates(&self.certificate).map_err(|error| format!("cert: {error}"))?;
        let key = PrivateKeyDer::from_pem_slice(self.private_key.expose().as_bytes())
            .map_err(|_| "key: it is no private key in PEM form".to_owned())?;
        let mut config = builder
            .with_single_cert(chain, key)
            .map_err(|error| format!("the certificate and the key don't go together: {error}"))?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let (client_auth, allowed_names) = (self.client_auth, self.allowed_names.clone());
        Ok(Tls { server: Arc::new(config), client_auth, allowed_names })
    }

    fn provider(&self) -> Result<CryptoProvider, String> {
        let mut provider = aws_lc_rs::default_provider();
        if !self.cipher_suites.is_empty() {
            let name = |debug: String| debug.replace("TLS13_", "TLS_");
            let known: Vec<String> = provider
                .cipher_suites
                .iter()
                .map(|suite| name(format!("{:?}", suite.suite())))
                .collect();
            if let Some(unknown) = self.cipher_suites.iter().find(|suite| !known.contains(suite)) {
                return Err(format!("cipher_suites: {unknown:?} is none of {}", known.join(", ")));
            }
            // Those of 1.3 are all good, and can't be chosen with Go either.
            provider.cipher_suites.retain(|suite| {
                suite.tls13().is_some()
                    || self.cipher_suites.contains(&name(format!("{:?}", suite.suite())))
            });
        }
        if !self.curves.is_empty() {
            let name = |debug: String| match debug.as_str() {
                "secp256r1" => "CurveP256".to_owned(),
                "secp384r1" => "CurveP384".to_owned(),
                "secp521r1" => "CurveP521".to_owned(),
                _ => debug,
            };
            let known: Vec<String> = provider
                .kx_groups
                .iter()
                .map(|group| name(format!("{:?}", group.name())))
                .collect();
            if let Some(unknown) = self.curves.iter().find(|curve| !known.contains(curve)) {
                return Err(format!(
                    "curve_preferences: {unknown:?} is none of {}",
                    known.join(", ")
                ));
            }
            provider
                .kx_groups
                .retain(|group| self.curves.contains(&name(format!("{:?}", group.name()))));
        }
        Ok(provider)
    }
}

fn certificates(pem: &str) -> Result<Vec<CertificateDer<'static>>, String> {
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
    let read = read.map_err(|error| format!("it is no certificate in PEM form ({error})"))?;
    match read.is_empty() {
        true => Err("there is no certificate in PEM form in it".to_owned()),
        false => Ok(read),
    }
}

fn roots(pem: &str) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(pem).map_err(|error| format!("client_ca: {error}"))? {
        roots.add(certificate).map_err(|error| format!("client_ca: {error}"))?;
    }
    Ok(roots)
}

/// Whether a client's certificate has one of the names: of a host, an address, a mailbox or a URI.
pub(super) fn has_name(certificate: &CertificateDer<'_>, names: &[String]) -> bool {
    let Ok((_, certificate)) = X509Certificate::from_der(certificate) else { return false };
    let Ok(Some(alternative)) = certificate.subject_alternative_name() else { return false };
    alternative.value.general_names.iter().any(|name| {
        let text = match name {
            GeneralName::DNSName(text) | GeneralName::RFC822Name(text) | GeneralName::URI(text) => {
                (*text).to_owned()
            }
            GeneralName::IPAddress(bytes) => match <[u8; 4]>::try_from(*bytes) {
                Ok(four) => std::net::Ipv4Addr::from(four).to_string(),
                Err(_) => match <[u8; 16]>::try_from(*bytes) {
                    Ok(sixteen) => std::net::Ipv6Addr::from(sixteen).to_string(),
                    Err(_) => return false,
                },
            },
            _ => return false,
        };
        names.contains(&text)
    })
}
