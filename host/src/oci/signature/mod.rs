//! Signatures that cosign makes with a key, and where it puts them.
//!
//! - `simple_signing`: an artifact with the tag `sha256-….sig`: cosign up to version 2;
//! - `bundle`: a Sigstore bundle that refers to the manifest: cosign from version 3 on.
//!
//! Neither needs a transparency log or certificates, as the public key is known. The crate `sigstore`
//! (0.15) calls itself experimental and brings clients for all of these.

mod bundle;
mod find;
mod simple_signing;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

pub(super) use find::find;

use crate::config::VerificationKey;

/// A signature of a manifest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "format", rename_all = "kebab-case")]
pub(super) enum Signature {
    /// A payload, and its signature in base64.
    SimpleSigning { payload: String, signature: String },
    /// A Sigstore bundle.
    Bundle { bundle: String },
}

impl Signature {
    /// Checks that the owner of the key signed the manifest with this SHA-256. The error says what is wrong.
    pub(super) fn verify(&self, key: &VerificationKey, sha256: &str) -> Result<(), &'static str> {
        match self {
            Self::SimpleSigning { payload, signature } => {
                let signature = decode(signature)?;
                // First of all: nothing that is not signed is parsed.
                if !key.has_signed(payload.as_bytes(), &signature) {
                    return Err(OTHER_KEY);
                }
                simple_signing::check(payload, sha256)
            }
            Self::Bundle { bundle } => bundle::verify(bundle, key, sha256),
        }
    }
}

/// The signature was made with another key, or not over this content.
const OTHER_KEY: &str = "its signature was made with another key";
/// The signature is about something else.
const OTHER_DIGEST: &str = "its signature is that of another artifact";
/// The signature can't be read.
const INVALID: &str = "its signature is not valid";

fn decode(base64: &str) -> Result<Vec<u8>, &'static str> {
    STANDARD.decode(base64.trim()).map_err(|_| INVALID)
}

#[cfg(test)]
pub(super) mod tests {
    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};

    use super::*;

    /// What cosign 2.5.0 wrote (`cosign sign --key cosign.key --tlog-upload=false`).
    const COSIGN_2: [&str; 3] = [
        "931beff5437252175f63efefeac07124b98d8c071f0e3f7f7b68d49753205834",
        r#"{"critical":{"identity":{"docker-reference":"127.0.0.1:45871/a/m"},"image":{"docker-manifest-digest":"sha256:931beff5437252175f63efefeac07124b98d8c071f0e3f7f7b68d49753205834"},"type":"cosign container image signature"},"optional":null}"#,
        "MEUCIQDrXVa4fqgUfxZDgIfC33gwIuEo7f0hvLOcF+N8yYm42gIgGbyGjD1fCh5gG14bB/q4eAYDaUd7MjHbU5Gn+5v0rKs=",
    ];
    /// What cosign 3.1.1 wrote.
    const COSIGN_3: [&str; 2] = [
        "7ef58545bb59e81282fa09afe42c38733988628daa22b4cac7c13b2abf3adf0e",
        r#"{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","verificationMaterial":{"publicKey":{"hint":"YkQgyz1+gXxmgj0Mngr0Ogm2Qu3f2UOksd3jqgVR4Ic="}},"dsseEnvelope":{"payload":"eyJfdHlwZSI6Imh0dHBzOi8vaW4tdG90by5pby9TdGF0ZW1lbnQvdjEiLCJzdWJqZWN0IjpbeyJkaWdlc3QiOnsic2hhMjU2IjoiN2VmNTg1NDViYjU5ZTgxMjgyZmEwOWFmZTQyYzM4NzMzOTg4NjI4ZGFhMjJiNGNhYzdjMTNiMmFiZjNhZGYwZSJ9LCJhbm5vdGF0aW9ucyI6e319XSwicHJlZGljYXRlVHlwZSI6Imh0dHBzOi8vc2lnc3RvcmUuZGV2L2Nvc2lnbi9zaWduL3YxIiwicHJlZGljYXRlIjp7fX0=","payloadType":"application/vnd.in-toto+json","signatures":[{"sig":"MEUCIARKXLZ08Xrxwhaanwaj+6QHH90E8vOAdle3qJvoMxfjAiEA3XJkvZIZl4ta3KJKKBfbO2wanrbaJElwlFEWUvJ8+bk="}]}}"#,
    ];
    /// The public key of both.
    const PUBLIC_KEY: &str = "-----BEGIN PUBLIC KEY-----\n\
        MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE7MlgTQBFOQMKVaTBbZ880ZRC0Fmd\n\
        lzPjVdnCal8ON4NJqSS8ftZ93po2h39zP9HKj9OrOv+9xJcWBPZcKynqNQ==\n\
        -----END PUBLIC KEY-----\n";

    /// A new key pair.
    pub(in crate::oci) fn key_pair() -> (EcdsaKeyPair, VerificationKey) {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap();
        // The head of a P-256 key in DER, before the point.
        let mut der = vec![
            0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06,
            0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
        ];
        der.extend_from_slice(pair.public_key().as_ref());
        let pem = format!(
            "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
            STANDARD.encode(der)
        );
        (pair, VerificationKey::from_pem(&pem).unwrap())
    }

    pub(in crate::oci) fn sign(pair: &EcdsaKeyPair, message: &[u8]) -> String {
        STANDARD.encode(pair.sign(&SystemRandom::new(), message).unwrap())
    }

    fn cosign_2() -> Signature {
        let [_, payload, signature] = COSIGN_2.map(str::to_owned);
        Signature::SimpleSigning { payload, signature }
    }

    fn cosign_3() -> Signature {
        Signature::Bundle { bundle: COSIGN_3[1].to_owned() }
    }

    #[test]
    fn what_cosign_signs_is_accepted_for_its_own_manifest_and_key_only() {
        let key = VerificationKey::from_pem(PUBLIC_KEY).unwrap();
        let (_, other_key) = key_pair();
        for (signature, digest, other) in
            [(cosign_2(), COSIGN_2[0], COSIGN_3[0]), (cosign_3(), COSIGN_3[0], COSIGN_2[0])]
        {
            assert_eq!(signature.verify(&key, digest), Ok(()));
            assert_eq!(signature.verify(&key, other), Err(OTHER_DIGEST));
            assert_eq!(signature.verify(&other_key, digest), Err(OTHER_KEY));
        }
    }

    #[test]
    fn a_signature_of_which_any_byte_has_changed_is_refused() {
        let key = VerificationKey::from_pem(PUBLIC_KEY).unwrap();
        let [digest, payload, signature] = COSIGN_2;
        let is_valid = |payload: &str, signature: &str| {
            let (payload, signature) = (payload.to_owned(), signature.to_owned());
            Signature::SimpleSigning { payload, signature }.verify(&key, digest).is_ok()
        };
        for at in 0..payload.len() {
            let mut changed = payload.as_bytes().to_vec();
            changed[at] ^= 1;
            assert!(!is_valid(&String::from_utf8(changed).unwrap(), signature), "{at}");
        }
        let bytes = STANDARD.decode(signature).unwrap();
        for bit in 0..bytes.len() * 8 {
            let mut changed = bytes.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(!is_valid(payload, &STANDARD.encode(changed)), "{bit}");
        }
        for end in 0..bytes.len() {
            assert!(!is_valid(payload, &STANDARD.encode(&bytes[..end])), "{end}");
        }
        for invalid in ["", "hunter2", "\u{0}", "====", "MEUCIQ"] {
            assert!(!is_valid(payload, invalid), "{invalid}");
        }
    }

    #[test]
    fn a_signature_over_something_else_than_a_manifest_does_not_count() {
        let (pair, key) = key_pair();
        let digest = "a".repeat(64);
        let kind = "cosign container image signature";
        let signed = |payload: &str| {
            let (payload, signature) = (payload.to_owned(), sign(&pair, payload.as_bytes()));
            Signature::SimpleSigning { payload, signature }.verify(&key, &digest)
        };
        let payload = |kind: &str, digest: &str| {
            format!(
                r#"{{"critical": {{"type": "{kind}", "image": {{"docker-manifest-digest": "{digest}"}}}}}}"#
            )
        };
        let whole = format!("sha256:{digest}");
        assert_eq!(signed(&payload(kind, &whole)), Ok(()));
        assert_eq!(signed(&payload("another type", &whole)), Err(INVALID));
        assert_eq!(signed(&payload(kind, &digest)), Err(OTHER_DIGEST));
        for other in ["", "{}", "[]", "null", r#"{"critical": {}}"#] {
            assert!(signed(other).is_err(), "{other}");
        }
    }
}
