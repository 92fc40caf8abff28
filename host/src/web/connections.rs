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
/// A connection that is as new has not had the time to ask for anything, and one that has just answered may go on.
const GRACE: Duration = Duration::from_millis(250);
/// How often room is looked for, and how many times before the oldest goes whatever it does.
const LOOK: Duration = Duration::from_millis(50);
const LOOKS: usize = 20;

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
    /// Since when it is idle.
    idle: Instant,
    /// Since when it answers, one request after the other.
    busy: Instant,
    answers: usize,
    close: CancellationToken,
}

impl State {
    /// Idle ones go first, then answers that take long.
    fn may_go(&self, now: Instant) -> bool {
        match self.answers {
            0 => now.duration_since(self.idle) > GRACE,
            _ => now.duration_since(self.busy) > LONG_ANSWER,
        }
    }

    /// How much it can be done without: the least first.
    fn rank(&self) -> (bool, Instant) {
        match self.answers {
            0 => (false, self.idle),
            _ => (true, self.busy),
        }
    }
}

impl Connections {
    pub(super) fn new() -> Arc<Self> {
        let permits = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        Arc::new(Self { permits, open: Mutex::default() })
    }

    /// Room for one more. Where there is none, it is made.
    pub(super) async fn enter(self: &Arc<Self>) -> Option<Connection> {
        let mut looks = 0;
        let permit = loop {
            let permit = Arc::clone(&self.permits).acquire_owned();
            match Arc::clone(&self.permits).try_acquire_owned() {
                Ok(permit) => break permit,
                Err(_) => self.make_room(looks >= LOOKS),
            }
            if let Ok(permit) = tokio::time::timeout(LOOK, permit).await {
                break permit.ok()?;
            }
            looks += 1;
        };
        let close = CancellationToken::new();
        let mut open = self.lock();
        let id = open.next;
        open.next += 1;
        let now = Instant::now();
        let state = State { idle: now, busy: now, answers: 0, close: close.clone() };
        open.states.insert(id, state);
        drop(open);
        Some(Connection { id, close, connections: Arc::clone(self), _permit: permit })
    }

    /// Closes the connection that can best be done without, if there is one. `any`: even if it can't.
    pub(super) fn make_room(&self, any: bool) {
        let now = Instant::now();
        let open = self.lock();
        let closing = open
            .states
            .values()
            .filter(|state| !state.close.is_cancelled() && (any || state.may_go(now)));
        if let Some(state) = closing.min_by_key(|state| state.rank()) {
            state.close.cancel();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(&self, id: u64) {
        if let Some(state) = self.lock().states.get_mut(&id) {
            let now = Instant::now();
            // What asks again at once has not been idle.
            if state.answers == 0 && now.duration_since(state.idle) > GRACE {
                state.busy = now;
            }
            state.answers += 1;
        }
    }

    fn end(&self, id: u64) {
        if let Some(state) = self.lock().states.get_mut(&id) {
            state.answers = state.answers.saturating_sub(1);
            state.idle = Instant::now();
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
        self.connections.begin(self.id);
        Answering(self.clone())
    }
}

/// A connection answers.
pub(super) struct Answering(Activity);

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.connections.end(self.0.id);
    }
}
