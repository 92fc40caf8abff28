//! What an instance of a mapping lives in.

use std::time::Duration;

use bytes::Bytes;
use wasmtime::Store;
use wasmtime::component::ResourceTable;
use wasmtime_wasi::p2::pipe::MemoryOutputPipe;
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

use super::engine::{Engine, TICK};
use super::limits::Limiter;

/// How much a mapping may write to standard error; the start of it is kept for the message of a panic.
const STDERR_BYTES: usize = 64 << 10;

/// What an instance of a mapping has: nothing but limits and closed doors.
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

    /// The memory that the instance took, in bytes.
    pub(super) fn memory_bytes(&self) -> usize {
        self.limiter.bytes()
    }
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

/// A new one, with the limits of a run.
pub(super) fn store(engine: &Engine, time: Duration) -> Store<State> {
    let limits = engine.limits();
    let stderr = MemoryOutputPipe::new(STDERR_BYTES);
    let state = State {
        // No arguments, no environment, no input. The seed is fixed: the same documents give
        // the same samples, in the same order.
        wasi: WasiCtx::builder().stderr(stderr.clone()).insecure_random_seed(0).build(),
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
