//! Has one refresh run for each target, and changes them when the settings change.

use std::sync::Arc;

use futures_util::future::join_all;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::github::{Client, Credentials, Transport, TransportError};
use crate::refresh::{Refresh, Shared};
use crate::settings::{Settings, TargetSettings};

/// The refreshes that run.
pub struct Supervisor {
    shared: Arc<Shared>,
    transport: Arc<Transport>,
    credentials: Credentials,
    running: Vec<Running>,
}

struct Running {
    settings: Arc<TargetSettings>,
    cancel: CancellationToken,
    task: JoinHandle<()>,
    blocking: TaskTracker,
}

impl Supervisor {
    /// No targets yet.
    pub fn new(shared: Arc<Shared>, settings: &Settings) -> Result<Self, TransportError> {
        let transport = Transport::new(settings.github.clone(), Arc::clone(&shared.telemetry))?;
        Ok(Self {
            shared,
            transport: Arc::new(transport),
            credentials: Credentials::default(),
            running: Vec::new(),
        })
    }

    /// Makes the targets those of the settings. One whose settings are as they were goes on
    /// undisturbed. If it fails, nothing has changed.
    pub async fn apply(&mut self, settings: &Settings) -> Result<(), TransportError> {
        let mut stopped = Vec::new();
        if *self.transport.settings() != settings.github {
            let telemetry = Arc::clone(&self.shared.telemetry);
            self.transport = Arc::new(Transport::new(settings.github.clone(), telemetry)?);
            // Each of them has the transport of before.
            stopped = self.stop(|_| true).await;
        }
        stopped.extend(self.stop(|running| !settings.targets.contains(running)).await);
        // What they still write must not come after what the new ones do.
        for blocking in stopped {
            blocking.close();
            blocking.wait().await;
        }
        let Shared { publisher, telemetry, cache, .. } = &*self.shared;
        let targets: Vec<_> = settings.targets.iter().map(|one| one.target.clone()).collect();
        for (target, _) in publisher.statuses() {
            if !targets.contains(&target) {
                cache.forget(&target);
                telemetry.remove_target(&target);
            }
        }
        publisher.set_targets(&targets, settings.missing.clone());
        let is_new = |one: &&TargetSettings| !self.running.iter().any(|r| *r.settings == **one);
        let mut new: Vec<Refresh> = Vec::new();
        for target in settings.targets.iter().filter(is_new) {
            telemetry.add_target(&target.target);
            let client = Client::new(&self.transport, &self.credentials, target);
            new.push(Refresh::new(&self.shared, client, Arc::new(target.clone())));
        }
        // Before any request: what is cached is served at once, whatever GitHub does.
        join_all(new.iter_mut().map(Refresh::restore)).await;
        for refresh in new {
            let (settings, cancel) = (Arc::clone(refresh.settings()), CancellationToken::new());
            let blocking = refresh.blocking().clone();
            let task = tokio::spawn(refresh.run(cancel.clone()));
            self.running.push(Running { settings, cancel, task, blocking });
        }
        self.credentials.prune();
        Ok(())
    }

    /// Whether anything is refreshed.
    pub fn has_targets(&self) -> bool {
        !self.running.is_empty()
    }

    /// Stops all refreshes.
    pub async fn shutdown(mut self) {
        self.stop(|_| true).await;
    }

    /// Answers what of them goes on for a moment on other threads.
    async fn stop(&mut self, which: impl Fn(&TargetSettings) -> bool) -> Vec<TaskTracker> {
        let stopped: Vec<Running> =
            self.running.extract_if(.., |running| which(&running.settings)).collect();
        for running in &stopped {
            running.cancel.cancel();
        }
        join_all(stopped.into_iter().map(|running| async {
            running.task.await.ok();
            running.blocking
        }))
        .await
    }
}
