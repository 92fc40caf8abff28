//! The open connections. Their number is limited: if there are too many, one of the client that holds
//! most is closed, so that a client that opens thousands only affects itself.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::peer::network;

/// The number of connections that may be open at once. A Prometheus server has one or two.
const MAX_CONNECTIONS: usize = 512;
/// The share of them that one address may hold.
const MAX_PER_ADDRESS: usize = MAX_CONNECTIONS / 2;
/// A scrape that takes longer than this no longer protects its connection.
const LONG_RESPONSE: Duration = Duration::from_secs(30);
/// The first request of a new connection is expected within this time.
const FIRST_REQUEST: Duration = Duration::from_secs(1);

/// All open connections.
#[derive(Default)]
pub(super) struct Connections {
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    next_id: u64,
    states: HashMap<u64, State>,
}

struct State {
    address: IpAddr,
    idle_since: Instant,
    busy_since: Instant,
    /// The number of responses that are being sent, and how many of them are scrapes.
    responses: usize,
    scrapes: usize,
    /// Whether a request has come.
    has_request: bool,
    close: CancellationToken,
}

impl State {
    fn is_protected(&self, now: Instant) -> bool {
        self.scrapes > 0 && now.duration_since(self.busy_since) < LONG_RESPONSE
    }

    /// Connections with the lowest priority are closed first: idle ones, then new ones whose first
    /// request is on its way, then the longest busy one.
    fn priority(&self, now: Instant) -> (u8, Instant) {
        let is_new = !self.has_request && now.duration_since(self.idle_since) < FIRST_REQUEST;
        match self.responses {
            0 if is_new => (1, self.idle_since),
            0 => (0, self.idle_since),
            _ => (2, self.busy_since),
        }
    }
}

impl Open {
    /// Closes a connection for the sake of another one from this address. Returns whether one could be
    /// closed.
    fn make_room(&mut self, newcomer: Option<IpAddr>) -> bool {
        let now = Instant::now();
        let mut held: HashMap<IpAddr, usize> = HashMap::new();
        for address in self.states.values().map(|state| state.address).chain(newcomer) {
            *held.entry(address).or_default() += 1;
        }
        let most = held.values().max().copied().unwrap_or_default();
        let holds_most = |state: &State| held.get(&state.address) == Some(&most);
        self.close(|state| holds_most(state) && !state.is_protected(now))
            || self.close(|state| !state.is_protected(now))
    }

    /// Closes the connection with the lowest priority of those that may be closed.
    fn close(&mut self, may_be_closed: impl Fn(&State) -> bool) -> bool {
        let candidates = self.states.iter().filter(|(_, state)| may_be_closed(state));
        let now = Instant::now();
        let lowest = candidates.min_by_key(|(_, state)| state.priority(now)).map(|(id, _)| *id);
        let closed = lowest.and_then(|id| self.states.remove(&id));
        closed.map(|state| state.close.cancel()).is_some()
    }
}

impl Connections {
    /// Registers a new connection. If there are too many, another one is closed first. `None`: none can
    /// be closed, because all are being served scrapes.
    pub(super) fn open(self: &Arc<Self>, address: IpAddr) -> Option<Connection> {
        let address = network(address);
        let (close, now) = (CancellationToken::new(), Instant::now());
        let mut open = self.lock();
        let own = open.states.values().filter(|state| state.address == address).count();
        let has_room = if own >= MAX_PER_ADDRESS {
            open.close(|state| state.address == address && !state.is_protected(now))
        } else {
            open.states.len() < MAX_CONNECTIONS || open.make_room(Some(address))
        };
        if !has_room {
            return None;
        }
        let id = open.next_id;
        open.next_id += 1;
        let state = State {
            address,
            idle_since: now,
            busy_since: now,
            responses: 0,
            scrapes: 0,
            has_request: false,
            close: close.clone(),
        };
        open.states.insert(id, state);
        drop(open);
        Some(Connection { id, close, connections: Arc::clone(self) })
    }

    /// Closes a connection of the client that holds most.
    pub(super) fn close_one(&self) {
        self.lock().make_room(None);
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin_response(&self, id: u64, is_scrape: bool) {
        if let Some(state) = self.lock().states.get_mut(&id) {
            if state.responses == 0 {
                state.busy_since = Instant::now();
            }
            state.responses += 1;
            state.has_request = true;
            state.scrapes += usize::from(is_scrape);
        }
    }

    fn end_response(&self, id: u64, is_scrape: bool) {
        if let Some(state) = self.lock().states.get_mut(&id) {
            state.responses = state.responses.saturating_sub(1);
            state.scrapes = state.scrapes.saturating_sub(usize::from(is_scrape));
            state.idle_since = Instant::now();
        }
    }
}

/// An open connection. It counts as closed when it is dropped.
pub(super) struct Connection {
    id: u64,
    close: CancellationToken,
    connections: Arc<Connections>,
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
    pub(super) fn begin(&self, is_scrape: bool) -> ResponseGuard {
        self.connections.begin_response(self.id, is_scrape);
        ResponseGuard { activity: self.clone(), is_scrape }
    }
}

/// A response that is being sent.
pub(super) struct ResponseGuard {
    activity: Activity,
    is_scrape: bool,
}

impl Drop for ResponseGuard {
    fn drop(&mut self) {
        let Activity { id, connections } = &self.activity;
        connections.end_response(*id, self.is_scrape);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(number: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, number])
    }

    fn open(all: &Arc<Connections>, from: u8, number: usize) -> Vec<Connection> {
        (0..number).map(|_| all.open(address(from)).unwrap()).collect()
    }

    fn closed(connections: &[Connection]) -> usize {
        connections.iter().filter(|connection| connection.close.is_cancelled()).count()
    }

    #[test]
    fn the_address_that_holds_most_makes_room() {
        let all = Arc::new(Connections::default());
        let greedy = open(&all, 1, 200);
        let others: Vec<Vec<Connection>> = (2..=79).map(|from| open(&all, from, 4)).collect();
        let newcomers = open(&all, 100, 4);
        assert_eq!(closed(&greedy), 4);
        assert!(others.iter().all(|of| closed(of) == 0));
        assert_eq!(closed(&newcomers), 0);
    }

    #[test]
    fn an_address_never_has_more_than_its_share() {
        let all = Arc::new(Connections::default());
        let greedy = open(&all, 1, 10_000);
        assert_eq!(greedy.len() - closed(&greedy), MAX_PER_ADDRESS);
        // All of an IPv6 network count as one.
        let of = |host: u16| IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, host]);
        let greedy: Vec<_> = (0..1000).map(|host| all.open(of(host)).unwrap()).collect();
        assert_eq!(greedy.len() - closed(&greedy), MAX_PER_ADDRESS);
    }

    #[test]
    fn who_is_being_served_a_scrape_is_not_closed() {
        let all = Arc::new(Connections::default());
        let scraping = open(&all, 1, MAX_PER_ADDRESS);
        let responses: Vec<_> =
            scraping.iter().map(|connection| connection.activity().begin(true)).collect();
        assert!(all.open(address(1)).is_none());
        let _others = open(&all, 2, MAX_PER_ADDRESS);
        let newcomer = open(&all, 3, 1);
        assert_eq!((closed(&scraping), closed(&newcomer)), (0, 0));
        drop(responses);
        // The idle ones come before those that respond, and before new ones.
        let busy = scraping[0].activity().begin(false);
        let more = open(&all, 1, MAX_PER_ADDRESS - 1);
        assert!(!scraping[0].close.is_cancelled());
        assert_eq!(closed(&more), 0);
        drop(busy);
    }

    #[test]
    fn a_new_connection_stays_until_its_first_request_while_others_are_idle() {
        let all = Arc::new(Connections::default());
        let served = open(&all, 1, MAX_PER_ADDRESS - 1);
        let new = all.open(address(1)).unwrap();
        // They have been served since, so they have been idle for a shorter time.
        served.iter().for_each(|connection| drop(connection.activity().begin(false)));
        let _more = open(&all, 1, 100);
        assert_eq!((closed(&served), new.close.is_cancelled()), (100, false));
    }
}
