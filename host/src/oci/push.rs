//! Pushes a mapping as a WebAssembly artifact.

use std::collections::BTreeMap;

use bytes::Bytes;
use jiff::{Timestamp, Unit};
use reqwest::{Method, StatusCode};
use serde::Serialize;

use super::authorization::Access;
use super::client::{Client, Request, failure, location};
use super::error::{LAYER, MANIFEST, OciError};
use super::manifest::{CONFIG_TYPE, Descriptor, LAYER_TYPE, MANIFEST_TYPE, Manifest};
use super::pull::manifest_path;
use crate::config::{ArtifactReference, Version};
use crate::model::digest::sha256;

/// The type of the content of an upload.
const BINARY: &str = "application/octet-stream";

/// A mapping to push.
pub struct Artifact {
    /// The component.
    pub component: Bytes,
    /// The names of its imports.
    pub imports: Vec<String>,
    /// The names of its exports.
    pub exports: Vec<String>,
    /// The mapping's name.
    pub name: String,
    /// The mapping's version.
    pub version: String,
}

/// The configuration of a WebAssembly artifact.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Config<'a> {
    created: Timestamp,
    architecture: &'static str,
    os: &'static str,
    layer_digests: [String; 1],
    component: Component<'a>,
}

#[derive(Serialize)]
struct Component<'a> {
    exports: &'a [String],
    imports: &'a [String],
    target: Option<String>,
}

impl Client {
    /// Pushes a mapping under the tag of a reference. Returns the reference with the digest of its
    /// manifest.
    pub async fn push(
        &self,
        reference: &ArtifactReference,
        artifact: &Artifact,
    ) -> Result<ArtifactReference, OciError> {
        let layer = descriptor(LAYER_TYPE, &artifact.component);
        let created = Timestamp::now().round(Unit::Second).unwrap_or_default();
        let config = Config {
            created,
            architecture: "wasm",
            os: "wasip2",
            layer_digests: [layer.digest.clone()],
            component: Component {
                exports: &artifact.exports,
                imports: &artifact.imports,
                target: None,
            },
        };
        let config: Bytes = json(&config).into();
        let annotations = [
            ("org.opencontainers.image.title", &artifact.name),
            ("org.opencontainers.image.version", &artifact.version),
        ];
        let annotations: BTreeMap<String, String> =
            annotations.map(|(name, value)| (name.to_owned(), value.clone())).into();
        let manifest = Manifest {
            schema_version: 2,
            media_type: Some(MANIFEST_TYPE.to_owned()),
            artifact_type: None,
            config: descriptor(CONFIG_TYPE, &config),
            layers: vec![layer],
            annotations,
        };
        let manifest: Bytes = json(&manifest).into();
        for blob in [artifact.component.clone(), config] {
            self.push_blob(reference, blob).await?;
        }
        let url = self.url(reference, &manifest_path(reference.version()))?;
        let digest = sha256([&manifest]);
        let request = upload(MANIFEST, Method::PUT, url, Some((manifest, MANIFEST_TYPE)));
        let response = self.send(reference, &request).await?;
        match response.status() {
            StatusCode::CREATED => Ok(reference.at(Version::Digest(digest))),
            _ => Err(failure(response, MANIFEST).await),
        }
    }

    /// Uploads a blob, unless the registry has it.
    async fn push_blob(&self, reference: &ArtifactReference, blob: Bytes) -> Result<(), OciError> {
        let digest = format!("sha256:{}", sha256([&blob]));
        let url = self.url(reference, &format!("blobs/{digest}"))?;
        let request = upload(LAYER, Method::HEAD, url, None);
        if self.send(reference, &request).await?.status() == StatusCode::OK {
            return Ok(());
        }
        let url = self.url(reference, "blobs/uploads/")?;
        let request = upload(LAYER, Method::POST, url, Some((Bytes::new(), BINARY)));
        let response = self.send(reference, &request).await?;
        if response.status() != StatusCode::ACCEPTED {
            return Err(failure(response, LAYER).await);
        }
        let mut url = location(&response)?;
        url.query_pairs_mut().append_pair("digest", &digest);
        let request = upload(LAYER, Method::PUT, url, Some((blob, BINARY)));
        let response = self.send(reference, &request).await?;
        match response.status() {
            StatusCode::CREATED => Ok(()),
            _ => Err(failure(response, LAYER).await),
        }
    }
}

fn upload<'a>(
    what: &'static str,
    method: Method,
    url: url::Url,
    body: Option<(Bytes, &'a str)>,
) -> Request<'a> {
    Request { what, method, url, access: Access::Push, accept: "*/*", body }
}

fn descriptor(media_type: &str, content: &Bytes) -> Descriptor {
    Descriptor {
        media_type: media_type.to_owned(),
        digest: format!("sha256:{}", sha256([content])),
        size: content.len() as u64,
        annotations: BTreeMap::new(),
    }
}

/// None of these types can fail to be written.
fn json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).unwrap_or_default()
}
