//! Manifests of artifacts.
//!
//! <https://tag-runtime.cncf.io/wgs/wasm/deliverables/wasm-oci-artifact/>

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::error::{LAYER, OciError};

/// The type of manifests.
pub(super) const MANIFEST_TYPE: &str = "application/vnd.oci.image.manifest.v1+json";
/// The type of indexes, which list manifests.
pub(super) const INDEX_TYPE: &str = "application/vnd.oci.image.index.v1+json";
/// The type of the configuration of a WebAssembly artifact.
pub(super) const CONFIG_TYPE: &str = "application/vnd.wasm.config.v0+json";
/// The type of its layer.
pub(super) const LAYER_TYPE: &str = "application/wasm";

/// A manifest.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Manifest {
    pub schema_version: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
    pub config: Descriptor,
    pub layers: Vec<Descriptor>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

/// A list of manifests.
#[derive(Debug, Deserialize)]
pub(super) struct Index {
    #[serde(default)]
    pub manifests: Vec<Descriptor>,
}

/// Refers to a content.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Descriptor {
    pub media_type: String,
    pub digest: String,
    pub size: u64,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

impl Descriptor {
    /// The SHA-256 in hexadecimal. `None`: another algorithm.
    pub(super) fn sha256(&self) -> Option<&str> {
        parse_digest(&self.digest)
    }
}

/// The SHA-256 in hexadecimal of a digest, such as `sha256:…`.
pub(super) fn parse_digest(digest: &str) -> Option<&str> {
    let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    digest.strip_prefix("sha256:").filter(|hex| hex.len() == 64 && hex.bytes().all(is_digit))
}

/// The layer of a manifest that is the mapping, its SHA-256 and size.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Layer {
    pub sha256: String,
    pub size: u64,
}

impl Layer {
    /// The layer of a manifest, which must be that of a WebAssembly artifact.
    pub(super) fn of(manifest: &[u8], max_bytes: u64) -> Result<Self, OciError> {
        let foreign = |reason: &str| OciError::Foreign(reason.to_owned());
        let value: serde_json::Value = serde_json::from_slice(manifest)
            .map_err(|_| foreign("its manifest is not valid JSON"))?;
        if value.get("manifests").is_some() {
            return Err(foreign("it is an index of several images"));
        }
        let manifest: Manifest = serde_json::from_value(value)
            .map_err(|_| foreign("its manifest is not an OCI image manifest"))?;
        if manifest.schema_version != 2 {
            return Err(foreign("its manifest has another version of the schema than 2"));
        }
        if manifest.config.media_type != CONFIG_TYPE {
            return Err(OciError::Foreign(format!("its config is not of the type {CONFIG_TYPE}")));
        }
        let [layer] = manifest.layers.as_slice() else {
            return Err(foreign("it does not have exactly one layer"));
        };
        if layer.media_type != LAYER_TYPE {
            return Err(OciError::Foreign(format!("its layer is not of the type {LAYER_TYPE}")));
        }
        if layer.size > max_bytes {
            return Err(OciError::TooLarge { what: LAYER, limit: max_bytes });
        }
        let sha256 = layer.sha256().ok_or_else(|| foreign("its layer does not have a SHA-256"))?;
        Ok(Self { sha256: sha256.to_owned(), size: layer.size })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(config: &str, layer: &str, size: u64, digest: &str) -> String {
        format!(
            r#"{{"schemaVersion": 2, "config": {{"mediaType": "{config}", "digest": "sha256:x", "size": 2}},
                "layers": [{{"mediaType": "{layer}", "digest": "{digest}", "size": {size}}}]}}"#
        )
    }

    #[test]
    fn only_a_webassembly_artifact_has_a_layer() {
        let digest = format!("sha256:{}", "a".repeat(64));
        let layer = |manifest: &str| Layer::of(manifest.as_bytes(), 100);
        let valid = manifest(CONFIG_TYPE, LAYER_TYPE, 100, &digest);
        assert_eq!(layer(&valid).unwrap(), Layer { sha256: "a".repeat(64), size: 100 });
        let image = "application/vnd.oci.image.config.v1+json";
        let gzip = "application/vnd.oci.image.layer.v1.tar+gzip";
        for (foreign, reason) in [
            (manifest(image, LAYER_TYPE, 1, &digest), "config"),
            (manifest(CONFIG_TYPE, gzip, 1, &digest), "layer"),
            (manifest(CONFIG_TYPE, LAYER_TYPE, 1, "sha512:a"), "SHA-256"),
            (manifest(CONFIG_TYPE, LAYER_TYPE, 1, "sha256:../../etc"), "SHA-256"),
            (valid.replace(": 2, \"config", ": 1, \"config"), "schema"),
            (r#"{"schemaVersion": 2, "manifests": []}"#.to_owned(), "index"),
            ("[".repeat(100_000), "JSON"),
            ("{}".to_owned(), "manifest"),
        ] {
            let error = layer(&foreign).unwrap_err();
            assert!(error.to_string().contains(reason) && error.cause() == "artifact", "{error}");
        }
        let large = manifest(CONFIG_TYPE, LAYER_TYPE, 1 << 30, &digest);
        assert_eq!(layer(&large).unwrap_err().cause(), "size");
    }
}
