//! One check of a source: whether it has another mapping than the one that is known, and if so, that one.

use super::client::Client;
use super::error::{LAYER, OciError};
use super::manifest::Layer;
use super::pulled::{Content, Pulled};
use super::signature;
use crate::config::{ArtifactReference, Version};

/// What is known of a source.
#[derive(Clone, Debug, Default)]
pub(super) struct Known {
    /// What was pulled last.
    pub pulled: Option<Pulled>,
    /// The SHA-256 of a manifest that was refused, and why. It is not downloaded again.
    pub refused: Option<(String, OciError)>,
}

/// What a check has found.
pub(super) enum Found {
    /// What is known is still current.
    Unchanged,
    /// Something else, which is accepted.
    New(Pulled),
}

/// Checks a source. The error notes what is refused in `known`.
pub(super) async fn check(
    client: &Client,
    reference: &ArtifactReference,
    known: &mut Known,
) -> Result<Found, OciError> {
    let options = client.options();
    let host = reference.host().to_owned();
    let timeout = OciError::Timeout { host, limit: options.timeout };
    let checked = tokio::time::timeout(options.timeout, find_new(client, reference, known)).await;
    checked.map_err(|_| timeout)?
}

async fn find_new(
    client: &Client,
    reference: &ArtifactReference,
    known: &mut Known,
) -> Result<Found, OciError> {
    let key = client.options().key.as_ref();
    let sha256 = client.resolve(reference).await?;
    let current = known.pulled.as_ref().filter(|pulled| pulled.manifest_sha256 == sha256);
    if current.is_some_and(|pulled| pulled.is_verified(key)) {
        known.refused = None;
        return Ok(Found::Unchanged);
    }
    if let Some((_, error)) = known.refused.as_ref().filter(|(refused, _)| *refused == sha256) {
        return Err(error.clone());
    }
    let found = pull(client, &reference.at(Version::Digest(sha256.clone())), known).await;
    match &found {
        // It may be signed later.
        Err(error) if error.is_refusal() && !matches!(error, OciError::Signature(_)) => {
            known.refused = Some((sha256, error.clone()));
        }
        _ => known.refused = None,
    }
    found.map(Found::New)
}

/// Pulls the manifest with a digest, its signature and its layer, each only if what precedes it is accepted.
async fn pull(
    client: &Client,
    reference: &ArtifactReference,
    known: &Known,
) -> Result<Pulled, OciError> {
    let options = client.options();
    let manifest = client.manifest(reference).await?;
    let layer = Layer::of(&manifest, options.max_file_bytes)?;
    let signature = match (&options.key, reference.version()) {
        (Some(key), Version::Digest(sha256)) => {
            Some(signature::find(client, reference, sha256, key).await?)
        }
        _ => None,
    };
    let content = known.pulled.as_ref().filter(|pulled| pulled.layer == layer);
    let content = match content {
        Some(pulled) => pulled.content.clone(),
        None => {
            let pulled = client.blob(reference, &layer.sha256, layer.size, LAYER).await;
            let bytes = pulled.map_err(|error| match error {
                // Larger than the manifest says.
                OciError::TooLarge { .. } => OciError::Digest { what: LAYER },
                error => error,
            })?;
            if bytes.len() as u64 != layer.size {
                return Err(OciError::Digest { what: LAYER });
            }
            Content::Memory(bytes)
        }
    };
    Ok(Pulled::new(manifest, layer, signature, content))
}
