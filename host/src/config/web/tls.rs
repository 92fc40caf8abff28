//! The section `tls_server_config`.

use std::path::PathBuf;
use std::sync::Arc;

use serde::Deserialize;
use tokio_rustls::rustls::crypto::{CryptoProvider, aws_lc_rs};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::server::danger::ClientCertVerifier;
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{
    CipherSuite, NamedGroup, RootCertStore, ServerConfig, SupportedProtocolVersion,
};

use super::tls_values::{ClientAuth, ClientAuthType, Curve, Suite, TlsVersion, Version};
use crate::config::files::Stamp;
use crate::config::parse::{list, optional, section, value};
use crate::config::paths::{Content, TextFile};

/// The largest certificate or key file.
const MAX_PEM_BYTES: u64 = 1 << 20;

/// TLS, ready to be served.
#[derive(Deserialize)]
#[serde(try_from = "TlsSection")]
pub struct Tls {
    /// The configuration of rustls.
    pub server: Arc<ServerConfig>,
    /// Whether clients have to present certificates.
    pub client_auth: ClientAuth,
    /// If not empty, a client's certificate must have one of these names.
    pub allowed_names: Vec<String>,
    /// The files it was read from, and their stamps before they were read.
    pub(super) files: Vec<(PathBuf, Stamp)>,
}

section! {
    struct TlsSection {
        /// The certificate, and those between it and the CA (PEM).
        cert: Option<String> = None,
        /// A file with these.
        #[serde(deserialize_with = "optional::<TextFile<MAX_PEM_BYTES>, _>")]
        cert_file: Option<Content> = None,
        /// The private key (PEM).
        key: Option<String> = None,
        /// A file with it.
        #[serde(deserialize_with = "optional::<TextFile<MAX_PEM_BYTES>, _>")]
        key_file: Option<Content> = None,
        /// The CA certificates of clients (PEM).
        client_ca: Option<String> = None,
        /// A file with these.
        #[serde(deserialize_with = "optional::<TextFile<MAX_PEM_BYTES>, _>")]
        client_ca_file: Option<Content> = None,
        /// Whether clients have to present certificates.
        #[serde(deserialize_with = "value::<ClientAuthType, _>")]
        client_auth_type: ClientAuth = ClientAuth::None,
        /// The names of which a client's certificate must have one.
        client_allowed_sans: Vec<String> = Vec::new(),
        /// The oldest version of TLS.
        #[serde(deserialize_with = "value::<Version, _>")]
        min_version: TlsVersion = TlsVersion::Tls12,
        /// The newest version of TLS.
        #[serde(deserialize_with = "value::<Version, _>")]
        max_version: TlsVersion = TlsVersion::Tls13,
        /// Cipher suites of TLS 1.2 to offer. All secure ones if empty.
        #[serde(deserialize_with = "list::<Suite, _>")]
        cipher_suites: Vec<CipherSuite> = Vec::new(),
        /// Groups for the key exchange to offer. All secure ones if empty.
        #[serde(deserialize_with = "list::<Curve, _>")]
        curve_preferences: Vec<NamedGroup> = Vec::new(),
        /// rustls always uses the server's order. Accepted, so that existing files can be used.
        #[allow(dead_code)]
        prefer_server_cipher_suites: Option<bool> = None,
    }
}

/// The one of two settings that is set.
fn either(
    inline: Option<String>,
    file: Option<Content>,
    name: &str,
    files: &mut Vec<(PathBuf, Stamp)>,
) -> Result<Option<String>, String> {
    match (inline, file) {
        (Some(_), Some(_)) => {
            Err(format!("{name} and {name}_file are both set: it should have only one of them"))
        }
        (inline, None) => Ok(inline),
        (None, Some(Content { path, stamp, text })) => {
            files.push((path, stamp));
            Ok(Some(text))
        }
    }
}

impl TryFrom<TlsSection> for Tls {
    type Error = String;

    /// Mistakes are found now, instead of when the first client connects. No error quotes a key.
    fn try_from(mut section: TlsSection) -> Result<Self, String> {
        let mut files = Vec::new();
        let mut pem = |inline: &mut Option<String>, file: &mut Option<Content>, name: &str| {
            either(inline.take(), file.take(), name, &mut files)
        };
        let certificate = pem(&mut section.cert, &mut section.cert_file, "cert")?;
        let certificate = certificate.ok_or("it has no cert_file, which TLS needs")?;
        let key = pem(&mut section.key, &mut section.key_file, "key")?;
        let key = key.ok_or("it has no key_file, which TLS needs")?;
        let client_ca = pem(&mut section.client_ca, &mut section.client_ca_file, "client_ca")?;
        let provider = Arc::new(section.provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&section.versions())
            .map_err(|error| format!("versions and cipher suites do not match: {error}"))?;
        let builder = match section.client_verifier(client_ca.as_deref(), provider)? {
            None => builder.with_no_client_auth(),
            Some(verifier) => builder.with_client_cert_verifier(verifier),
        };
        let chain = certificates(&certificate).map_err(|error| format!("cert: {error}"))?;
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes())
            .map_err(|_| "key: not a private key in PEM format".to_owned())?;
        let mut server = builder
            .with_single_cert(chain, key)
            .map_err(|error| format!("certificate and key do not match: {error}"))?;
        server.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self {
            server: Arc::new(server),
            client_auth: section.client_auth_type,
            allowed_names: section.client_allowed_sans,
            files,
        })
    }
}

impl TlsSection {
    fn versions(&self) -> Vec<&'static SupportedProtocolVersion> {
        let all = [(TlsVersion::Tls12, &TLS12), (TlsVersion::Tls13, &TLS13)];
        let range = self.min_version..=self.max_version;
        all.into_iter()
            .filter(|(name, _)| range.contains(name))
            .map(|(_, version)| version)
            .collect()
    }

    fn provider(&self) -> CryptoProvider {
        let mut provider = aws_lc_rs::default_provider();
        if !self.cipher_suites.is_empty() {
            // Those of TLS 1.3 are all secure, and cannot be chosen in Go either.
            provider.cipher_suites.retain(|suite| {
                suite.tls13().is_some() || self.cipher_suites.contains(&suite.suite())
            });
        }
        if !self.curve_preferences.is_empty() {
            provider.kx_groups.retain(|group| self.curve_preferences.contains(&group.name()));
        }
        provider
    }

    fn client_verifier(
        &self,
        client_ca: Option<&str>,
        provider: Arc<CryptoProvider>,
    ) -> Result<Option<Arc<dyn ClientCertVerifier>>, String> {
        let unused = |setting: &str| {
            Err(format!(
                "it has {setting}, but client_auth_type requests no certificates: it should be RequireAndVerifyClientCert"
            ))
        };
        match (self.client_auth_type, client_ca) {
            (ClientAuth::None, _) if !self.client_allowed_sans.is_empty() => {
                unused("client_allowed_sans")
            }
            (ClientAuth::None, Some(_)) => unused("client_ca"),
            (ClientAuth::None, None) => Ok(None),
            (_, None) => Err(
                "client_auth_type requests certificates: it needs a client_ca_file to verify them"
                    .to_owned(),
            ),
            (client_auth, Some(pem)) => {
                let wrong = |error: String| format!("client_ca: {error}");
                let mut roots = RootCertStore::empty();
                for certificate in certificates(pem).map_err(wrong)? {
                    roots.add(certificate).map_err(|error| wrong(error.to_string()))?;
                }
                let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider);
                let verifier = match client_auth {
                    ClientAuth::IfGiven => verifier.allow_unauthenticated(),
                    _ => verifier,
                };
                verifier.build().map(Some).map_err(|error| wrong(error.to_string()))
            }
        }
    }
}

fn certificates(pem: &str) -> Result<Vec<CertificateDer<'static>>, String> {
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
    match certificates {
        Ok(list) if list.is_empty() => Err("it contains no certificate in PEM format".to_owned()),
        Ok(list) => Ok(list),
        Err(error) => Err(format!("not a certificate in PEM format ({error})")),
    }
}
