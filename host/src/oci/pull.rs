//! Requests manifests and blobs, and checks that they are what their digests say.

use bytes::Bytes;
use reqwest::header::HeaderMap;
use reqwest::{Method, StatusCode};

use super::client::{Client, Request, failure, host_of, read};
use super::error::{MANIFEST, OciError};
use super::manifest::{INDEX_TYPE, MANIFEST_TYPE, parse_digest};
use crate::config::{ArtifactReference, Version};
use crate::model::digest::sha256;

/// The largest manifest, as large as registries have to accept.
const MAX_MANIFEST_BYTES: u64 = 4 << 20;
/// What manifests may be. Docker's own type is accepted to say that it is not a mapping.
const MANIFEST_TYPES: &str = "application/vnd.oci.image.manifest.v1+json, \
    application/vnd.oci.image.index.v1+json, \
    application/vnd.docker.distribution.manifest.v2+json, \
    application/vnd.docker.distribution.manifest.list.v2+json";

impl Client {
    /// The digest of the manifest that a reference points to: SHA-256 in hexadecimal. It costs one small
    /// request; for a reference with a digest, none.
    pub(super) async fn resolve(&self, reference: &ArtifactReference) -> Result<String, OciError> {
        if let Version::Digest(digest) = reference.version() {
            return Ok(digest.clone());
        }
        let url = self.url(reference, &manifest_path(reference.version()))?;
        let mut request = Request::get(MANIFEST, url, MANIFEST_TYPES);
        request.method = Method::HEAD;
        let response = self.send(reference, &request).await?;
        match response.status() {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND => return Err(OciError::NotFound),
            _ => return Err(failure(response, MANIFEST).await),
        }
        match digest_header(response.headers()) {
            Some(digest) => Ok(digest),
            // Not every registry sends it.
            None => Ok(sha256([self.manifest(reference).await?])),
        }
    }

    /// The manifest that a reference points to.
    pub(super) async fn manifest(&self, reference: &ArtifactReference) -> Result<Bytes, OciError> {
        let manifest = self.find(reference, MANIFEST_TYPES).await?.ok_or(OciError::NotFound)?;
        match reference.version() {
            Version::Digest(digest) if sha256([&manifest]) != *digest => {
                Err(OciError::Digest { what: MANIFEST })
            }
            _ => Ok(manifest),
        }
    }

    /// A manifest or index, unchecked. `None`: there is none.
    pub(super) async fn find(
        &self,
        reference: &ArtifactReference,
        accept: &str,
    ) -> Result<Option<Bytes>, OciError> {
        let url = self.url(reference, &manifest_path(reference.version()))?;
        self.get(reference, Request::get(MANIFEST, url, accept), MAX_MANIFEST_BYTES).await
    }

    /// The manifests that refer to another one, as an index. `None`: the registry does not know.
    pub(super) async fn referrers(
        &self,
        reference: &ArtifactReference,
        sha256: &str,
    ) -> Result<Option<Bytes>, OciError> {
        let url = self.url(reference, &format!("referrers/sha256:{sha256}"))?;
        self.get(reference, Request::get("referrers", url, INDEX_TYPE), MAX_MANIFEST_BYTES).await
    }

    /// A blob of at most `limit` bytes with this SHA-256. `None`: there is none.
    pub(super) async fn blob(
        &self,
        reference: &ArtifactReference,
        digest: &str,
        limit: u64,
        what: &'static str,
    ) -> Result<Bytes, OciError> {
        let url = self.url(reference, &format!("blobs/sha256:{digest}"))?;
        let request = Request::get(what, url, "*/*");
        let blob = self.get(reference, request, limit).await?.ok_or(OciError::NotFound)?;
        match sha256([&blob]) == digest {
            true => Ok(blob),
            false => Err(OciError::Digest { what }),
        }
    }

    /// The body of a response with the status 200. `None`: 404.
    async fn get(
        &self,
        reference: &ArtifactReference,
        request: Request<'_>,
        limit: u64,
    ) -> Result<Option<Bytes>, OciError> {
        let response = self.send(reference, &request).await?;
        match response.status() {
            StatusCode::OK => Ok(Some(read(response, limit, request.what).await?)),
            StatusCode::NOT_FOUND if host_of(response.url()) == host_of(&request.url) => Ok(None),
            _ => Err(failure(response, request.what).await),
        }
    }
}

pub(super) fn manifest_path(version: &Version) -> String {
    match version {
        Version::Tag(tag) => format!("manifests/{tag}"),
        Version::Digest(digest) => format!("manifests/sha256:{digest}"),
    }
}

/// The digest that a registry says a manifest has.
fn digest_header(headers: &HeaderMap) -> Option<String> {
    let value = headers.get("docker-content-digest")?.to_str().ok()?;
    parse_digest(value).map(str::to_owned)
}

/// What the manifest of a signature may be.
pub(super) const SIGNATURE_TYPES: &str = MANIFEST_TYPE;
