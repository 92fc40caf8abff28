//! A server that answers requests as a test says, and records them.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::aws_lc_rs::default_provider;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};
use tokio_util::task::AbortOnDropHandle;

use crate::authority::Authority;

/// A request that it has received.
#[derive(Clone, Debug)]
pub struct Received {
    /// The path and query.
    pub path: String,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl Received {
    /// The value of a header; empty if it is missing.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

/// A response.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: String,
}

impl Reply {
    /// A response without headers.
    pub fn new(status: u16, body: &str) -> Self {
        Self { status, headers: Vec::new(), body: body.to_owned() }
    }

    /// The same with a header.
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

#[derive(Default)]
struct Script {
    replies: Mutex<VecDeque<Reply>>,
    /// The response to all requests whose path contains a text.
    fixed: Option<(&'static str, Reply)>,
    received: Mutex<Vec<Received>>,
}

/// A running server. It stops when it is dropped.
pub struct Receiver {
    address: SocketAddr,
    script: Arc<Script>,
    _task: AbortOnDropHandle<()>,
}

impl Receiver {
    /// Starts a server that sends these responses in their order, and 204 to all further requests.
    pub async fn start(replies: impl IntoIterator<Item = Reply>) -> Self {
        let replies = Mutex::new(replies.into_iter().collect());
        Self::start_with(Script { replies, ..Script::default() }).await
    }

    /// Starts a server that sends the same response to all requests whose path contains a text, and 204 to
    /// all others.
    pub async fn answering(path_part: &'static str, reply: Reply) -> Self {
        Self::start_with(Script { fixed: Some((path_part, reply)), ..Script::default() }).await
    }

    async fn start_with(script: Script) -> Self {
        let script = Arc::new(script);
        let listener = TcpListener::bind("127.0.0.1:0").await;
        let listener = listener.unwrap_or_else(|error| panic!("{error}"));
        let address = listener.local_addr().unwrap_or_else(|error| panic!("{error}"));
        let router = Router::new().fallback(answer).with_state(Arc::clone(&script));
        let task =
            tokio::spawn(async move { axum::serve(listener, router).await.unwrap_or_default() });
        Self { address, script, _task: AbortOnDropHandle::new(task) }
    }

    /// Its address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its URL.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The requests so far, oldest first.
    pub fn received(&self) -> Vec<Received> {
        lock(&self.script.received).clone()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn answer(
    State(script): State<Arc<Script>>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let path = uri.to_string();
    let fixed = script.fixed.as_ref().filter(|(part, _)| path.contains(part));
    let reply = match fixed {
        Some((_, reply)) => reply.clone(),
        None => lock(&script.replies).pop_front().unwrap_or_else(|| Reply::new(204, "")),
    };
    lock(&script.received).push(Received { path, headers, body });
    let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = (status, reply.body).into_response();
    for (name, value) in reply.headers {
        if let Ok(value) = value.parse() {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

/// TLS in front of another server, for clients with a certificate. It stops when it is dropped.
pub struct TlsFront {
    address: SocketAddr,
    _task: AbortOnDropHandle<()>,
}

impl TlsFront {
    /// Starts a server for `localhost` that forwards what clients send whose certificates are signed by the
    /// authority.
    pub async fn start(authority: &Authority, to: SocketAddr) -> Self {
        let (certificate, key) = authority.sign(&["localhost"], 30);
        let parsed = |pem: &str| {
            CertificateDer::from_pem_slice(pem.as_bytes()).unwrap_or_else(|error| panic!("{error}"))
        };
        let private = PrivateKeyDer::from_pem_slice(key.as_bytes());
        let private = private.unwrap_or_else(|error| panic!("{error}"));
        let mut roots = RootCertStore::empty();
        roots.add(parsed(&authority.pem())).unwrap_or_else(|error| panic!("{error}"));
        let provider = Arc::new(default_provider());
        let verifier =
            WebPkiClientVerifier::builder_with_provider(roots.into(), Arc::clone(&provider));
        let verifier = verifier.build().unwrap_or_else(|error| panic!("{error}"));
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .and_then(|config| {
                let config = config.with_client_cert_verifier(verifier);
                config.with_single_cert(vec![parsed(&certificate)], private)
            })
            .unwrap_or_else(|error| panic!("{error}"));
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await;
        let listener = listener.unwrap_or_else(|error| panic!("{error}"));
        let address = listener.local_addr().unwrap_or_else(|error| panic!("{error}"));
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                // An error closes the client's connection too.
                tokio::spawn(async move {
                    let mut opened = acceptor.accept(client).await?;
                    let mut server = TcpStream::connect(to).await?;
                    copy_bidirectional(&mut opened, &mut server).await
                });
            }
        });
        Self { address, _task: AbortOnDropHandle::new(task) }
    }

    /// Its URL.
    pub fn url(&self, path: &str) -> String {
        format!("https://localhost:{}{path}", self.address.port())
    }
}
