//! Sigstore bundles with a DSSE envelope around an in-toto statement.
//!
//! <https://docs.sigstore.dev/about/bundle/>, <https://github.com/secure-systems-lab/dsse>

use std::collections::HashMap;

use serde::Deserialize;

use super::{INVALID, OTHER_DIGEST, OTHER_KEY, decode};
use crate::config::VerificationKey;

/// The type of the signed content.
const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";
const STATEMENT_TYPE: &str = "https://in-toto.io/Statement/v1";
/// What the statement says: that the artifact was signed. Attestations, such as a list of its parts, are
/// no signatures.
const PREDICATE_TYPE: &str = "https://sigstore.dev/cosign/sign/v1";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Bundle {
    dsse_envelope: Envelope,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Envelope {
    payload: String,
    payload_type: String,
    signatures: Vec<EnvelopeSignature>,
}

#[derive(Deserialize)]
struct EnvelopeSignature {
    sig: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Statement {
    #[serde(rename = "_type")]
    kind: String,
    predicate_type: String,
    subject: Vec<Subject>,
}

#[derive(Deserialize)]
struct Subject {
    digest: HashMap<String, String>,
}

/// Checks that the owner of the key signed the manifest with this SHA-256.
pub(super) fn verify(
    bundle: &str,
    key: &VerificationKey,
    sha256: &str,
) -> Result<(), &'static str> {
    let bundle: Bundle = serde_json::from_str(bundle).map_err(|_| INVALID)?;
    let Envelope { payload, payload_type, signatures } = bundle.dsse_envelope;
    // The specification allows several; cosign writes one.
    let [signature] = signatures.as_slice() else { return Err(INVALID) };
    let payload = decode(&payload)?;
    let message = message(&payload_type, &payload);
    if !key.has_signed(&message, &decode(&signature.sig)?) {
        return Err(OTHER_KEY);
    }
    let statement: Statement = serde_json::from_slice(&payload).map_err(|_| INVALID)?;
    let is_signature = payload_type == PAYLOAD_TYPE
        && statement.kind == STATEMENT_TYPE
        && statement.predicate_type == PREDICATE_TYPE;
    if !is_signature {
        return Err(INVALID);
    }
    let is_about = |subject: &Subject| subject.digest.get("sha256").is_some_and(|of| of == sha256);
    match statement.subject.iter().any(is_about) {
        true => Ok(()),
        false => Err(OTHER_DIGEST),
    }
}

/// What is signed: the "pre-authentication encoding" of DSSE.
fn message(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let head = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len());
    [head.as_bytes(), payload].concat()
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    use super::super::tests::{key_pair, sign};
    use super::*;

    #[test]
    fn only_a_statement_that_the_manifest_was_signed_is_accepted() {
        let (pair, key) = key_pair();
        let digest = "a".repeat(64);
        let envelope = |payload_type: &str, payload: &str, signed: &[u8], count: usize| {
            let signature = format!(r#"{{"sig": "{}"}}"#, sign(&pair, signed));
            format!(
                r#"{{"dsseEnvelope": {{"payload": "{}", "payloadType": "{payload_type}", "signatures": [{}]}}}}"#,
                STANDARD.encode(payload),
                vec![signature; count].join(","),
            )
        };
        let statement = |kind: &str, predicate: &str, subject: &str| {
            format!(
                r#"{{"_type": "{kind}", "predicateType": "{predicate}", "subject": {subject}}}"#
            )
        };
        let signed = |payload_type: &str, payload: &str| {
            let message = message(payload_type, payload.as_bytes());
            verify(&envelope(payload_type, payload, &message, 1), &key, &digest)
        };
        let subject = format!(r#"[{{"digest": {{"sha256": "{digest}"}}}}]"#);
        let valid = statement(STATEMENT_TYPE, PREDICATE_TYPE, &subject);
        assert_eq!(signed(PAYLOAD_TYPE, &valid), Ok(()));
        assert_eq!(signed("text/plain", &valid), Err(INVALID));
        let attestation = statement(STATEMENT_TYPE, "https://spdx.dev/Document", &subject);
        assert_eq!(signed(PAYLOAD_TYPE, &attestation), Err(INVALID));
        assert_eq!(
            signed(PAYLOAD_TYPE, &statement("other", PREDICATE_TYPE, &subject)),
            Err(INVALID)
        );
        for subject in ["[]", r#"[{"digest": {}}]"#, r#"[{"digest": {"sha512": "a"}}]"#] {
            let other = statement(STATEMENT_TYPE, PREDICATE_TYPE, subject);
            assert_eq!(signed(PAYLOAD_TYPE, &other), Err(OTHER_DIGEST));
        }
        // A signature over the payload alone, and none or several.
        let alone = envelope(PAYLOAD_TYPE, &valid, valid.as_bytes(), 1);
        assert_eq!(verify(&alone, &key, &digest), Err(OTHER_KEY));
        let whole = message(PAYLOAD_TYPE, valid.as_bytes());
        for count in [0, 2] {
            let several = envelope(PAYLOAD_TYPE, &valid, &whole, count);
            assert_eq!(verify(&several, &key, &digest), Err(INVALID));
        }
        for invalid in ["", "{}", "[]", "null", r#"{"dsseEnvelope": {}}"#] {
            assert_eq!(verify(invalid, &key, &digest), Err(INVALID));
        }
    }
}
