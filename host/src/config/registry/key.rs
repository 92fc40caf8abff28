//! Public keys that signatures are verified with.

use std::fmt;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, ParsedPublicKey};
use tokio_rustls::rustls::pki_types::SubjectPublicKeyInfoDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;

use crate::config::parse::Parser;
use crate::config::paths::TextFile;

/// The largest file with a public key.
const MAX_KEY_BYTES: u64 = 64 << 10;

/// A public key as `cosign generate-key-pair` writes it to `cosign.pub`: ECDSA with P-256 and SHA-256.
#[derive(Clone)]
pub struct VerificationKey {
    der: Vec<u8>,
    key: ParsedPublicKey,
}

impl VerificationKey {
    /// Reads a key in PEM format.
    pub fn from_pem(pem: &str) -> Result<Self, String> {
        let der = SubjectPublicKeyInfoDer::from_pem_slice(pem.as_bytes())
            .map_err(|_| "it contains no public key in PEM format".to_owned())?;
        let key = ParsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, der.as_ref())
            .map_err(|_| "its key is not an ECDSA key with the curve P-256".to_owned())?;
        Ok(Self { der: der.as_ref().to_vec(), key })
    }

    /// Whether the owner of the key signed a message. The signature is in ASN.1.
    pub fn has_signed(&self, message: &[u8], signature: &[u8]) -> bool {
        self.key.verify_sig(message, signature).is_ok()
    }
}

impl PartialEq for VerificationKey {
    fn eq(&self, other: &Self) -> bool {
        self.der == other.der
    }
}

impl fmt::Debug for VerificationKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("VerificationKey")
    }
}

/// A file with a public key.
pub(super) struct KeyFile;

impl Parser for KeyFile {
    /// The key: if the file changes, the settings have changed.
    type Value = VerificationKey;

    fn parse(text: &str) -> Result<VerificationKey, String> {
        let file = TextFile::<MAX_KEY_BYTES>::parse(text)?;
        VerificationKey::from_pem(&file.text).map_err(|problem| {
            format!(
                "{}: {problem}; it should be the public key of `cosign generate-key-pair`",
                file.path.display()
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_keys_that_cosign_generates_are_accepted() {
        let pem = "-----BEGIN PUBLIC KEY-----\n\
            MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE7MlgTQBFOQMKVaTBbZ880ZRC0Fmd\n\
            lzPjVdnCal8ON4NJqSS8ftZ93po2h39zP9HKj9OrOv+9xJcWBPZcKynqNQ==\n\
            -----END PUBLIC KEY-----\n";
        assert!(VerificationKey::from_pem(pem).is_ok());
        // Ed25519.
        let other = "-----BEGIN PUBLIC KEY-----\n\
            MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n\
            -----END PUBLIC KEY-----\n";
        assert!(VerificationKey::from_pem(other).unwrap_err().contains("P-256"));
        // A point that is not on the curve.
        let invalid = pem.replace("lzPjVdnC", "AAAAAAAA");
        assert!(VerificationKey::from_pem(&invalid).unwrap_err().contains("P-256"));
        assert!(VerificationKey::from_pem("hunter2").unwrap_err().contains("PEM"));
    }
}
