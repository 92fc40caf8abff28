//! `wasi:clocks/monotonic-clock`: a clock that stands still, without timers. A timer that never fires
//! would hang the run, and one that fires at once would make a loop of a wait.

use std::pin::Pin;

use wasmtime::component::{Linker, Resource};
use wasmtime::{StoreContextMut, bail};
use wasmtime_wasi::WasiView;
use wasmtime_wasi::p2::{DynPollable, Pollable, subscribe};

use super::store::State;

/// The time, in nanoseconds. Not zero: Go's runtime takes that for a broken clock.
const NOW: u64 = 1_000_000_000;
/// Waits of up to this many nanoseconds end at once. Runtimes use them to yield: Go's waits for a
/// millisecond before it prints a panic, and for nothing at all to find out what is ready.
const YIELD: u64 = 1_000_000;

/// A timer that has fired.
struct Elapsed;

impl Pollable for Elapsed {
    fn ready<'a, 'b>(&'a mut self) -> Pin<Box<dyn Future<Output = ()> + Send + 'b>>
    where
        'a: 'b,
    {
        Box::pin(std::future::ready(()))
    }
}

/// Adds the clock.
pub(super) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    let mut clock = linker.instance("wasi:clocks/monotonic-clock@0.2.0")?;
    clock.func_wrap("now", |_, (): ()| Ok((NOW,)))?;
    clock.func_wrap("resolution", |_, (): ()| Ok((1_u64,)))?;
    clock.func_wrap("subscribe-instant", |store, (instant,): (u64,)| {
        Ok((timer(store, instant.saturating_sub(NOW))?,))
    })?;
    clock.func_wrap("subscribe-duration", |store, (duration,): (u64,)| {
        Ok((timer(store, duration)?,))
    })
}

fn timer(
    mut store: StoreContextMut<'_, State>,
    nanoseconds: u64,
) -> wasmtime::Result<Resource<DynPollable>> {
    if nanoseconds > YIELD {
        bail!("it waits for a timer, which mappings must not do");
    }
    let table = store.data_mut().ctx().table;
    let elapsed = table.push(Elapsed)?;
    subscribe(table, elapsed)
}
