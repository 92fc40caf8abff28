//! Serves HTTP so that idle connections, slow requests and slow readers can't keep Prometheus out.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use http_body_util::BodyExt;
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
use super::web::Web;

/// How long a client may take for the TLS handshake, to send the head of a request, and to send another one.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// How large the head of a request may be.
const MAX_HEAD_BYTES: usize = 64 << 10;
/// How long a client may take to read the next piece of an answer.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long running answers may take when the exporter stops.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(3);
/// How long to wait when the system has no more file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A bound socket.
pub struct Listener(TcpListener);

impl Listener {
    /// Binds `address`, such as `0.0.0.0:8000` or `localhost:0`.
    pub async fn bind(address: &str) -> io::Result<Self> {
        TcpListener::bind(address).await.map(Self)
    }

    /// The address, with the port that the system chose for port 0.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

/// What answers, on any number of sockets.
#[derive(Clone)]
pub struct Server {
    service: TowerToHyperService<Router>,
    web: Arc<Web>,
    connections: Arc<Connections>,
}

impl Server {
    /// Answers with these routes.
    pub fn new(router: Router, web: Arc<Web>) -> Self {
        let service = TowerToHyperService::new(router);
        Self { service, web, connections: Connections::new() }
    }

    /// Serves until cancelled; then lets running answers end, within a few seconds.
    pub async fn serve(self, listener: Listener, cancel: CancellationToken) {
        let graceful = GracefulShutdown::new();
        loop {
            let accepted = tokio::select! {
                () = cancel.cancelled() => break,
                accepted = self.accept(&listener.0) => accepted,
            };
            let Some((stream, connection)) = accepted else { continue };
            let (server, watcher, stopping) = (self.clone(), graceful.watcher(), cancel.clone());
            tokio::spawn(async move {
                let close = connection.close();
                let talk = server.talk(stream, &connection, watcher, stopping);
                if close.run_until_cancelled(talk).await.is_none() {
                    debug!("a connection made room for another one");
                }
            });
        }
        drop(listener);
        if tokio::time::timeout(SHUTDOWN_TIMEOUT, graceful.shutdown()).await.is_err() {
            warn!("some answers did not end in time");
        }
    }

    /// Accepts a connection, and makes room for it.
    async fn accept(&self, listener: &TcpListener) -> Option<(TcpStream, Connection)> {
        match listener.accept().await {
            Ok((stream, _)) => {
                // Answers are written in whole pieces; waiting to join them only costs time.
                stream.set_nodelay(true).ok();
                Some((stream, self.connections.enter().await?))
            }
            Err(error) => {
                warn!(%error, "a connection could not be accepted");
                self.connections.make_room(true);
                tokio::time::sleep(ACCEPT_PAUSE).await;
                None
            }
        }
    }

    async fn talk(
        self,
        stream: TcpStream,
        connection: &Connection,
        watcher: Watcher,
        stopping: CancellationToken,
    ) {
        let current = self.web.current();
        let Some(acceptor) = &current.tls else {
            return self.answer(stream, connection, watcher).await;
        };
        let handshake = tokio::time::timeout(HEADER_TIMEOUT, acceptor.accept(stream));
        let Some(shaken) = stopping.run_until_cancelled(handshake).await else { return };
        match shaken {
            Ok(Ok(stream)) => {
                let shown = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
                match current.admits(shown) {
                    true => self.answer(stream, connection, watcher).await,
                    false => debug!("a client's certificate has none of the allowed names"),
                }
            }
            Ok(Err(error)) => debug!(%error, "the TLS handshake failed"),
            Err(_) => debug!("the TLS handshake took too long"),
        }
    }

    async fn answer(
        self,
        stream: impl AsyncRead + AsyncWrite + Send + 'static,
        connection: &Connection,
        watcher: Watcher,
    ) {
        let mut stream = TimeoutStream::new(stream);
        stream.set_write_timeout(Some(WRITE_TIMEOUT));
        let activity = connection.activity();
        let service = service_fn(move |request| {
            let answering = activity.begin();
            let answer = self.service.call(request);
            async move {
                let response = answer.await?;
                // Until the last of it has been sent.
                let hold = move |frame| {
                    let _ = &answering;
                    frame
                };
                Ok::<_, std::convert::Infallible>(response.map(|body| body.map_frame(hold)))
            }
        });
        let talk = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEADER_TIMEOUT)
            .max_buf_size(MAX_HEAD_BYTES)
            .serve_connection(TokioIo::new(Box::pin(stream)), service);
        if let Err(error) = watcher.watch(talk).await {
            debug!(%error, "connection ended");
        }
    }
}

/// Serves these routes to everybody, without TLS.
pub async fn serve(listener: Listener, router: Router, cancel: CancellationToken) {
    Server::new(router, Arc::default()).serve(listener, cancel).await;
}
