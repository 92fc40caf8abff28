//! The section `tls_config`.

use std::path::{Path, PathBuf};

use reqwest::tls::Version as Minimum;
use reqwest::{Certificate, Identity};
use serde::Deserialize;

use crate::config::files::{Stamp, read_bounded, stamp};
use crate::config::parse::{Parser, optional, section};
use crate::config::paths::PemFile;
use crate::config::web::tls_values::{TlsVersion, Version};
use crate::model::Secret;

/// The largest certificate or key file.
const MAX_PEM_BYTES: u64 = 4 << 20;

/// How a server is authenticated, and how the exporter authenticates itself with a certificate.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(try_from = "TlsSection")]
pub struct TlsSettings {
    /// The CA certificates to trust instead of the system's.
    pub ca: Option<Pem>,
    /// The client certificate, with those between it and the CA, and its key.
    pub identity: Option<(Pem, Pem)>,
    /// Whether any certificate of the server is accepted.
    pub insecure_skip_verify: bool,
    /// The oldest version of TLS. TLS 1.2 if not set.
    pub min_version: Option<Minimum>,
}

/// Text in PEM format. It may contain a private key.
#[derive(Clone, Debug, PartialEq)]
pub enum Pem {
    /// The settings contain it.
    Text(Secret),
    /// A file contains it, which may change at any time.
    File(PathBuf),
}

/// The certificates and keys of [`TlsSettings`], checked.
pub struct TlsFiles {
    /// The CA certificates to trust instead of the system's, if any.
    pub ca: Option<Vec<Certificate>>,
    /// The client certificate with its key, if any.
    pub identity: Option<Identity>,
    /// What tells whether the files have changed: their stamps before they were read.
    pub stamps: Vec<Stamp>,
}

impl TlsSettings {
    /// The files.
    pub(super) fn files(&self) -> impl Iterator<Item = &Path> {
        let identity = self.identity.iter().flat_map(|(cert, key)| [cert, key]);
        self.ca.iter().chain(identity).filter_map(|pem| match pem {
            Pem::Text(_) => None,
            Pem::File(path) => Some(path.as_path()),
        })
    }

    /// The stamps of the files. It blocks.
    pub fn stamps(&self) -> Vec<Stamp> {
        self.files().map(stamp).collect()
    }

    /// Reads and checks the files, which blocks. No error quotes a key.
    pub fn read(&self) -> Result<TlsFiles, String> {
        let stamps = self.stamps();
        let ca = self.ca.as_ref().map(|ca| {
            let wrong = |problem: &str| format!("ca{}: {problem}", ca.place());
            match Certificate::from_pem_bundle(&ca.read()?) {
                Ok(certificates) if !certificates.is_empty() => Ok(certificates),
                _ => Err(wrong("it contains no certificate in PEM format")),
            }
        });
        let identity = self.identity.as_ref().map(|(cert, key)| {
            let pem = [cert.read()?, b"\n".to_vec(), key.read()?].concat();
            Identity::from_pem(&pem).map_err(|_| {
                let places = (cert.place(), key.place());
                format!(
                    "cert{} and key{}: not a certificate and its private key in PEM format",
                    places.0, places.1
                )
            })
        });
        Ok(TlsFiles { ca: ca.transpose()?, identity: identity.transpose()?, stamps })
    }
}

impl Pem {
    fn read(&self) -> Result<Vec<u8>, String> {
        match self {
            Self::Text(text) => Ok(text.expose().as_bytes().to_vec()),
            Self::File(path) => read_bounded(path, MAX_PEM_BYTES),
        }
    }

    fn place(&self) -> String {
        match self {
            Self::Text(_) => String::new(),
            Self::File(path) => format!("_file: {}", path.display()),
        }
    }
}

section! {
    struct TlsSection {
        /// The CA certificates to trust instead of the system's (PEM).
        ca: Option<String> = None,
        /// A file with these.
        #[serde(deserialize_with = "optional::<PemFile, _>")]
        ca_file: Option<PathBuf> = None,
        /// The client certificate, and those between it and the CA (PEM).
        cert: Option<String> = None,
        /// A file with these.
        #[serde(deserialize_with = "optional::<PemFile, _>")]
        cert_file: Option<PathBuf> = None,
        /// Its private key (PEM).
        key: Option<String> = None,
        /// A file with it.
        #[serde(deserialize_with = "optional::<PemFile, _>")]
        key_file: Option<PathBuf> = None,
        /// The HTTP client always uses the host of the URL.
        #[serde(deserialize_with = "optional::<ServerName, _>")]
        #[allow(dead_code)]
        server_name: Option<()> = None,
        /// Whether any certificate of the server is accepted.
        insecure_skip_verify: bool = false,
        /// The oldest version of TLS.
        #[serde(deserialize_with = "optional::<Version, _>")]
        min_version: Option<TlsVersion> = None,
    }
}

/// A name to check the server's certificate for.
struct ServerName;

impl Parser for ServerName {
    type Value = ();

    fn parse(_: &str) -> Result<(), String> {
        Err("not supported: the certificate must be valid for the host in the URL (remove the key, and use a host name in the URL that the certificate is valid for)".to_owned())
    }
}

/// The one of two settings that is set.
fn either(name: &str, text: Option<String>, file: Option<PathBuf>) -> Result<Option<Pem>, String> {
    match (text, file) {
        (Some(_), Some(_)) => {
            Err(format!("{name} and {name}_file are both set: it should have only one of them"))
        }
        (Some(text), None) => Ok(Some(Pem::Text(Secret::new(text)))),
        (None, file) => Ok(file.map(Pem::File)),
    }
}

impl TryFrom<TlsSection> for TlsSettings {
    type Error = String;

    /// Mistakes are found now, instead of when the first request is sent.
    fn try_from(section: TlsSection) -> Result<Self, String> {
        let ca = either("ca", section.ca, section.ca_file)?;
        let cert = either("cert", section.cert, section.cert_file)?;
        let key = either("key", section.key, section.key_file)?;
        let identity = match (cert, key) {
            (Some(cert), Some(key)) => Some((cert, key)),
            (None, None) => None,
            (Some(_), None) => return Err("it has a cert, but no key or key_file".to_owned()),
            (None, Some(_)) => return Err("it has a key, but no cert or cert_file".to_owned()),
        };
        let min_version = section.min_version.map(|version| match version {
            TlsVersion::Tls12 => Minimum::TLS_1_2,
            TlsVersion::Tls13 => Minimum::TLS_1_3,
        });
        let insecure_skip_verify = section.insecure_skip_verify;
        let settings = Self { ca, identity, insecure_skip_verify, min_version };
        settings.read()?;
        Ok(settings)
    }
}
