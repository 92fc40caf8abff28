//! A relay of TCP connections that can be cut, and that can stop passing anything on; and one to several
//! addresses in turn.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

/// What a relay does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// It passes everything on.
    Open,
    /// It closes all connections, those that exist and new ones.
    Cut,
    /// It accepts connections and passes nothing on.
    Silent,
}

/// A running relay. It stops when it is dropped.
pub struct Relay {
    address: SocketAddr,
    mode: watch::Sender<Mode>,
    _task: AbortOnDropHandle<()>,
}

impl Relay {
    /// Starts a relay to an address.
    pub async fn start(to: SocketAddr) -> Self {
        let listener =
            TcpListener::bind("127.0.0.1:0").await.unwrap_or_else(|error| panic!("{error}"));
        let address = listener.local_addr().unwrap_or_else(|error| panic!("{error}"));
        let (mode, modes) = watch::channel(Mode::Open);
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(pass(client, to, modes.clone()));
            }
        });
        Self { address, mode, _task: AbortOnDropHandle::new(task) }
    }

    /// Its address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Changes what it does, also with the connections that exist.
    pub fn set(&self, mode: Mode) {
        self.mode.send_replace(mode);
    }
}

async fn pass(mut client: TcpStream, to: SocketAddr, mut modes: watch::Receiver<Mode>) {
    let mut server = None;
    loop {
        let mode = *modes.borrow_and_update();
        match mode {
            Mode::Cut => return,
            Mode::Silent => {
                if modes.changed().await.is_err() {
                    return;
                }
            }
            Mode::Open => {
                if server.is_none() {
                    server = TcpStream::connect(to).await.ok();
                }
                let Some(server) = &mut server else { return };
                tokio::select! {
                    _ = copy_bidirectional(&mut client, server) => return,
                    changed = modes.changed() => if changed.is_err() { return },
                }
            }
        }
    }
}

/// How long a [`Balancer`] keeps a connection that is idle after a response: shorter than the time between scrapes,
/// so that each goes to the next address.
const IDLE: Duration = Duration::from_millis(500);

/// One address that leads to several others in turn, as a Service of Kubernetes does. It stops when it is
/// dropped.
pub struct Balancer {
    address: SocketAddr,
    ends: Arc<Mutex<Vec<SocketAddr>>>,
    /// Where the open connections lead to.
    open: watch::Sender<Vec<SocketAddr>>,
    _task: AbortOnDropHandle<()>,
}

impl Balancer {
    /// Starts a balancer between addresses. Each connection goes to the next one.
    pub async fn start(ends: Vec<SocketAddr>) -> Self {
        let listener =
            TcpListener::bind("127.0.0.1:0").await.unwrap_or_else(|error| panic!("{error}"));
        let address = listener.local_addr().unwrap_or_else(|error| panic!("{error}"));
        let ends = Arc::new(Mutex::new(ends));
        let (shared, open) = (Arc::clone(&ends), watch::Sender::new(Vec::new()));
        let connections = open.clone();
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let end = {
                    let mut ends = shared.lock().unwrap_or_else(PoisonError::into_inner);
                    ends.rotate_left(1);
                    // While the lock is held: who removes it must see that it is in use.
                    let end = ends.last().copied();
                    connections.send_modify(|open| open.extend(end));
                    end
                };
                let Some(end) = end else { continue };
                let connections = connections.clone();
                tokio::spawn(async move {
                    pass_responses(client, end).await.ok();
                    connections.send_modify(|open| {
                        let own = open.iter().position(|other| *other == end);
                        own.map(|own| open.swap_remove(own));
                    });
                });
            }
        });
        Self { address, ends, open, _task: AbortOnDropHandle::new(task) }
    }

    /// Its address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Sends connections to another address too.
    pub fn add(&self, end: SocketAddr) {
        self.ends.lock().unwrap_or_else(PoisonError::into_inner).push(end);
    }

    /// Sends no more connections to an address. Returns when the last one has ended.
    pub async fn remove(&self, end: SocketAddr) {
        self.ends.lock().unwrap_or_else(PoisonError::into_inner).retain(|own| *own != end);
        let mut open = self.open.subscribe();
        open.wait_for(|open| !open.contains(&end)).await.ok();
    }
}

/// Passes requests and responses on, until one of both sides ends or the connection is idle after a response, however
/// long that takes.
async fn pass_responses(client: TcpStream, end: SocketAddr) -> std::io::Result<()> {
    let server = TcpStream::connect(end).await?;
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let (mut request, mut response) = (vec![0; 16 << 10], vec![0; 64 << 10]);
    let mut is_answered = false;
    loop {
        tokio::select! {
            read = from_client.read(&mut request) => {
                let bytes = &request[..read?];
                if bytes.is_empty() {
                    return Ok(());
                }
                is_answered = false;
                to_server.write_all(bytes).await?;
            }
            read = from_server.read(&mut response) => {
                let bytes = &response[..read?];
                if bytes.is_empty() {
                    return Ok(());
                }
                is_answered = true;
                to_client.write_all(bytes).await?;
            }
            () = tokio::time::sleep(IDLE), if is_answered => return Ok(()),
        }
    }
}
