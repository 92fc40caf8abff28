//! Keeps what was pulled, in `sources` of CACHE_DIR, so that a start needs no registry.
//!
//! For each source, a record with the manifest and its signature, and the mapping itself under its digest.
//! Everything is checked again when it is loaded: the signature over the manifest, which has the digest of
//! the mapping.

use std::collections::HashSet;
use std::fs::{self, DirBuilder, File};
use std::io::{self, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tempfile::Builder;

use super::manifest::Layer;
use super::pulled::{Content, Pulled};
use super::signature::Signature;
use crate::config::files::read_bounded;
use crate::config::{ArtifactReference, RegistryOptions, Version};
use crate::model::digest::{sha256, sha256_of};

/// What the names of files end with.
const RECORD: &str = "json";
const MAPPING: &str = "wasm";
/// What the names of files start with that are being written.
const UNFINISHED: &str = ".unfinished-";
/// The largest record: a manifest of 4 MiB with a signature.
const MAX_RECORD_BYTES: u64 = 16 << 20;

/// The directory. All functions block.
#[derive(Clone, Debug)]
pub struct Kept {
    directory: PathBuf,
    /// Held while files are written or removed: a mapping is written before its record.
    writing: Arc<Mutex<()>>,
}

/// What is known about a source.
#[derive(Serialize, Deserialize)]
struct Record {
    reference: String,
    manifest: String,
    signature: Option<Signature>,
}

impl Kept {
    /// What is kept in a cache directory. It is created when something is saved.
    pub fn new(cache_dir: &Path) -> Self {
        Self { directory: cache_dir.join("sources"), writing: Arc::default() }
    }

    /// Loads what was pulled from a source, if it is still intact and would be accepted today.
    pub(super) fn load(
        &self,
        reference: &ArtifactReference,
        options: &RegistryOptions,
    ) -> Option<Pulled> {
        let record = read_bounded(&self.record(reference), MAX_RECORD_BYTES).ok()?;
        let record: Record = serde_json::from_slice(&record).ok()?;
        let manifest = Bytes::from(record.manifest);
        let layer = Layer::of(&manifest, options.max_file_bytes).ok()?;
        let file = self.mapping(&layer.sha256);
        let is_intact = sha256_of(File::open(&file).ok()?).is_ok_and(|of| of == layer.sha256);
        let pulled = Pulled::new(manifest, layer, record.signature, Content::File(file));
        let is_of_source = record.reference == reference.to_string()
            && match reference.version() {
                Version::Digest(digest) => *digest == pulled.manifest_sha256,
                Version::Tag(_) => true,
            };
        let is_usable = is_of_source && is_intact && pulled.is_verified(options.key.as_ref());
        is_usable.then_some(pulled)
    }

    /// Saves what was pulled from a source, in place of what was saved before. Its content moves to a file.
    pub(super) fn save(
        &self,
        reference: &ArtifactReference,
        pulled: &mut Pulled,
    ) -> io::Result<()> {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        DirBuilder::new().mode(0o700).recursive(true).create(&self.directory)?;
        if let Content::Memory(bytes) = &pulled.content {
            let file = self.mapping(&pulled.layer.sha256);
            self.write(&file, bytes)?;
            pulled.content = Content::File(file);
        }
        let record = Record {
            reference: reference.to_string(),
            manifest: String::from_utf8_lossy(&pulled.manifest).into_owned(),
            signature: pulled.signature.clone(),
        };
        let record = serde_json::to_vec(&record).map_err(io::Error::other)?;
        self.write(&self.record(reference), &record)
    }

    /// Removes what is kept of other sources, and the mappings that no record refers to.
    pub(super) fn keep_only(&self, references: &[ArtifactReference]) {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let records: HashSet<PathBuf> = references.iter().map(|of| self.record(of)).collect();
        let has_extension =
            |path: &Path, extension: &str| path.extension().is_some_and(|found| found == extension);
        let paths = || {
            let entries = fs::read_dir(&self.directory).into_iter().flatten().flatten();
            entries.map(|entry| entry.path())
        };
        let mut mappings = HashSet::new();
        for path in paths().filter(|path| has_extension(path, RECORD)) {
            let record = read_bounded(&path, MAX_RECORD_BYTES).ok();
            let record = record.and_then(|bytes| serde_json::from_slice::<Record>(&bytes).ok());
            let layer = record.and_then(|of| Layer::of(of.manifest.as_bytes(), u64::MAX).ok());
            match layer.filter(|_| records.contains(&path)) {
                Some(layer) => _ = mappings.insert(self.mapping(&layer.sha256)),
                // What can't be removed does no harm.
                None => _ = fs::remove_file(path),
            }
        }
        for path in paths().filter(|path| has_extension(path, MAPPING) && !mappings.contains(path))
        {
            fs::remove_file(path).ok();
        }
    }

    fn record(&self, reference: &ArtifactReference) -> PathBuf {
        let name = sha256([reference.to_string()]);
        self.directory.join(name).with_extension(RECORD)
    }

    fn mapping(&self, sha256: &str) -> PathBuf {
        self.directory.join(sha256).with_extension(MAPPING)
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let mut file = Builder::new().prefix(UNFINISHED).tempfile_in(&self.directory)?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        file.persist(path).map_err(|error| error.error)?;
        Ok(())
    }
}
