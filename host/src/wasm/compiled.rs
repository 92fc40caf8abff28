//! The folder of compiled mappings, `compiled` in CACHE_DIR: wasmtime keeps the machine code
//! there that it made, so that a warm start does not compile.
//!
//! Machine code can do anything, so that only what this user's processes wrote is read: the
//! folder is theirs alone. A mapping's own file is always WebAssembly.

use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::Path;

use wasmtime::{Cache, CacheConfig};

/// The size from which on the oldest are removed. The largest mappings, with a language's
/// engine inside, take some ten megabytes each.
const MAX_BYTES: u64 = 512 << 20;

/// Opens the folder. The error says why it can't be used; then everything is compiled anew.
pub(super) fn open(folder: &Path) -> io::Result<Cache> {
    if let Err(error) = DirBuilder::new().mode(0o700).create(folder)
        && error.kind() != io::ErrorKind::AlreadyExists
    {
        return Err(error);
    }
    let folder = folder.canonicalize()?;
    let kept = fs::metadata(&folder)?;
    let own = fs::metadata("/proc/self").map(|process| process.uid());
    if own.is_ok_and(|own| own != kept.uid()) {
        return Err(io::Error::other("the folder belongs to another user"));
    }
    // Volumes of containers are opened for a group whenever they are mounted.
    if kept.permissions().mode() & 0o077 != 0 {
        fs::set_permissions(&folder, Permissions::from_mode(0o700))?;
    }
    let mut config = CacheConfig::new();
    config.with_directory(folder).with_files_total_size_soft_limit(MAX_BYTES);
    Cache::new(config).map_err(|error| io::Error::other(format!("{error:#}")))
}
