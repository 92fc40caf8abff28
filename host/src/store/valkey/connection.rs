//! A connection that is opened when it is needed, and replaced after a failure.

use std::sync::{Arc, Weak};
use std::time::Duration;

use redis::{Cmd, Value};
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::connect::{Open, connect, name};
use super::failure::{Failure, FailureKind};
use super::health::{Health, Operation};
use crate::config::ValkeySettings;

/// How long a command may take. One that moves a chunk gets more time.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(3);
const CHUNK_TIMEOUT: Duration = Duration::from_secs(30);
/// After connecting has failed, commands fail at once, and it is tried again after this long, then after twice
/// as long, and so on up to the second one: no command waits for a server that is away, except for the first.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(4);

/// A connection to the server. Commands share it.
pub(super) struct Connection {
    settings: Arc<ValkeySettings>,
    server: String,
    health: Arc<Health>,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    open: Option<Open>,
    /// The number of the connection.
    number: u64,
    failed: Option<Failed>,
}

/// Connecting has failed.
struct Failed {
    failure: Failure,
    until: Instant,
    pause: Duration,
    /// Alive while it is being tried again, however that ends.
    retry: Weak<()>,
}

impl State {
    /// Notes how connecting ended.
    fn note(&mut self, opened: Result<Open, Failure>) -> Result<(Open, u64), Failure> {
        match opened {
            Ok(open) => {
                self.number += 1;
                self.failed = None;
                self.open = Some(open.clone());
                Ok((open, self.number))
            }
            Err(failure) => {
                let pause = self.failed.as_ref().map_or(FIRST_PAUSE, |failed| failed.pause * 2);
                let pause = pause.min(LONGEST_PAUSE);
                let (until, retry) = (Instant::now() + pause, Weak::new());
                self.failed = Some(Failed { failure: failure.clone(), until, pause, retry });
                Err(failure)
            }
        }
    }
}

impl Connection {
    /// It is opened by the first command.
    pub(super) fn new(settings: Arc<ValkeySettings>, health: Arc<Health>) -> Self {
        let server = name(&settings);
        Self { settings, server, health, state: Arc::default() }
    }

    /// Sends a command and waits for its response. A command whose connection breaks is sent once more: all
    /// of them may be repeated.
    pub(super) async fn send(&self, operation: Operation, command: &Cmd) -> Result<Value, Failure> {
        let (mut open, number) = self.open().await?;
        match self.try_send(operation, command, &mut open).await {
            // An idle connection may have been closed, or the server is not the primary any more.
            Err(failure)
                if failure.kind.wants_reconnect() && failure.kind != FailureKind::Timeout =>
            {
                self.discard(number).await;
                let (mut open, number) = self.open().await?;
                let sent = self.try_send(operation, command, &mut open).await;
                self.note(number, sent).await
            }
            sent => self.note(number, sent).await,
        }
    }

    async fn try_send(
        &self,
        operation: Operation,
        command: &Cmd,
        open: &mut Open,
    ) -> Result<Value, Failure> {
        let limit = match operation {
            Operation::LoadChunk | Operation::SaveChunk => CHUNK_TIMEOUT,
            Operation::Read | Operation::Write | Operation::Lease => COMMAND_TIMEOUT,
        };
        let started = Instant::now();
        match tokio::time::timeout(limit, open.send(command)).await {
            Ok(Ok(value)) => {
                self.health.succeeded(operation, started.elapsed());
                Ok(value)
            }
            Ok(Err(error)) => Err(Failure::of(&error, &self.server)),
            Err(_) => Err(Failure::new(FailureKind::Timeout, &self.server, None)),
        }
    }

    /// Counts a failure, and gives up the connection if another one may work.
    async fn note(&self, number: u64, sent: Result<Value, Failure>) -> Result<Value, Failure> {
        if let Err(failure) = &sent {
            self.health.failed(failure);
            if failure.kind.wants_reconnect() {
                self.discard(number).await;
            }
        }
        sent
    }

    /// The open connection and its number. One caller at a time opens a new one. After that has failed, it
    /// is tried again in the background.
    async fn open(&self) -> Result<(Open, u64), Failure> {
        let mut state = self.state.lock().await;
        if let Some(open) = &state.open {
            return Ok((open.clone(), state.number));
        }
        if let Some(failed) = &mut state.failed {
            if failed.retry.strong_count() == 0 && Instant::now() >= failed.until {
                let retry = Arc::new(());
                failed.retry = Arc::downgrade(&retry);
                let (state, settings) = (Arc::clone(&self.state), Arc::clone(&self.settings));
                let health = Arc::clone(&self.health);
                tokio::spawn(async move {
                    let _retry = retry;
                    let opened = connect(&settings).await;
                    if let Err(failure) = state.lock().await.note(opened) {
                        health.failed(&failure);
                    }
                });
            }
            return Err(failed.failure.clone());
        }
        let opened = state.note(connect(&self.settings).await);
        drop(state);
        opened.inspect_err(|failure| self.health.failed(failure))
    }

    async fn discard(&self, number: u64) {
        let mut state = self.state.lock().await;
        if state.number == number {
            state.open = None;
        }
    }
}
