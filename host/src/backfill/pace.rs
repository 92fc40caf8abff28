//! How fast requests are sent.

use std::num::NonZeroU32;
use std::time::Duration;

use tokio::time::Instant;

const HOUR: Duration = Duration::from_secs(3600);

/// Spreads requests evenly over each hour.
pub(super) struct Pace {
    interval: Duration,
    next: Instant,
}

impl Pace {
    /// At most this many requests in an hour; as many as GitHub allows if not given.
    pub(super) fn new(requests_per_hour: Option<NonZeroU32>, now: Instant) -> Self {
        let interval = requests_per_hour.map_or(Duration::ZERO, |number| HOUR / number.get());
        Self { interval, next: now }
    }

    /// Takes the time of the next request, which is not before `now`.
    fn take(&mut self, now: Instant) -> Instant {
        let at = self.next.max(now);
        self.next = at + self.interval;
        at
    }

    /// Waits until the next request may be sent.
    pub(super) async fn wait(&mut self) {
        tokio::time::sleep_until(self.take(Instant::now())).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_spread_over_the_hour_and_a_pause_is_not_made_up_for() {
        let start = Instant::now();
        let second = |seconds| start + Duration::from_secs(seconds);
        let mut pace = Pace::new(NonZeroU32::new(360), start);
        assert_eq!([0, 1, 2].map(|_| pace.take(start)), [0, 10, 20].map(second));
        assert_eq!([0, 1].map(|_| pace.take(second(1000))), [1000, 1010].map(second));
        let mut pace = Pace::new(None, start);
        assert_eq!([0, 1].map(|_| pace.take(start)), [start, start]);
    }
}
