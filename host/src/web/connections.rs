//! The open connections. Their number is limited: if there are too many, the one that has been idle
//! longest is closed, so that a client that opens thousands only affects itself.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// The number of connections that may be open at once. A Prometheus server has one or two.
const MAX_CONNECTIONS: usize = 512;
/// A connection whose responses take longer than this may be closed too.
const LONG_RESPONSE: Duration = Duration::from_secs(30);
/// A connection that is newer, or has been idle for a shorter time, is not closed: its next request may
/// be on its way.
const GRACE: Duration = Duration::from_millis(250);
/// The time between attempts to close a connection, and the number of attempts that spare busy ones.
const RETRY_INTERVAL: Duration = Duration::from_millis(50);
const MAX_GENTLE_ATTEMPTS: usize = 20;

/// All open connections.
pub(super) struct Connections {
    permits: Arc<Semaphore>,
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    next_id: u64,
    states: HashMap<u64, State>,
}

struct State {
    idle_since: Instant,
    /// Since when it has been responding, to one request after the other.
    busy_since: Instant,
    /// The number of responses that are being sent.
    responses: usize,
    close: CancellationToken,
}

impl State {
    fn may_be_closed(&self, now: Instant) -> bool {
        match self.responses {
            0 => now.duration_since(self.idle_since) > GRACE,
            _ => now.duration_since(self.busy_since) > LONG_RESPONSE,
        }
    }

    /// Connections with the lowest priority are closed first: idle ones, then the longest busy one.
    fn priority(&self) -> (bool, Instant) {
        match self.responses {
            0 => (false, self.idle_since),
            _ => (true, self.busy_since),
        }
    }
}

impl Connections {
    /// No connections.
    pub(super) fn new() -> Arc<Self> {
        let permits = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        Arc::new(Self { permits, open: Mutex::default() })
    }

    /// Registers a new connection. If there are too many, another one is closed first.
    pub(super) async fn open(self: &Arc<Self>) -> Option<Connection> {
        let mut attempts = 0;
        let permit = loop {
            match Arc::clone(&self.permits).try_acquire_owned() {
                Ok(permit) => break permit,
                Err(_) => self.close_one(attempts >= MAX_GENTLE_ATTEMPTS),
            }
            let permit = Arc::clone(&self.permits).acquire_owned();
            if let Ok(permit) = timeout(RETRY_INTERVAL, permit).await {
                break permit.ok()?;
            }
            attempts += 1;
        };
        let close = CancellationToken::new();
        let mut open = self.lock();
        let id = open.next_id;
        open.next_id += 1;
        let now = Instant::now();
        let state = State { idle_since: now, busy_since: now, responses: 0, close: close.clone() };
        open.states.insert(id, state);
        drop(open);
        Some(Connection { id, close, connections: Arc::clone(self), _permit: permit })
    }

    /// Closes the connection with the lowest priority, if one may be closed. With `force`, any may.
    pub(super) fn close_one(&self, force: bool) {
        let now = Instant::now();
        let open = self.lock();
        let candidates = open
            .states
            .values()
            .filter(|state| !state.close.is_cancelled() && (force || state.may_be_closed(now)));
        if let Some(state) = candidates.min_by_key(|state| state.priority()) {
            state.close.cancel();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin_response(&self, id: u64) {
        if let Some(state) = self.lock().states.get_mut(&id) {
            let now = Instant::now();
            // A client that sends its next request at once keeps the connection busy.
            if state.responses == 0 && now.duration_since(state.idle_since) > GRACE {
                state.busy_since = now;
            }
            state.responses += 1;
        }
    }

    fn end_response(&self, id: u64) {
        if let Some(state) = self.lock().states.get_mut(&id) {
            state.responses = state.responses.saturating_sub(1);
            state.idle_since = Instant::now();
        }
    }
}

/// An open connection. It counts as closed when it is dropped.
pub(super) struct Connection {
    id: u64,
    close: CancellationToken,
    connections: Arc<Connections>,
    _permit: OwnedSemaphorePermit,
}

impl Connection {
    /// Cancelled when it has to be closed.
    pub(super) fn close_token(&self) -> CancellationToken {
        self.close.clone()
    }

    /// Tracks the responses on it.
    pub(super) fn activity(&self) -> Activity {
        Activity { id: self.id, connections: Arc::clone(&self.connections) }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.connections.lock().states.remove(&self.id);
    }
}

/// Tracks the responses on a connection.
#[derive(Clone)]
pub(super) struct Activity {
    id: u64,
    connections: Arc<Connections>,
}

impl Activity {
    /// A response begins. It ends when the result is dropped.
    pub(super) fn begin(&self) -> ResponseGuard {
        self.connections.begin_response(self.id);
        ResponseGuard(self.clone())
    }
}

/// A response that is being sent.
pub(super) struct ResponseGuard(Activity);

impl Drop for ResponseGuard {
    fn drop(&mut self) {
        self.0.connections.end_response(self.0.id);
    }
}
