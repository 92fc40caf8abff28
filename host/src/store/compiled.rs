//! The directory of compiled mappings, `compiled` in CACHE_DIR, so that a warm start compiles nothing.
//!
//! Machine code can do anything, so only what this program wrote is loaded: others have no access to
//! the directory, and a SHA-256 over the key and the code is checked at every load. A single flipped
//! bit would otherwise crash the process or change numbers.

use std::fs::{self, DirBuilder, OpenOptions, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use nix::fcntl::OFlag;
use nix::unistd::geteuid;
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
/// What the names of files start with that are being written. After this time, a crash has left one.
const UNFINISHED: &str = ".unfinished-";
const UNFINISHED_FOR: Duration = Duration::from_secs(3600);
/// A directory of earlier versions.
const EARLIER: &str = "modules";
/// The permission of others to write.
pub const WRITABLE_FOR_OTHERS: u32 = 0o022;
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

    /// The bytes of a file: a digest, then the code.
    pub fn seal(&self, code: &[u8]) -> Vec<u8> {
        [&self.digest(code), code].concat()
    }

    /// The code in the bytes of a file, if the digest matches.
    pub fn unseal(&self, mut bytes: Vec<u8>) -> Option<Vec<u8>> {
        let (digest, code) = bytes.split_at(DIGEST_BYTES.min(bytes.len()));
        if digest != self.digest(code) {
            return None;
        }
        bytes.drain(..DIGEST_BYTES);
        Some(bytes)
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
        // With a shared store, nothing else is kept in the parent.
        if let Some(parent) = directory.parent() {
            DirBuilder::new().recursive(true).mode(0o700).create(parent)?;
        }
        if let Err(error) = DirBuilder::new().mode(0o700).create(directory)
            && error.kind() != io::ErrorKind::AlreadyExists
        {
            return Err(error);
        }
        // A link could lead to any directory of this user.
        let found = fs::symlink_metadata(directory)?;
        if !found.is_dir() {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        if found.uid() != geteuid().as_raw() {
            return Err(io::Error::other("the directory belongs to another user"));
        }
        // Volumes of containers become accessible to a group whenever they are mounted.
        let mode = found.permissions().mode();
        if mode & 0o077 != 0 {
            fs::set_permissions(directory, Permissions::from_mode(0o700))?;
        }
        let code = Self { directory: directory.to_owned(), metrics };
        if mode & WRITABLE_FOR_OTHERS != 0 {
            let removed = code.clear()?;
            if removed > 0 {
                let directory = directory.display();
                warn!(%directory, removed, "others could write to the directory of compiled mappings: its files were removed");
            }
        }
        code.sweep();
        Ok(code)
    }

    /// The code of a component, if it is there and intact. A corrupt file is set aside and counted.
    pub fn load(&self, key: CodeKey<'_>) -> Option<Vec<u8>> {
        let path = self.directory.join(key.file_name());
        let place = path.display().to_string();
        let failure = match read_own(&path) {
            Ok(bytes) => {
                if let Some(code) = key.unseal(bytes) {
                    return Some(code);
                }
                fs::rename(&path, path.with_extension(SET_ASIDE)).ok();
                StoreError::Corrupt { place, reason: "its digest does not match".into() }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
            Err(error) => StoreError::Io { place, error },
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
        let mut file = Builder::new().prefix(UNFINISHED).tempfile_in(&self.directory)?;
        file.write_all(digest)?;
        file.write_all(code)?;
        file.as_file().sync_all()?;
        file.persist(path).map_err(|error| error.error)?;
        self.sweep();
        Ok(())
    }

    /// Removes everything that this program may have written. Returns how many files that were.
    fn clear(&self) -> io::Result<usize> {
        let mut removed = 0;
        for entry in fs::read_dir(&self.directory)? {
            let path = entry?.path();
            if is_code(&path) || is_unfinished(&path) {
                fs::remove_file(&path)?;
                removed += 1;
            }
        }
        Ok(removed)
    }

    /// Removes the oldest files above the size limit, and what crashes and earlier versions left. What
    /// can't be removed does no harm.
    fn sweep(&self) {
        fs::remove_dir_all(self.directory.join(EARLIER)).ok();
        let now = SystemTime::now();
        let mut code: Vec<(SystemTime, u64, PathBuf)> = Vec::new();
        for entry in fs::read_dir(&self.directory).into_iter().flatten().flatten() {
            // Another process may have removed or renamed it.
            let (path, Ok(data)) = (entry.path(), entry.metadata()) else { continue };
            let changed_at = data.modified().unwrap_or(now);
            let age = now.duration_since(changed_at).unwrap_or_default();
            if is_code(&path) {
                code.push((changed_at, data.len(), path));
            } else if is_unfinished(&path) && age > UNFINISHED_FOR {
                fs::remove_file(path).ok();
            }
        }
        code.sort_by(|one, other| other.cmp(one));
        let mut total = 0;
        for (_, bytes, path) in code {
            total += bytes;
            if total > MAX_BYTES {
                fs::remove_file(path).ok();
            }
        }
    }

    fn count(&self, operation: &str, failure: &StoreError) {
        if let Some(metrics) = &self.metrics {
            metrics.count_failure(operation, failure);
        }
    }
}

fn is_code(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str());
    matches!(extension, Some(EXTENSION | SET_ASIDE))
}

fn is_unfinished(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(UNFINISHED))
}

/// Reads a file that no other user can have written. The directory may have been replaced since
/// it was opened.
fn read_own(path: &Path) -> io::Result<Vec<u8>> {
    let flags = OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK;
    let mut file = OpenOptions::new().read(true).custom_flags(flags.bits()).open(path)?;
    let found = file.metadata()?;
    let is_own = found.uid() == geteuid().as_raw() && found.mode() & WRITABLE_FOR_OTHERS == 0;
    if !found.is_file() || !is_own {
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, "others could write to it"));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(found.len()).unwrap_or_default());
    file.read_to_end(&mut bytes)?;
    Ok(bytes)
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
    fn nothing_is_removed_that_this_program_has_not_written() {
        let (directory, code) = open();
        code.save(KEY, b"machine code");
        let path = |name: &str| code.directory.join(name);
        fs::create_dir_all(path("modules/wasmtime")).unwrap();
        fs::write(path("notes.txt"), "mine").unwrap();
        fs::set_permissions(&code.directory, Permissions::from_mode(0o777)).unwrap();
        CompiledCode::open(&directory.path().join("compiled"), None).unwrap();
        assert!(path("notes.txt").exists());
        assert!(!path("modules").exists() && code.load(KEY).is_none());
    }

    #[test]
    fn a_link_is_not_followed_and_a_file_that_others_can_write_to_is_not_loaded() {
        let (directory, code) = open();
        code.save(KEY, b"machine code");
        let link = directory.path().join("link");
        std::os::unix::fs::symlink(&code.directory, &link).unwrap();
        assert!(CompiledCode::open(&link, None).is_err());
        let path = code.directory.join(KEY.file_name());
        fs::set_permissions(&path, Permissions::from_mode(0o666)).unwrap();
        assert!(code.load(KEY).is_none());
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        assert!(code.load(KEY).is_some());
        fs::rename(&path, directory.path().join("elsewhere")).unwrap();
        std::os::unix::fs::symlink(directory.path().join("elsewhere"), &path).unwrap();
        assert!(code.load(KEY).is_none());
    }
}
