//! Counts what was done, and how the scrapes went.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How the scrapes of the well-behaved clients went.
#[derive(Clone, Default)]
pub struct Scrapes {
    /// How long each took.
    pub durations: Vec<Duration>,
    /// Why some failed.
    pub failures: Vec<String>,
}

/// Counts of everything.
#[derive(Default)]
pub struct Tally {
    counts: Mutex<BTreeMap<String, u64>>,
    scrapes: Mutex<Scrapes>,
}

impl Tally {
    /// Counts something that was done.
    pub fn add(&self, what: &str) {
        *lock(&self.counts).entry(what.to_owned()).or_default() += 1;
    }

    /// Notes a scrape and its result.
    pub fn add_scrape(&self, took: Duration, result: Result<(), String>) {
        let mut scrapes = lock(&self.scrapes);
        scrapes.durations.push(took);
        if let Err(failure) = result {
            println!("soak: a scrape failed after {took:?}: {failure}");
            scrapes.failures.push(failure);
        }
    }

    /// The counts so far.
    pub fn counts(&self) -> BTreeMap<String, u64> {
        lock(&self.counts).clone()
    }

    /// The scrapes so far.
    pub fn scrapes(&self) -> Scrapes {
        lock(&self.scrapes).clone()
    }
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}
