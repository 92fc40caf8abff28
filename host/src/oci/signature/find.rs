//! Finds the signature of a manifest in its repository.

use bytes::Bytes;

use super::{INVALID, Signature};
use crate::config::{ArtifactReference, VerificationKey, Version};
use crate::oci::client::Client;
use crate::oci::error::OciError;
use crate::oci::manifest::{Descriptor, INDEX_TYPE, Index, Manifest};
use crate::oci::pull::SIGNATURE_TYPES;

/// The number of signatures that are looked at: of each kind, the newest.
const MAX_SIGNATURES: usize = 20;
/// The largest payload or bundle.
const MAX_SIGNATURE_BYTES: u64 = 256 << 10;
/// The annotation of a layer with a payload.
const SIGNATURE: &str = "dev.cosignproject.cosign/signature";
/// The type of a payload.
const PAYLOAD_TYPE: &str = "application/vnd.dev.cosign.simplesigning.v1+json";
/// The start of the types of bundles; their version follows.
const BUNDLE_TYPE: &str = "application/vnd.dev.sigstore.bundle.v0.3";

/// Finds a signature of the manifest with this SHA-256 that was made with the key.
pub(in crate::oci) async fn find(
    client: &Client,
    reference: &ArtifactReference,
    sha256: &str,
    key: &VerificationKey,
) -> Result<Signature, OciError> {
    let mut problem = None;
    for layer in simple_signatures(client, reference, sha256).await? {
        match load_simple(client, reference, &layer)
            .await
            .and_then(|signature| check(signature, key, sha256))
        {
            Ok(signature) => return Ok(signature),
            Err(error) if error.is_refusal() => problem = Some(error),
            Err(error) => return Err(error),
        }
    }
    for manifest in referrers(client, reference, sha256).await? {
        match load_bundle(client, reference, &manifest).await {
            Ok(Some(bundle)) => match check(bundle, key, sha256) {
                Ok(signature) => return Ok(signature),
                Err(error) => problem = Some(error),
            },
            // An attestation or the like.
            Ok(None) => {}
            Err(error) if error.is_refusal() => problem = Some(error),
            Err(error) => return Err(error),
        }
    }
    Err(problem.unwrap_or_else(|| OciError::Signature("it has no signature".to_owned())))
}

fn check(signature: Signature, key: &VerificationKey, sha256: &str) -> Result<Signature, OciError> {
    match signature.verify(key, sha256) {
        Ok(()) => Ok(signature),
        Err(problem) => Err(refused(problem)),
    }
}

fn refused(problem: &str) -> OciError {
    OciError::Signature(problem.to_owned())
}

/// The layers with payloads under the tag that cosign derives from the digest.
async fn simple_signatures(
    client: &Client,
    reference: &ArtifactReference,
    sha256: &str,
) -> Result<Vec<Descriptor>, OciError> {
    let tagged = reference.at(Version::Tag(format!("sha256-{sha256}.sig")));
    let Some(manifest) = client.find(&tagged, SIGNATURE_TYPES).await? else {
        return Ok(Vec::new());
    };
    let manifest: Manifest = serde_json::from_slice(&manifest).map_err(|_| refused(INVALID))?;
    let is_payload = |layer: &Descriptor| layer.media_type == PAYLOAD_TYPE;
    let layers = manifest.layers.into_iter().rev().filter(is_payload);
    Ok(layers.take(MAX_SIGNATURES).collect())
}

async fn load_simple(
    client: &Client,
    reference: &ArtifactReference,
    layer: &Descriptor,
) -> Result<Signature, OciError> {
    let signature = layer.annotations.get(SIGNATURE).ok_or_else(|| refused(INVALID))?;
    let payload = text(load(client, reference, layer).await?)?;
    Ok(Signature::SimpleSigning { payload, signature: signature.clone() })
}

/// The manifests that refer to the one with this SHA-256: as the registry lists them, or, if it does not,
/// as clients list them under a tag.
async fn referrers(
    client: &Client,
    reference: &ArtifactReference,
    sha256: &str,
) -> Result<Vec<Descriptor>, OciError> {
    let index = match client.referrers(reference, sha256).await? {
        Some(index) => Some(index),
        None => {
            let tagged = reference.at(Version::Tag(format!("sha256-{sha256}")));
            client.find(&tagged, INDEX_TYPE).await?
        }
    };
    let Some(index) = index else { return Ok(Vec::new()) };
    let index: Index = serde_json::from_slice(&index).map_err(|_| refused(INVALID))?;
    Ok(index.manifests.into_iter().rev().take(MAX_SIGNATURES).collect())
}

/// The bundle of a manifest. `None`: it is something else.
async fn load_bundle(
    client: &Client,
    reference: &ArtifactReference,
    manifest: &Descriptor,
) -> Result<Option<Signature>, OciError> {
    let digest = manifest.sha256().ok_or_else(|| refused(INVALID))?;
    let manifest = client.manifest(&reference.at(Version::Digest(digest.to_owned()))).await;
    let manifest: Manifest = match manifest {
        Ok(manifest) => serde_json::from_slice(&manifest).map_err(|_| refused(INVALID))?,
        // It was deleted.
        Err(OciError::NotFound) => return Ok(None),
        Err(error) => return Err(error),
    };
    let is_bundle = |layer: &&Descriptor| layer.media_type.starts_with(BUNDLE_TYPE);
    let Some(layer) = manifest.layers.iter().find(is_bundle) else { return Ok(None) };
    let bundle = text(load(client, reference, layer).await?)?;
    Ok(Some(Signature::Bundle { bundle }))
}

async fn load(
    client: &Client,
    reference: &ArtifactReference,
    layer: &Descriptor,
) -> Result<Bytes, OciError> {
    let digest = layer.sha256().ok_or_else(|| refused(INVALID))?;
    match client.blob(reference, digest, MAX_SIGNATURE_BYTES, "signature").await {
        Err(OciError::NotFound) => Err(refused(INVALID)),
        loaded => loaded,
    }
}

fn text(bytes: Bytes) -> Result<String, OciError> {
    String::from_utf8(bytes.to_vec()).map_err(|_| refused(INVALID))
}
