//! The manifest of a document: its checksum in hexadecimal, a line break, and JSON.

use serde::{Deserialize, Serialize};

use crate::model::Document;
use crate::model::digest::sha256;
use crate::store::key::Key;
use crate::store::record::Head;

/// The length of the checksum in hexadecimal.
const CHECKSUM_CHARS: usize = 64;
/// A manifest of another version is not read: to this one, its document does not exist.
const VERSION: u32 = 1;

/// What every version of a manifest has.
#[derive(Deserialize)]
struct Versioned {
    version: u32,
}

/// Everything about a document but its bodies.
#[derive(Serialize, Deserialize)]
pub(super) struct Manifest {
    version: u32,
    /// The document.
    pub(super) head: Head,
    /// The SHA-256 of each chunk. Joined, they are the bodies one after the other.
    pub(super) chunks: Vec<String>,
}

impl Manifest {
    /// The manifest of a document whose bodies are in these chunks.
    pub(super) fn new(key: &Key, document: &Document, chunks: Vec<String>) -> Self {
        Self { version: VERSION, head: Head::new(key, document), chunks }
    }

    /// The bytes that are stored.
    pub(super) fn encode(&self) -> Result<Vec<u8>, String> {
        let json = serde_json::to_vec(self).map_err(|error| error.to_string())?;
        let mut bytes = sha256([&json]).into_bytes();
        bytes.push(b'\n');
        bytes.extend(json);
        Ok(bytes)
    }

    /// The manifest that was stored for a key. `None`: it is one of another version of the exporter, which may
    /// still be running. The error says what is wrong with it.
    pub(super) fn decode(key: &Key, bytes: &[u8]) -> Result<Option<Self>, String> {
        let json = bytes.get(CHECKSUM_CHARS + 1..).ok_or("it is truncated")?;
        if checksum(bytes) != sha256([json]).as_bytes() {
            return Err("its checksum is wrong".to_owned());
        }
        let wrong = |error: serde_json::Error| error.to_string();
        let Versioned { version } = serde_json::from_slice(json).map_err(wrong)?;
        if version != VERSION {
            return Ok(None);
        }
        let manifest: Self = serde_json::from_slice(json).map_err(wrong)?;
        manifest.head.check(key)?;
        Ok(Some(manifest))
    }
}

/// The checksum at the start of stored bytes, which identifies them.
pub(super) fn checksum(bytes: &[u8]) -> &[u8] {
    bytes.get(..CHECKSUM_CHARS).unwrap_or(bytes)
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::model::{Scope, Target};
    use crate::store::key::Slot;

    #[test]
    fn a_manifest_is_read_for_its_own_key_only_and_never_with_a_flipped_bit() {
        let target = Target::new(Scope::Organization, "octo-org").unwrap();
        let key = Key::document(&target, "seats", None, Slot::Good);
        let document = Document::new(Vec::new(), Timestamp::from_second(1).unwrap(), None);
        let chunks = vec!["ab".to_owned()];
        let bytes = Manifest::new(&key, &document, chunks.clone()).encode().unwrap();
        assert_eq!(Manifest::decode(&key, &bytes).unwrap().unwrap().chunks, chunks);
        let other = Key::document(&target, "billing", None, Slot::Good);
        assert!(Manifest::decode(&other, &bytes).is_err());
        for at in 0..bytes.len() {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1;
            // The byte between checksum and JSON means nothing.
            assert!(at == CHECKSUM_CHARS || Manifest::decode(&key, &flipped).is_err(), "{at}");
            assert!(Manifest::decode(&key, &bytes[..at]).is_err(), "{at} bytes");
        }
    }
}
