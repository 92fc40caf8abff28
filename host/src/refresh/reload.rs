//! Asks for the settings to be read again.

use tokio::sync::{mpsc, oneshot};

/// How many may ask at once.
const QUEUE: usize = 16;

/// Asks, and waits for the answer. Clones ask the same exporter.
#[derive(Clone)]
pub struct Reloader(mpsc::Sender<Request>);

/// What is asked. The answer goes back through it.
pub type Request = oneshot::Sender<Result<(), String>>;

impl Reloader {
    /// A reloader, and what it asks come out of.
    pub fn new() -> (Self, mpsc::Receiver<Request>) {
        let (sender, receiver) = mpsc::channel(QUEUE);
        (Self(sender), receiver)
    }

    /// Has the settings read again. The error says why those of before stay in use.
    pub async fn reload(&self) -> Result<(), String> {
        let stopping = || "the exporter is stopping".to_owned();
        let (request, answer) = oneshot::channel();
        self.0.send(request).await.map_err(|_| stopping())?;
        answer.await.map_err(|_| stopping())?
    }
}
