//! The task of an endpoint: it waits for changes, for noon and for the next attempt.

use std::sync::Arc;

use jiff::Timestamp;
use tokio::time::Instant;

use super::environment::Environment;
use super::failure::{MAX_PAUSE, pause};
use super::round::End;
use super::state::EndpointState;
use crate::model::noon::{next_noon, sleep_time};
use crate::remote_write::Endpoint;

/// Pushes to an endpoint until it is aborted.
pub(super) async fn push_to(environment: Environment, endpoint: Endpoint) {
    let targets = Arc::clone(&environment.targets);
    let mut state = EndpointState::new(environment, endpoint);
    // Mappings that are still being compiled would add samples to days that are pushed already.
    targets.all_mappings_loaded().await;
    let mut changes = targets.changes();
    let mut noon = next_noon(Timestamp::now());
    let mut failures = 0;
    loop {
        let wait = match state.round().await {
            End::Complete => {
                failures = 0;
                None
            }
            End::Outage => {
                failures += 1;
                Some(pause(failures))
            }
            End::Settings => Some(MAX_PAUSE),
        };
        let retry_at = wait.map(|wait| Instant::now() + wait);
        loop {
            tokio::select! {
                changed = changes.changed() => {
                    if changed.is_err() {
                        // The exporter is stopping.
                        return;
                    }
                    if state.has_news() {
                        break;
                    }
                }
                () = sleep_until(retry_at) => break,
                () = tokio::time::sleep(sleep_time(Timestamp::now(), noon)) => {
                    let now = Timestamp::now();
                    if now >= noon {
                        noon = next_noon(now);
                        state.unsettle();
                        break;
                    }
                }
                () = sleep_until(state.unverified.next()) => {
                    if state.verify_due().await {
                        break;
                    }
                }
            }
        }
    }
}

/// Sleeps until then; without a time, forever.
async fn sleep_until(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time).await,
        None => std::future::pending().await,
    }
}
