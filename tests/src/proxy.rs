//! A corporate proxy: it intercepts TLS with its own certificate authority, and records the requested hosts.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs::default_provider;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_util::task::AbortOnDropHandle;

use crate::authority::Authority;

/// A running proxy. It stops when it is dropped.
pub struct Proxy {
    address: SocketAddr,
    authority: String,
    requested: Arc<Mutex<Vec<String>>>,
    _task: AbortOnDropHandle<()>,
}

impl Proxy {
    /// Starts a proxy that forwards each host to the address in the same place of `to`, without TLS.
    pub async fn start(hosts: &'static [&'static str], to: Vec<SocketAddr>) -> Self {
        let authority = Authority::new();
        let (certificate, key) = authority.sign(hosts, 30);
        let certificate = CertificateDer::from_pem_slice(certificate.as_bytes());
        let certificate = certificate.unwrap_or_else(|error| panic!("{error}"));
        let private = PrivateKeyDer::from_pem_slice(key.as_bytes());
        let private = private.unwrap_or_else(|error| panic!("{error}"));
        let config = ServerConfig::builder_with_provider(default_provider().into())
            .with_safe_default_protocol_versions()
            .and_then(|config| {
                config.with_no_client_auth().with_single_cert(vec![certificate], private)
            })
            .unwrap_or_else(|error| panic!("{error}"));
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener =
            TcpListener::bind("127.0.0.1:0").await.unwrap_or_else(|error| panic!("{error}"));
        let address = listener.local_addr().unwrap_or_else(|error| panic!("{error}"));
        let requested = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&requested);
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (acceptor, seen, to) = (acceptor.clone(), Arc::clone(&seen), to.clone());
                // An error closes the client's connection too.
                tokio::spawn(
                    async move { forward(client, acceptor, hosts, &to, &seen).await.ok() },
                );
            }
        });
        let _task = AbortOnDropHandle::new(task);
        Self { address, authority: authority.pem(), requested, _task }
    }

    /// Its URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The certificate of its authority, as PEM.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// The requested hosts, oldest first.
    pub fn requested_hosts(&self) -> Vec<String> {
        self.requested.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

async fn forward(
    mut client: TcpStream,
    acceptor: TlsAcceptor,
    hosts: &[&str],
    to: &[SocketAddr],
    requested: &Mutex<Vec<String>>,
) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(client.read_u8().await?);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let host = head.strip_prefix("CONNECT ").and_then(|rest| rest.split(':').next());
    let host = host.unwrap_or_default().to_owned();
    let address = hosts.iter().position(|known| *known == host).and_then(|index| to.get(index));
    requested.lock().unwrap_or_else(PoisonError::into_inner).push(host);
    let Some(address) = address else {
        return client.write_all(b"HTTP/1.1 502 Bad Gateway\r\n\r\n").await;
    };
    client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await?;
    let mut opened = acceptor.accept(client).await?;
    let mut server = TcpStream::connect(address).await?;
    copy_bidirectional(&mut opened, &mut server).await?;
    Ok(())
}
