//! Requests a reload of the settings.

use tokio::sync::{mpsc, oneshot};

/// How many requests may wait.
const QUEUE: usize = 16;

/// Requests reloads. Clones belong to the same exporter.
#[derive(Clone)]
pub struct Reloader(mpsc::Sender<Request>);

/// A request; the result is sent through it.
pub type Request = oneshot::Sender<Result<(), String>>;

impl Reloader {
    /// A reloader, and the receiver of its requests.
    pub fn new() -> (Self, mpsc::Receiver<Request>) {
        let (sender, receiver) = mpsc::channel(QUEUE);
        (Self(sender), receiver)
    }

    /// Reloads the settings. The error says why the previous ones stay in use. While one reload runs,
    /// all further requests wait for one more.
    pub async fn reload(&self) -> Result<(), String> {
        let stopping = || "the exporter is stopping".to_owned();
        let (request, result) = oneshot::channel();
        self.0.send(request).await.map_err(|_| stopping())?;
        result.await.map_err(|_| stopping())?
    }
}
