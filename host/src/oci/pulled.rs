//! A mapping that was pulled.

use std::path::PathBuf;

use bytes::Bytes;

use super::manifest::Layer;
use super::signature::Signature;
use crate::config::VerificationKey;
use crate::model::digest::sha256;

/// A mapping that was pulled. Its content has the digest that the manifest says.
#[derive(Clone, Debug)]
pub struct Pulled {
    pub(super) manifest: Bytes,
    pub(super) manifest_sha256: String,
    pub(super) layer: Layer,
    pub(super) signature: Option<Signature>,
    pub(super) content: Content,
}

/// Where the content of a mapping is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Content {
    /// In a file, which should not change.
    File(PathBuf),
    /// In memory.
    Memory(Bytes),
}

impl Pulled {
    pub(super) fn new(
        manifest: Bytes,
        layer: Layer,
        signature: Option<Signature>,
        content: Content,
    ) -> Self {
        let manifest_sha256 = sha256([&manifest]);
        Self { manifest, manifest_sha256, layer, signature, content }
    }

    /// The SHA-256 of the mapping.
    pub fn sha256(&self) -> &str {
        &self.layer.sha256
    }

    /// The digest of its manifest, as registries write it.
    pub fn digest(&self) -> String {
        format!("sha256:{}", self.manifest_sha256)
    }

    /// Where its content is.
    pub fn content(&self) -> &Content {
        &self.content
    }

    /// Whether it is signed with the key, if there has to be a signature.
    pub(super) fn is_verified(&self, key: Option<&VerificationKey>) -> bool {
        key.is_none_or(|key| {
            let signature = self.signature.as_ref();
            signature.is_some_and(|of| of.verify(key, &self.manifest_sha256).is_ok())
        })
    }
}
