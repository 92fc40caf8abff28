//! A task for each endpoint, started and stopped as the settings change.

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;
use tracing::info;

use super::environment::Environment;
use super::task::push_to;
use crate::remote_write::{Endpoint, Settings};

/// Pushes daily samples to the endpoints of the settings.
pub struct Pusher {
    environment: Environment,
    wanted: watch::Receiver<Vec<Settings>>,
    running: Vec<Running>,
}

/// The task of an endpoint. It is aborted when this is dropped.
struct Running {
    settings: Settings,
    task: AbortOnDropHandle<()>,
}

impl Pusher {
    /// A pusher that has not started. `wanted` are the settings of all endpoints, and their changes.
    pub fn new(environment: Environment, wanted: watch::Receiver<Vec<Settings>>) -> Self {
        Self { environment, wanted, running: Vec::new() }
    }

    /// Pushes until cancelled. What has not been pushed by then is pushed after the next start.
    pub async fn run(mut self, cancel: CancellationToken) {
        let running = async {
            loop {
                let wanted = self.wanted.borrow_and_update().clone();
                self.apply(wanted).await;
                if self.wanted.changed().await.is_err() {
                    // They can't change any more.
                    std::future::pending::<()>().await;
                }
            }
        };
        cancel.run_until_cancelled(running).await;
    }

    /// Makes the tasks those of the settings. An endpoint whose settings have not changed continues
    /// undisturbed.
    async fn apply(&mut self, wanted: Vec<Settings>) {
        let is_obsolete = |running: &mut Running| !wanted.contains(&running.settings);
        let stopped: Vec<Running> = self.running.extract_if(.., is_obsolete).collect();
        for Running { settings, task } in stopped {
            task.abort();
            // The task that replaces it may have the same name and so the same metrics.
            task.await.ok();
            info!(
                endpoint = settings.name,
                "no longer pushing to the endpoint with these settings"
            );
        }
        let names: Vec<&str> = wanted.iter().map(|settings| settings.name.as_str()).collect();
        self.environment.metrics.keep_endpoints(&names);
        self.environment.request_metrics.keep_endpoints(&names);
        let is_running =
            |settings: &Settings| self.running.iter().any(|running| running.settings == *settings);
        let new: Vec<Settings> =
            wanted.iter().filter(|settings| !is_running(settings)).cloned().collect();
        for settings in new {
            let metrics = self.environment.request_metrics.clone();
            let endpoint = Endpoint::new(settings.clone(), metrics);
            info!(endpoint = settings.name, "pushing daily samples to the endpoint");
            let task = tokio::spawn(push_to(self.environment.clone(), endpoint));
            let task = AbortOnDropHandle::new(task);
            self.running.push(Running { settings, task });
        }
    }
}
