//! What the process may take of the system.

use std::time::Duration;

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tokio::sync::watch;

/// Raises the limit of open files to what the system allows: connections and spooled documents need one
/// each, and many systems start processes with 1024.
pub fn allow_open_files() {
    // Without it, fewer connections are accepted; nothing else depends on it.
    if let Ok((_, most)) = getrlimit(Resource::RLIMIT_NOFILE) {
        setrlimit(Resource::RLIMIT_NOFILE, most, most).ok();
    }
}

/// How long after new samples memory is returned: others often follow.
const PAUSE: Duration = Duration::from_secs(1);
/// How often it is returned otherwise: clients and daily samples need memory too.
const INTERVAL: Duration = Duration::from_secs(30);

/// Returns unused memory to the system, above all after fetching and mapping, which need far more than what
/// they leave. The C library's allocator keeps it otherwise: of the 45 MB that the demo's heaps have after
/// the start, 8 MB are in use.
pub async fn return_memory(mut snapshots: watch::Receiver<u64>) {
    loop {
        match tokio::time::timeout(INTERVAL, snapshots.changed()).await {
            Ok(Ok(())) => tokio::time::sleep(PAUSE).await,
            Ok(Err(_)) => return,
            Err(_) => {}
        }
        snapshots.borrow_and_update();
        // It takes milliseconds, and other threads wait for their heap meanwhile.
        tokio::task::spawn_blocking(trim_heaps).await.ok();
    }
}

/// Limits the heaps of the C library's allocator, which otherwise has eight for each core, each with free
/// memory of its own: under the load of `make soak`, 14 of them had 95 MB.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[expect(unsafe_code, reason = "a function of the C library")]
pub fn limit_heaps() {
    // SAFETY: it is called before any other thread exists. If it fails, nothing has changed.
    unsafe { libc::mallopt(libc::M_ARENA_MAX, 2) };
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub fn limit_heaps() {}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[expect(unsafe_code, reason = "a function of the C library")]
fn trim_heaps() {
    // SAFETY: it has no preconditions, and may run in any thread at any time.
    unsafe { libc::malloc_trim(0) };
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn trim_heaps() {}
