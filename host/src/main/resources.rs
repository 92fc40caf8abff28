//! What the process may take of the system.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// Raises the limit of open files to what the system allows: connections and spooled documents need one
/// each, and many systems start processes with 1024.
pub fn allow_open_files() {
    // Without it, fewer connections are accepted; nothing else depends on it.
    if let Ok((_, most)) = getrlimit(Resource::RLIMIT_NOFILE) {
        setrlimit(Resource::RLIMIT_NOFILE, most, most).ok();
    }
}

/// Limits the heaps of the C library's allocator, which otherwise has eight for each core and keeps in
/// each what any thread once needed there: 200 targets took 215 MB with them, and 167 MB with two.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[expect(unsafe_code, reason = "a function of the C library")]
pub fn limit_arenas() {
    // SAFETY: it is called before any other thread exists. If it fails, nothing has changed.
    unsafe { libc::mallopt(libc::M_ARENA_MAX, 2) };
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub fn limit_arenas() {}
