//! Shares what is known about the rate limits of credentials with other replicas, so that none of them begins
//! with requests that GitHub will refuse.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;
use tracing::debug;

use super::shared::Shared;
use super::target::TargetTask;
use crate::github::{Credentials, RateLimit, SharedLimit};

/// How often it is shared while requests are sent: a long list may take hours.
const INTERVAL: Duration = Duration::from_secs(10);

impl TargetTask {
    /// Learns what other replicas know about the rate limit of the target's credential, before requests are
    /// sent.
    pub(super) async fn learn_limit(&self) {
        if !self.shared.store.is_shared() {
            return;
        }
        // If it can't sign in, the first request says so.
        if let Some((digest, limit)) = self.client.signed_in_limit().await {
            learn(&self.shared, &digest, &limit).await;
        }
    }

    /// Tells other replicas what is known about the rate limit, after requests were sent.
    pub(super) async fn share_limit(&self) {
        if !self.shared.store.is_shared() {
            return;
        }
        if let Some((digest, limit)) = self.client.known_limit() {
            exchange(&self.shared, &digest, &limit).await;
        }
    }
}

/// Shares all rate limits again and again, until cancelled.
pub(super) async fn keep_sharing(shared: Arc<Shared>, credentials: Arc<Credentials>) {
    loop {
        tokio::time::sleep(INTERVAL).await;
        for (digest, limit) in credentials.rate_limits() {
            exchange(&shared, &digest, &limit).await;
        }
    }
}

/// Learns what is stored. Returns it. If the store fails, each replica has its own knowledge: the store's
/// metrics say so.
async fn learn(shared: &Shared, digest: &str, limit: &RateLimit) -> Option<SharedLimit> {
    let note = shared.store.note(digest).await.ok()??;
    let known: SharedLimit = serde_json::from_str(&note).ok()?;
    limit.learn(&known, Instant::now(), Timestamp::now());
    Some(known)
}

/// Learns what is stored, and stores what is known now if that is news.
async fn exchange(shared: &Shared, digest: &str, limit: &RateLimit) {
    let stored = learn(shared, digest, limit).await;
    let time = Timestamp::now();
    let own = limit.to_shared(Instant::now(), time);
    let Some(ttl) = own.expires_in(time) else { return };
    if stored.is_some_and(|stored| stored.is_about(&own)) {
        return;
    }
    let Ok(text) = serde_json::to_string(&own) else { return };
    if shared.store.leave_note(digest, &text, ttl).await.is_ok() {
        debug!(remaining = own.remaining, "rate limit shared with other replicas");
    }
}
