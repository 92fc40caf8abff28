//! Until when something is retried.

use std::time::Duration;

use tokio::time::Instant;

/// Until when requests are sent and repeated: a command gives up after some minutes, the exporter tries
/// again later.
#[derive(Clone, Copy, Debug)]
pub struct Deadline(Instant);

impl Deadline {
    /// The time after a duration from now.
    pub fn after(duration: Duration) -> Self {
        let now = Instant::now();
        // Thirty years are as good as forever.
        let forever = || now + Duration::from_secs(30 * 365 * 24 * 3600);
        Self(now.checked_add(duration).unwrap_or_else(forever))
    }

    /// The time that is left.
    pub(super) fn left(self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }
}
