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
        // What was replaced the last time is not in use any more.
        self.sweep();
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
        for path in self.paths(RECORD).into_iter().filter(|path| !records.contains(path)) {
            // What can't be removed does no harm.
            fs::remove_file(path).ok();
        }
        self.sweep();
    }

    /// Removes the mappings that no record refers to, and records that can't be read.
    fn sweep(&self) {
        let mut mappings = HashSet::new();
        for path in self.paths(RECORD) {
            let record = read_bounded(&path, MAX_RECORD_BYTES).ok();
            let record = record.and_then(|bytes| serde_json::from_slice::<Record>(&bytes).ok());
            match record.and_then(|of| Layer::of(of.manifest.as_bytes(), u64::MAX).ok()) {
                Some(layer) => _ = mappings.insert(self.mapping(&layer.sha256)),
                None => _ = fs::remove_file(path),
            }
        }
        for path in self.paths(MAPPING).into_iter().filter(|path| !mappings.contains(path)) {
            fs::remove_file(path).ok();
        }
    }

    /// The files with an extension.
    fn paths(&self, extension: &str) -> Vec<PathBuf> {
        let entries = fs::read_dir(&self.directory).into_iter().flatten().flatten();
        let paths = entries.map(|entry| entry.path());
        paths.filter(|path| path.extension().is_some_and(|found| found == extension)).collect()
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ServeArgs;
    use crate::config::Settings;

    fn options() -> RegistryOptions {
        Settings::new(&ServeArgs::default()).unwrap().registry
    }

    fn pulled(content: &[u8]) -> Pulled {
        let digest = sha256([content]);
        let manifest = format!(
            r#"{{"schemaVersion": 2, "config": {{"mediaType": "application/vnd.wasm.config.v0+json",
                "digest": "sha256:x", "size": 2}}, "layers": [{{"mediaType": "application/wasm",
                "digest": "sha256:{digest}", "size": {}}}]}}"#,
            content.len()
        );
        let manifest = Bytes::from(manifest);
        let layer = Layer::of(&manifest, 100).unwrap();
        Pulled::new(manifest, layer, None, Content::Memory(Bytes::copy_from_slice(content)))
    }

    fn reference(text: &str) -> ArtifactReference {
        text.parse().unwrap()
    }

    fn files(kept: &Kept) -> Vec<PathBuf> {
        let entries = fs::read_dir(&kept.directory).unwrap();
        entries.map(|entry| entry.unwrap().path()).collect()
    }

    #[test]
    fn what_is_saved_is_loaded_for_its_own_source_only() {
        let directory = tempfile::tempdir().unwrap();
        let kept = Kept::new(directory.path());
        let (one, other) = (reference("ghcr.io/a/b:1"), reference("ghcr.io/a/b:2"));
        let mut saved = pulled(b"mapping");
        kept.save(&one, &mut saved).unwrap();
        let loaded = kept.load(&one, &options()).unwrap();
        assert_eq!((loaded.digest(), loaded.sha256()), (saved.digest(), saved.sha256()));
        assert!(matches!(loaded.content(), Content::File(path) if path.exists()));
        assert!(kept.load(&other, &options()).is_none());
        // Not even if its record has another name.
        fs::rename(kept.record(&one), kept.record(&other)).unwrap();
        assert!(kept.load(&other, &options()).is_none());
    }

    #[test]
    fn a_changed_mapping_and_a_changed_record_are_not_loaded() {
        let directory = tempfile::tempdir().unwrap();
        let kept = Kept::new(directory.path());
        let mut saved = pulled(b"mapping");
        let digest = Version::Digest(saved.manifest_sha256.clone());
        let pinned = reference("ghcr.io/a/b:1").at(digest);
        kept.save(&pinned, &mut saved).unwrap();
        for path in files(&kept) {
            let intact = fs::read(&path).unwrap();
            for byte in 0..intact.len() {
                let mut changed = intact.clone();
                changed[byte] ^= 1;
                fs::write(&path, changed).unwrap();
                let loaded = kept.load(&pinned, &options());
                assert!(loaded.is_none_or(|of| of.digest() == saved.digest()), "{byte}");
            }
            fs::write(&path, &intact[..intact.len() - 1]).unwrap();
            assert!(kept.load(&pinned, &options()).is_none());
            fs::write(&path, intact).unwrap();
        }
        assert!(kept.load(&pinned, &options()).is_some());
    }

    #[test]
    fn nothing_is_kept_of_a_source_that_is_not_in_use() {
        let directory = tempfile::tempdir().unwrap();
        let kept = Kept::new(directory.path());
        let (one, other) = (reference("ghcr.io/a/b:1"), reference("ghcr.io/a/b:2"));
        kept.save(&one, &mut pulled(b"old")).unwrap();
        kept.save(&one, &mut pulled(b"new")).unwrap();
        // The one that was replaced may still be read.
        assert_eq!(files(&kept).len(), 3);
        kept.save(&other, &mut pulled(b"other")).unwrap();
        assert_eq!(files(&kept).len(), 4);
        kept.keep_only(std::slice::from_ref(&one));
        assert_eq!(files(&kept).len(), 2);
        assert_eq!(kept.load(&one, &options()).unwrap().sha256(), sha256([b"new"]));
        kept.keep_only(&[]);
        assert!(files(&kept).is_empty());
    }
}
