//! The store of an instance: its limits and its closed doors.

use std::time::Duration;

use bytes::Bytes;
use wasmtime::Store;
use wasmtime::component::ResourceTable;
use wasmtime_wasi::p2::pipe::MemoryOutputPipe;
use wasmtime_wasi::{Deterministic, HostWallClock, WasiCtx, WasiCtxView, WasiView};

use super::engine::{Engine, TICK};
use super::limits::Limiter;

/// How much of a mapping's standard error is kept: the message of a panic comes first.
const STDERR_BYTES: usize = 64 << 10;

/// The data of a store.
pub(super) struct State {
    wasi: WasiCtx,
    table: ResourceTable,
    limiter: Limiter,
    stderr: MemoryOutputPipe,
}

impl State {
    /// What the mapping wrote to standard error.
    pub(super) fn stderr(&self) -> Bytes {
        self.stderr.contents()
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
    let stderr = MemoryOutputPipe::new(STDERR_BYTES);
    let state = State {
        // No arguments, no environment, no input. The seed is fixed: the same documents give
        // the same samples, in the same order.
        wasi: WasiCtx::builder()
            .stderr(stderr.clone())
            .wall_clock(StoppedClock)
            .secure_random(Deterministic::new(vec![0]))
            .insecure_random(Deterministic::new(vec![0]))
            .insecure_random_seed(0)
            .allow_tcp(false)
            .allow_udp(false)
            .build(),
        table: ResourceTable::new(),
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
