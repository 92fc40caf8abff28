//! The payload that cosign signs.
//!
//! <https://github.com/sigstore/cosign/blob/main/specs/SIGNATURE_SPEC.md>

use serde::Deserialize;

use super::{INVALID, OTHER_DIGEST};

/// What the payload says that it is.
const KIND: &str = "cosign container image signature";

#[derive(Deserialize)]
struct Payload {
    critical: Critical,
}

#[derive(Deserialize)]
struct Critical {
    image: Image,
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Deserialize)]
struct Image {
    #[serde(rename = "docker-manifest-digest")]
    digest: String,
}

/// Checks that a payload, whose signature is valid, is about the manifest with this SHA-256. The name that
/// it was signed under is not checked, so that an artifact can be copied to another registry: cosign
/// doesn't either.
pub(super) fn check(payload: &str, sha256: &str) -> Result<(), &'static str> {
    let payload: Payload = serde_json::from_str(payload).map_err(|_| INVALID)?;
    if payload.critical.kind != KIND {
        return Err(INVALID);
    }
    match payload.critical.image.digest == format!("sha256:{sha256}") {
        true => Ok(()),
        false => Err(OTHER_DIGEST),
    }
}
