//! A relay of TCP connections that can be cut, and that can stop passing anything on; and one to several
//! addresses in turn.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::copy_bidirectional;
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

/// How long a [`Balancer`] keeps a connection: shorter than the time between scrapes, so that each goes to the
/// next address.
const LONGEST: Duration = Duration::from_millis(500);

/// One address that leads to several others in turn, as a Service of Kubernetes does. It stops when it is
/// dropped.
pub struct Balancer {
    address: SocketAddr,
    ends: Arc<Mutex<Vec<SocketAddr>>>,
    _task: AbortOnDropHandle<()>,
}

impl Balancer {
    /// Starts a balancer between addresses. Each connection goes to the next one.
    pub async fn start(ends: Vec<SocketAddr>) -> Self {
        let listener =
            TcpListener::bind("127.0.0.1:0").await.unwrap_or_else(|error| panic!("{error}"));
        let address = listener.local_addr().unwrap_or_else(|error| panic!("{error}"));
        let ends = Arc::new(Mutex::new(ends));
        let shared = Arc::clone(&ends);
        let task = tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                let end = {
                    let mut ends = shared.lock().unwrap_or_else(PoisonError::into_inner);
                    ends.rotate_left(1);
                    ends.last().copied()
                };
                tokio::spawn(async move {
                    let Some(end) = end else { return };
                    let Ok(mut server) = TcpStream::connect(end).await else { return };
                    let passed = copy_bidirectional(&mut client, &mut server);
                    tokio::time::timeout(LONGEST, passed).await.ok();
                });
            }
        });
        Self { address, ends, _task: AbortOnDropHandle::new(task) }
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
        tokio::time::sleep(LONGEST).await;
    }
}
