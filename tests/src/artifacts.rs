//! A stand-in for an OCI registry, which misbehaves as a test says, and records requests.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_lc_rs::digest::{SHA256, digest};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::task::AbortOnDropHandle;

/// The type of manifests.
pub const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// The type of the configuration of a mapping.
pub const CONFIG: &str = "application/vnd.wasm.config.v0+json";
/// The type of its layer.
pub const LAYER: &str = "application/wasm";

/// What a registry does instead of answering.
#[derive(Clone, Debug)]
pub enum Fault {
    /// It never answers.
    Hang,
    /// It answers with this status, and a message with this text.
    Status(u16, String),
    /// It redirects to the same path of this server.
    Redirect(String),
    /// It sends bytes without end.
    Endless,
    /// It asks for a password; with one, it goes on as another fault.
    SignIn(String, Option<Box<Fault>>),
}

/// A request that it has received.
#[derive(Clone, Debug)]
pub struct Request {
    /// The path.
    pub path: String,
    /// The header `Authorization`, if any.
    pub authorization: Option<String>,
}

#[derive(Default)]
struct Content {
    /// The contents by path below `/v2/NAME/`, with their types.
    contents: HashMap<String, (String, Bytes)>,
    /// What happens at paths that contain a text.
    faults: Vec<(String, Fault)>,
    requests: Vec<Request>,
}

/// A running registry. It stops when it is dropped.
pub struct StandInRegistry {
    address: SocketAddr,
    content: Arc<Mutex<Content>>,
    _task: AbortOnDropHandle<()>,
}

/// The digest of a content.
pub fn digest_of(content: &[u8]) -> String {
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    format!("sha256:{}", hex(digest(&SHA256, content).as_ref()))
}

impl StandInRegistry {
    /// Starts one without content.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await;
        let listener = listener.unwrap_or_else(|error| panic!("{error}"));
        let address = listener.local_addr().unwrap_or_else(|error| panic!("{error}"));
        let content: Arc<Mutex<Content>> = Arc::default();
        let router = Router::new().fallback(answer).with_state(Arc::clone(&content));
        let task =
            tokio::spawn(async move { axum::serve(listener, router).await.unwrap_or_default() });
        Self { address, content, _task: AbortOnDropHandle::new(task) }
    }

    /// A reference to the mapping with a tag, or with a digest.
    pub fn reference(&self, version: &str) -> String {
        let separator = if version.starts_with("sha256:") { '@' } else { ':' };
        format!("oci://{}/mapping{separator}{version}", self.address)
    }

    /// Its URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Adds a blob, and returns its descriptor.
    pub fn blob(&self, media_type: &str, content: &[u8]) -> Value {
        let digest = digest_of(content);
        self.put(format!("blobs/{digest}"), "application/octet-stream", content);
        json!({"mediaType": media_type, "digest": digest, "size": content.len()})
    }

    /// Adds a manifest under a tag and its digest, which it returns.
    pub fn manifest(&self, tag: &str, manifest: &Value) -> String {
        let bytes = manifest.to_string();
        let digest = digest_of(bytes.as_bytes());
        let media_type = manifest["mediaType"].as_str().unwrap_or(MANIFEST);
        for version in [tag, &digest] {
            self.put(format!("manifests/{version}"), media_type, bytes.as_bytes());
        }
        digest
    }

    /// Adds a mapping under a tag, and returns the digest of its manifest.
    pub fn mapping(&self, tag: &str, component: &[u8]) -> String {
        let config = self.blob(CONFIG, b"{}");
        let layer = self.blob(LAYER, component);
        self.manifest(tag, &manifest(&config, &layer))
    }

    /// Like [`Self::mapping`], but the layer has another content than its digest says.
    pub fn tampered(&self, tag: &str, component: &[u8], content: &[u8]) {
        let (config, layer) = (self.blob(CONFIG, b"{}"), self.blob(LAYER, component));
        let path = format!("blobs/{}", digest_of(component));
        self.put(path, "application/octet-stream", content);
        // Last, as it may be pulled from now on.
        self.manifest(tag, &manifest(&config, &layer));
    }

    fn put(&self, path: String, media_type: &str, content: &[u8]) {
        let content = (media_type.to_owned(), Bytes::copy_from_slice(content));
        self.lock().contents.insert(path, content);
    }

    /// From now on, something happens at paths that contain a text.
    pub fn fail(&self, path_part: &str, fault: Fault) {
        self.lock().faults = vec![(path_part.to_owned(), fault)];
    }

    /// From now on, it behaves well.
    pub fn recover(&self) {
        self.lock().faults.clear();
    }

    /// The requests so far, oldest first.
    pub fn requests(&self) -> Vec<Request> {
        self.lock().requests.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Content> {
        self.content.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The manifest of an artifact with one layer.
pub fn manifest(config: &Value, layer: &Value) -> Value {
    json!({"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [layer]})
}

async fn answer(
    State(content): State<Arc<Mutex<Content>>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let path = uri.path().to_owned();
    let header = headers.get("authorization").and_then(|value| value.to_str().ok());
    let authorization = header.map(str::to_owned);
    let (mut fault, found) = {
        let mut content = content.lock().unwrap_or_else(PoisonError::into_inner);
        content.requests.push(Request { path: path.clone(), authorization: authorization.clone() });
        let name = path.trim_start_matches("/v2/mapping/");
        let found = content.contents.get(name).cloned();
        let fault = content.faults.iter().find(|(part, _)| path.contains(part));
        (fault.map(|(_, fault)| fault.clone()), found)
    };
    if let Some(Fault::SignIn(challenge, next)) = fault {
        if authorization.is_none() {
            let headers = [("www-authenticate", challenge)];
            return (StatusCode::UNAUTHORIZED, headers).into_response();
        }
        fault = next.map(|next| *next);
    }
    match fault {
        Some(Fault::Hang) => std::future::pending().await,
        Some(Fault::Status(status, text)) => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::IM_A_TEAPOT);
            let body = json!({"errors": [{"code": "UNKNOWN", "message": text}]});
            (status, body.to_string()).into_response()
        }
        Some(Fault::Redirect(to)) => {
            (StatusCode::TEMPORARY_REDIRECT, [("location", format!("{to}{path}"))]).into_response()
        }
        Some(Fault::Endless) => {
            let chunks =
                stream::repeat_with(|| Ok::<_, std::io::Error>(Bytes::from(vec![0; 65536])));
            Body::from_stream(chunks).into_response()
        }
        Some(Fault::SignIn(..)) | None => match found {
            None => StatusCode::NOT_FOUND.into_response(),
            Some((media_type, bytes)) => {
                let headers =
                    [("content-type", media_type), ("docker-content-digest", digest_of(&bytes))];
                let body = if method == Method::HEAD { Bytes::new() } else { bytes };
                (headers, body).into_response()
            }
        },
    }
}
