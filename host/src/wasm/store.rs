//! The store of an instance: its limits and its closed doors.

use std::sync::LazyLock;
use std::time::Duration;

use sha2::{Digest, Sha256};
use wasmtime::Store;
use wasmtime::component::ResourceTable;
use wasmtime_wasi::{Deterministic, HostWallClock, WasiCtx, WasiCtxView, WasiView};

use super::engine::{Engine, TICK};
use super::limits::Limiter;
use super::standard_error::StandardError;

/// The handles that a run may have at a time: those of streams. Runtimes have a handful.
const MAX_HANDLES: usize = 10_000;
/// The most random bytes of one call. Runtimes want a seed.
const MAX_RANDOM_BYTES: u64 = 64 << 10;
/// The seed of hash tables.
const HASH_SEED: u128 = 0x9e37_79b9_7f4a_7c15;

/// Random numbers that are the same in every run: the same documents give the same samples, in the same
/// order. They look random, because there are programs that draw numbers until one is not zero.
static RANDOM_BYTES: LazyLock<Vec<u8>> =
    LazyLock::new(|| (0..128_u8).flat_map(|block| Sha256::digest([block])).collect());

/// The data of a store.
pub(super) struct State {
    wasi: WasiCtx,
    table: ResourceTable,
    limiter: Limiter,
    stderr: StandardError,
}

impl State {
    /// What the mapping wrote to standard error.
    pub(super) fn stderr(&self) -> &StandardError {
        &self.stderr
    }

    /// The peak memory of the instance, in bytes.
    pub(super) fn memory_bytes(&self) -> usize {
        self.limiter.bytes()
    }
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

/// Always 1970-01-01T00:00:00Z: a mapping gets the time with its documents.
struct StoppedClock;

impl HostWallClock for StoppedClock {
    fn resolution(&self) -> Duration {
        Duration::from_secs(1)
    }

    fn now(&self) -> Duration {
        Duration::ZERO
    }
}

/// A new store with the limits of a run.
pub(super) fn store(engine: &Engine, time: Duration) -> Store<State> {
    let limits = engine.limits();
    let stderr = StandardError::default();
    let mut table = ResourceTable::new();
    table.set_max_capacity(MAX_HANDLES);
    let random = || Deterministic::new(RANDOM_BYTES.clone());
    let state = State {
        // No arguments, no environment, no input.
        wasi: WasiCtx::builder()
            .stderr(stderr.clone())
            .wall_clock(StoppedClock)
            .secure_random(random())
            .insecure_random(random())
            .insecure_random_seed(HASH_SEED)
            .max_random_size(MAX_RANDOM_BYTES)
            .allow_tcp(false)
            .allow_udp(false)
            .allow_ip_name_lookup(false)
            .build(),
        table,
        limiter: Limiter::new(&limits),
        stderr,
    };
    let mut store = Store::new(engine.wasmtime(), state);
    store.limiter(|state| &mut state.limiter);
    store.set_hostcall_fuel(limits.result_bytes);
    // The first tick may come at once.
    store.set_epoch_deadline((time.as_millis() / TICK.as_millis()).max(1) as u64 + 1);
    store
}
