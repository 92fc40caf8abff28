//! Serves HTTP on sockets. Idle connections, slow requests and slow readers can't keep Prometheus out.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio_io_timeout::TimeoutStream;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use super::connections::{Connection, Connections};
use super::peer::Peer;
use super::watch::Web;
use crate::config::WebPaths;

/// The time limit for a TLS handshake, for the head of a request and between two requests.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// The maximum size of the head of a request.
const MAX_HEAD_BYTES: usize = 64 << 10;
/// The time limit for a client to read the next piece of a response.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);
/// The time limit for running responses when the exporter stops.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(3);
/// The pause when the system has no file descriptors left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A bound socket.
pub struct Listener(TcpListener);

impl Listener {
    /// Binds `address`, such as `0.0.0.0:8000` or `localhost:0`.
    pub async fn bind(address: &str) -> io::Result<Self> {
        TcpListener::bind(address).await.map(Self)
    }

    /// A socket that is bound already, as [`systemd_sockets`](super::systemd_sockets) has them.
    pub fn from_std(socket: std::net::TcpListener) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        TcpListener::from_std(socket).map(Self)
    }

    /// Its address. If the port was 0, it has the one that the system chose.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

/// Serves the routes on any number of sockets.
#[derive(Clone)]
pub struct Server {
    service: TowerToHyperService<Router>,
    web: Arc<Web>,
    /// The path whose responses are protected.
    metrics: Arc<str>,
    connections: Arc<Connections>,
}

impl Server {
    /// A server of these routes, whose paths are given.
    pub fn new(router: Router, paths: &WebPaths, web: Arc<Web>) -> Self {
        let service = TowerToHyperService::new(router);
        Self { service, web, metrics: paths.metrics().into(), connections: Arc::default() }
    }

    /// Serves until cancelled, then gives running responses a few seconds to end.
    pub async fn serve(self, listener: Listener, cancel: CancellationToken) {
        let graceful = GracefulShutdown::new();
        loop {
            let accepted = tokio::select! {
                () = cancel.cancelled() => break,
                accepted = self.accept(&listener.0) => accepted,
            };
            let Some((stream, connection, peer)) = accepted else { continue };
            let (server, watcher, stopping) = (self.clone(), graceful.watcher(), cancel.clone());
            tokio::spawn(async move {
                let close = connection.close_token();
                let serve = server.serve_connection(stream, (&connection, peer), watcher, stopping);
                if close.run_until_cancelled(serve).await.is_none() {
                    debug!("closed a connection in favor of another one");
                }
            });
        }
        drop(listener);
        if tokio::time::timeout(SHUTDOWN_TIMEOUT, graceful.shutdown()).await.is_err() {
            warn!("some responses did not end in time");
        }
    }

    /// Accepts a connection. If there are too many, another one is closed.
    async fn accept(&self, listener: &TcpListener) -> Option<(TcpStream, Connection, Peer)> {
        match listener.accept().await {
            Ok((stream, peer)) => {
                // Responses are written in large pieces; waiting to join them only costs time.
                stream.set_nodelay(true).ok();
                Some((stream, self.connections.open(peer.ip())?, Peer(peer.ip())))
            }
            Err(error) => {
                warn!(%error, "cannot accept a connection");
                self.connections.close_one();
                tokio::time::sleep(ACCEPT_PAUSE).await;
                None
            }
        }
    }

    async fn serve_connection(
        self,
        stream: TcpStream,
        connection: (&Connection, Peer),
        watcher: Watcher,
        stopping: CancellationToken,
    ) {
        let settings = self.web.settings();
        let Some(acceptor) = &settings.tls else {
            return self.serve_http(stream, connection, watcher).await;
        };
        let handshake = tokio::time::timeout(HEADER_TIMEOUT, acceptor.accept(stream));
        let Some(result) = stopping.run_until_cancelled(handshake).await else { return };
        match result {
            Ok(Ok(stream)) => {
                let certificate = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
                match settings.admits_certificate(certificate) {
                    true => self.serve_http(stream, connection, watcher).await,
                    false => {
                        debug!("rejected a client: its certificate has none of the allowed names")
                    }
                }
            }
            Ok(Err(error)) => debug!(%error, "TLS handshake failed"),
            Err(_) => debug!("TLS handshake timed out"),
        }
    }

    async fn serve_http(
        self,
        stream: impl AsyncRead + AsyncWrite + Send + 'static,
        (connection, peer): (&Connection, Peer),
        watcher: Watcher,
    ) {
        let mut stream = TimeoutStream::new(stream);
        stream.set_write_timeout(Some(WRITE_TIMEOUT));
        let activity = connection.activity();
        let service = service_fn(move |mut request: hyper::Request<Incoming>| {
            let guard = activity.begin(request.uri().path() == &*self.metrics);
            request.extensions_mut().insert(peer);
            let response = self.service.call(request);
            async move {
                let response = response.await?;
                // The response ends when its last frame has been sent.
                let hold = move |frame| {
                    let _ = &guard;
                    frame
                };
                Ok::<_, std::convert::Infallible>(response.map(|body| body.map_frame(hold)))
            }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEADER_TIMEOUT)
            .max_buf_size(MAX_HEAD_BYTES)
            // A client that has sent everything may close its side and still wait for the response.
            .half_close(true)
            .serve_connection(TokioIo::new(Box::pin(stream)), service);
        if let Err(error) = watcher.watch(connection).await {
            debug!(%error, "connection ended");
        }
    }
}

/// Serves these routes without TLS or passwords.
pub async fn serve(listener: Listener, router: Router, cancel: CancellationToken) {
    Server::new(router, &WebPaths::default(), Arc::default()).serve(listener, cancel).await;
}
