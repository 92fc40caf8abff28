//! The open connections, so many at the most. Where there are too many, the one that has been idle
//! longest makes room: whoever opens thousands only throws themselves out.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

/// How many connections may be open at once; a Prometheus has one or two.
const MAX_CONNECTIONS: usize = 512;
/// An answer that takes longer than this gives way to other connections too.
const LONG_ANSWER: Duration = Duration::from_secs(30);

/// All open connections.
pub(super) struct Connections {
    permits: Arc<Semaphore>,
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    next: u64,
    states: HashMap<u64, State>,
}

struct State {
    since: Instant,
    answers: usize,
    close: CancellationToken,
}

impl State {
    /// Idle ones go first, then answers that take long; among these the oldest.
    fn may_go(&self, now: Instant) -> bool {
        self.answers == 0 || now.duration_since(self.since) > LONG_ANSWER
    }
}

impl Connections {
    pub(super) fn new() -> Arc<Self> {
        let permits = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        Arc::new(Self { permits, open: Mutex::default() })
    }

    /// Room for one more. Where there is none, it is made.
    pub(super) async fn enter(self: &Arc<Self>) -> Option<Connection> {
        if self.permits.available_permits() == 0 {
            self.make_room();
        }
        let permit = Arc::clone(&self.permits).acquire_owned().await.ok()?;
        let close = CancellationToken::new();
        let mut open = self.lock();
        let id = open.next;
        open.next += 1;
        let state = State { since: Instant::now(), answers: 0, close: close.clone() };
        open.states.insert(id, state);
        drop(open);
        Some(Connection { id, close, connections: Arc::clone(self), _permit: permit })
    }

    /// Closes the connection that can best be done without, if there is one.
    pub(super) fn make_room(&self) {
        let now = Instant::now();
        let open = self.lock();
        let closing =
            open.states.values().filter(|state| !state.close.is_cancelled() && state.may_go(now));
        if let Some(state) = closing.min_by_key(|state| (state.answers > 0, state.since)) {
            state.close.cancel();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, id: u64, change: impl FnOnce(&mut usize)) {
        if let Some(state) = self.lock().states.get_mut(&id) {
            change(&mut state.answers);
            state.since = Instant::now();
        }
    }
}

/// An open connection. It is closed when it is dropped.
pub(super) struct Connection {
    id: u64,
    close: CancellationToken,
    connections: Arc<Connections>,
    _permit: OwnedSemaphorePermit,
}

impl Connection {
    /// Says when it has to make room.
    pub(super) fn close(&self) -> CancellationToken {
        self.close.clone()
    }

    /// What tells that it answers, for its requests.
    pub(super) fn activity(&self) -> Activity {
        Activity { id: self.id, connections: Arc::clone(&self.connections) }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.connections.lock().states.remove(&self.id);
    }
}

/// Tells that a connection answers.
#[derive(Clone)]
pub(super) struct Activity {
    id: u64,
    connections: Arc<Connections>,
}

impl Activity {
    /// It answers, for as long as this is kept.
    pub(super) fn begin(&self) -> Answering {
        self.connections.change(self.id, |answers| *answers += 1);
        Answering(self.clone())
    }
}

/// A connection answers.
pub(super) struct Answering(Activity);

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.connections.change(self.0.id, |answers| *answers = answers.saturating_sub(1));
    }
}
