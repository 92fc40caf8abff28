//! The directory of compiled mappings, `compiled` in CACHE_DIR, so that a warm start compiles nothing.
//!
//! Machine code can do anything, so only what this program wrote is loaded: others have no access to
//! the directory, and a SHA-256 over the key and the code is checked at every load. A single flipped
//! bit would otherwise crash the process or change numbers.

use std::fs::{self, DirBuilder, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use sha2::{Digest, Sha256};
use tempfile::Builder;
use tracing::warn;

use super::error::StoreError;
use super::metrics::Metrics;

/// Above this size the oldest files are removed. The largest mappings, which contain a language's
/// engine, take some ten megabytes each.
const MAX_BYTES: u64 = 512 << 20;
/// What the names of files end with. A corrupt one gets the second, and is overwritten by the next.
const EXTENSION: &str = "code";
const SET_ASIDE: &str = "corrupt";
/// The length of a digest at the start of a file.
const DIGEST_BYTES: usize = 32;

/// What a file holds.
#[derive(Clone, Copy, Debug)]
pub struct CodeKey<'a> {
    /// The SHA-256 of the component.
    pub sha256: &'a str,
    /// Identifies the compiler, its settings and the processor.
    pub compatibility: &'a str,
}

impl CodeKey<'_> {
    fn file_name(&self) -> String {
        format!("{}-{}.{EXTENSION}", self.sha256, self.compatibility)
    }

    fn digest(&self, code: &[u8]) -> [u8; DIGEST_BYTES] {
        let mut digest = Sha256::new();
        for piece in [self.sha256.as_bytes(), b"-", self.compatibility.as_bytes(), b"-", code] {
            digest.update(piece);
        }
        digest.finalize().into()
    }
}

/// The directory. All functions block.
#[derive(Clone)]
pub struct CompiledCode {
    directory: PathBuf,
    metrics: Option<Metrics>,
}

impl CompiledCode {
    /// Opens the directory, and creates it if needed. What others could have written to it is removed.
    /// The error says why it can't be used; then every start compiles.
    pub fn open(directory: &Path, metrics: Option<Metrics>) -> io::Result<Self> {
        if let Err(error) = DirBuilder::new().mode(0o700).create(directory)
            && error.kind() != io::ErrorKind::AlreadyExists
        {
            return Err(error);
        }
        let directory = directory.canonicalize()?;
        let found = fs::metadata(&directory)?;
        let own = fs::metadata("/proc/self").map(|process| process.uid());
        if own.is_ok_and(|own| own != found.uid()) {
            return Err(io::Error::other("the directory belongs to another user"));
        }
        // Volumes of containers become accessible to a group whenever they are mounted.
        let mode = found.permissions().mode();
        if mode & 0o077 != 0 {
            fs::set_permissions(&directory, Permissions::from_mode(0o700))?;
        }
        let is_writable_for_others = mode & 0o022 != 0;
        let code = Self { directory, metrics };
        let removed = code.sweep(is_writable_for_others)?;
        if is_writable_for_others && removed > 0 {
            let directory = code.directory.display();
            warn!(%directory, removed, "others could write to the directory of compiled mappings: its files were removed");
        }
        Ok(code)
    }

    /// The code of a component, if it is there and intact. A corrupt file is set aside and counted.
    pub fn load(&self, key: CodeKey<'_>) -> Option<Vec<u8>> {
        let path = self.directory.join(key.file_name());
        let failure = match fs::read(&path) {
            Ok(mut bytes) => {
                let code = bytes.split_off(DIGEST_BYTES.min(bytes.len()));
                if bytes == key.digest(&code) {
                    return Some(code);
                }
                fs::rename(&path, path.with_extension(SET_ASIDE)).ok();
                let reason = "its digest does not match".into();
                StoreError::Corrupt { place: path.display().to_string(), reason }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
            Err(error) => StoreError::Io { place: path.display().to_string(), error },
        };
        warn!(error = %failure, "a compiled mapping can't be used: it is compiled again");
        self.count("load", &failure);
        None
    }

    /// Keeps the code of a component. A failure only costs time at the next start.
    pub fn save(&self, key: CodeKey<'_>, code: &[u8]) {
        let path = self.directory.join(key.file_name());
        if let Err(error) = self.write(&path, &key.digest(code), code) {
            let failure = StoreError::Io { place: path.display().to_string(), error };
            warn!(error = %failure, "cannot keep a compiled mapping: the next start compiles it again");
            self.count("save", &failure);
        }
    }

    fn write(&self, path: &Path, digest: &[u8], code: &[u8]) -> io::Result<()> {
        let mut file = Builder::new().prefix(".unfinished-").tempfile_in(&self.directory)?;
        file.write_all(digest)?;
        file.write_all(code)?;
        file.as_file().sync_all()?;
        file.persist(path).map_err(|error| error.error)?;
        self.sweep(false).map(|_| ())
    }

    /// Removes the oldest files above the size limit and what is not code, or everything. Returns how
    /// much it removed.
    fn sweep(&self, everything: bool) -> io::Result<usize> {
        let (mut kept, mut removed): (Vec<(SystemTime, u64, PathBuf)>, _) = (Vec::new(), 0);
        for entry in fs::read_dir(&self.directory)? {
            let entry = entry?;
            let (path, data) = (entry.path(), entry.metadata()?);
            let extension = path.extension().and_then(|extension| extension.to_str());
            let is_code = data.is_file() && matches!(extension, Some(EXTENSION | SET_ASIDE));
            if is_code && !everything {
                kept.push((data.modified().unwrap_or(SystemTime::UNIX_EPOCH), data.len(), path));
                continue;
            }
            // Another process may be writing an unfinished one, or have removed it.
            let is_unfinished = entry.file_name().to_string_lossy().starts_with(".unfinished-");
            let result = match data.is_dir() {
                true => fs::remove_dir_all(&path),
                false if is_unfinished && !everything => continue,
                false => fs::remove_file(&path),
            };
            removed += usize::from(result.is_ok());
        }
        kept.sort_by(|one, other| other.cmp(one));
        let mut total = 0;
        for (_, bytes, path) in kept {
            total += bytes;
            if total > MAX_BYTES {
                removed += usize::from(fs::remove_file(path).is_ok());
            }
        }
        Ok(removed)
    }

    fn count(&self, operation: &str, failure: &StoreError) {
        if let Some(metrics) = &self.metrics {
            metrics.count_failure(operation, failure);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: CodeKey<'static> = CodeKey { sha256: "c0de", compatibility: "48-x86" };

    fn open() -> (tempfile::TempDir, CompiledCode) {
        let directory = tempfile::tempdir().unwrap();
        let code = CompiledCode::open(&directory.path().join("compiled"), None).unwrap();
        (directory, code)
    }

    #[test]
    fn code_is_loaded_for_its_own_key_only() {
        let (_directory, code) = open();
        code.save(KEY, b"machine code");
        assert_eq!(code.load(KEY).as_deref(), Some(&b"machine code"[..]));
        let other = CodeKey { compatibility: "48-arm", ..KEY };
        assert_eq!(code.load(other), None);
        // Not even under the name of the other one.
        let file = |key: CodeKey<'_>| code.directory.join(key.file_name());
        fs::rename(file(KEY), file(other)).unwrap();
        assert_eq!(code.load(other), None);
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_found_and_the_file_is_set_aside() {
        let (_directory, code) = open();
        code.save(KEY, b"machine code");
        let path = code.directory.join(KEY.file_name());
        let intact = fs::read(&path).unwrap();
        for bit in 0..intact.len() * 8 {
            let mut flipped = intact.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            fs::write(&path, &flipped).unwrap();
            assert_eq!(code.load(KEY), None, "bit {bit}");
            assert!(!path.exists() && path.with_extension(SET_ASIDE).exists(), "bit {bit}");
        }
        for length in 0..intact.len() {
            fs::write(&path, &intact[..length]).unwrap();
            assert_eq!(code.load(KEY), None, "{length} bytes");
        }
    }

    #[test]
    fn a_directory_that_others_could_write_to_is_emptied() {
        let (directory, code) = open();
        code.save(KEY, b"machine code");
        fs::set_permissions(&code.directory, Permissions::from_mode(0o770)).unwrap();
        let code = CompiledCode::open(&directory.path().join("compiled"), None).unwrap();
        assert_eq!(code.load(KEY), None);
        assert_eq!(fs::metadata(&code.directory).unwrap().permissions().mode() & 0o777, 0o700);
    }

    #[test]
    fn what_is_not_code_is_removed_and_code_stays() {
        let (directory, code) = open();
        code.save(KEY, b"machine code");
        fs::create_dir(code.directory.join("modules")).unwrap();
        let code = CompiledCode::open(&directory.path().join("compiled"), None).unwrap();
        assert!(!code.directory.join("modules").exists());
        assert!(code.load(KEY).is_some());
    }
}
