//! The directory of compiled mappings, `compiled` in CACHE_DIR: wasmtime keeps its machine code there,
//! so that a warm start does not compile.
//!
//! Machine code can do anything, so only what processes of the same user wrote is read: the directory is
//! not accessible to others. A mapping file is always WebAssembly.

use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::Path;

use wasmtime::{Cache, CacheConfig};

/// Above this size the oldest files are removed. The largest mappings, which contain a language's
/// engine, take some ten megabytes each.
const MAX_BYTES: u64 = 512 << 20;

/// Opens the directory. The error says why it can't be used; then every start compiles.
pub(super) fn open(directory: &Path) -> io::Result<Cache> {
    if let Err(error) = DirBuilder::new().mode(0o700).create(directory)
        && error.kind() != io::ErrorKind::AlreadyExists
    {
        return Err(error);
    }
    let directory = directory.canonicalize()?;
    let kept = fs::metadata(&directory)?;
    let own = fs::metadata("/proc/self").map(|process| process.uid());
    if own.is_ok_and(|own| own != kept.uid()) {
        return Err(io::Error::other("the directory belongs to another user"));
    }
    // Volumes of containers become accessible to a group whenever they are mounted.
    if kept.permissions().mode() & 0o077 != 0 {
        fs::set_permissions(&directory, Permissions::from_mode(0o700))?;
    }
    let mut config = CacheConfig::new();
    config.with_directory(directory).with_files_total_size_soft_limit(MAX_BYTES);
    Cache::new(config).map_err(|error| io::Error::other(format!("{error:#}")))
}
