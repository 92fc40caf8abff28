//! What replicas tell each other about a rate limit. Pure: the time is handed in, by both clocks.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::rate_limit::{MAX_WAIT, RateLimit, State};

/// What one replica knows about a rate limit, by the wall clock.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SharedLimit {
    /// Requests allowed per hour.
    pub limit: Option<i64>,
    /// Requests that remain until the reset.
    pub remaining: Option<i64>,
    /// The time of the reset by GitHub's clock, in seconds since 1970.
    pub reset: Option<i64>,
    /// The time of the reset.
    pub reset_at: Option<Timestamp>,
    /// The time until which GitHub refuses all requests.
    pub blocked_until: Option<Timestamp>,
}

impl SharedLimit {
    /// Whether it says the same: the times are computed, and differ by less than a second.
    pub fn is_about(&self, other: &Self) -> bool {
        let seconds = |of: &Self| {
            [of.reset_at, of.blocked_until].map(|at| at.map_or(0, Timestamp::as_second))
        };
        let mut times = seconds(self).into_iter().zip(seconds(other));
        (self.limit, self.remaining, self.reset) == (other.limit, other.remaining, other.reset)
            && times.all(|(one, other)| one.abs_diff(other) <= 1)
    }

    /// How long it is of use. `None`: it says nothing about the time after `time`.
    pub fn expires_in(&self, time: Timestamp) -> Option<Duration> {
        let end = self.reset_at.max(self.blocked_until)?;
        let left: Duration = end.duration_since(time).try_into().ok()?;
        Some(left.min(MAX_WAIT)).filter(|left| !left.is_zero())
    }
}

impl RateLimit {
    /// What is known, for other replicas.
    pub fn to_shared(&self, now: Instant, time: Timestamp) -> SharedLimit {
        let state = self.state();
        let by_clock = |at: Option<Instant>| {
            let left = at.map(|at| at.saturating_duration_since(now));
            let left = left.filter(|left| !left.is_zero());
            left.and_then(|left| time.checked_add(left).ok())
        };
        let reset_at = by_clock(state.reset_at);
        // After the reset, the numbers of the hour before say nothing.
        let (remaining, reset) = match reset_at {
            Some(_) => (state.reading.remaining, state.reading.reset),
            None => (None, None),
        };
        let blocked_until = by_clock(state.blocked_until);
        SharedLimit { limit: state.reading.limit, remaining, reset, reset_at, blocked_until }
    }

    /// Learns what another replica knows: of the same hour, the smaller number of requests remains; a later
    /// hour replaces an earlier one; the longer of two waits counts.
    pub fn learn(&self, shared: &SharedLimit, now: Instant, time: Timestamp) {
        let by_instant = |at: Option<Timestamp>| -> Option<Instant> {
            let left: Duration = at?.duration_since(time).try_into().ok()?;
            Some(now + left.min(MAX_WAIT)).filter(|at| *at > now)
        };
        let mut state = self.state();
        if let Some(reset_at) = by_instant(shared.reset_at) {
            state.learn_reading(shared, reset_at, now);
        }
        state.blocked_until = state.blocked_until.max(by_instant(shared.blocked_until));
    }
}

impl State {
    fn learn_reading(&mut self, shared: &SharedLimit, reset_at: Instant, now: Instant) {
        let own = self.reset_at.filter(|at| *at > now).and(self.reading.reset);
        let is_later = own.is_none_or(|own| shared.reset.is_some_and(|shared| shared > own));
        if is_later {
            self.reading.limit = shared.limit.or(self.reading.limit);
            self.reading.remaining = shared.remaining;
            self.reading.reset = shared.reset;
            self.reset_at = Some(reset_at);
        } else if own == shared.reset {
            let both = self.reading.remaining.zip(shared.remaining);
            self.reading.remaining = both.map(|(own, shared)| own.min(shared));
        }
    }
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderMap;

    use super::super::rate_limit::Weight;
    use super::*;

    const NOON: &str = "Sun, 22 Nov 2026 12:00:00 GMT";
    const NOON_SECONDS: i64 = 1_795_348_800;

    /// A response with this many requests left until a number of seconds after noon.
    fn headers(remaining: i64, reset: i64) -> HeaderMap {
        let reset = (NOON_SECONDS + reset).to_string();
        let pairs = [
            ("x-ratelimit-limit", "5000".to_owned()),
            ("x-ratelimit-remaining", remaining.to_string()),
            ("x-ratelimit-reset", reset),
            ("date", NOON.to_owned()),
        ];
        pairs
            .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
            .into_iter()
            .collect()
    }

    fn noon() -> Timestamp {
        Timestamp::from_second(NOON_SECONDS).unwrap()
    }

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_replica_waits_for_what_another_one_was_refused() {
        let (one, other, now) = (RateLimit::default(), RateLimit::default(), Instant::now());
        let secondary = [("retry-after".parse().unwrap(), "120".parse().unwrap())];
        one.refused(&secondary.into_iter().collect(), now);
        // As it is stored.
        let text = serde_json::to_string(&one.to_shared(now, noon())).unwrap();
        let shared: SharedLimit = serde_json::from_str(&text).unwrap();
        assert_eq!(shared.expires_in(noon()), Some(seconds(120)));
        other.learn(&shared, now, noon());
        assert_eq!(other.wait(Weight::Single, now), seconds(120));
        // A replica that learns it later waits for the rest.
        let late = RateLimit::default();
        late.learn(&shared, now, noon() + seconds(100));
        assert_eq!(late.wait(Weight::Single, now), seconds(20));
        // One that waits longer already does not wait less.
        late.refused(
            &[("retry-after".parse().unwrap(), "900".parse().unwrap())].into_iter().collect(),
            now,
        );
        late.learn(&shared, now, noon());
        assert_eq!(late.wait(Weight::Single, now), seconds(900));
    }

    #[test]
    fn of_the_same_hour_the_smaller_number_remains() {
        let (one, other, now) = (RateLimit::default(), RateLimit::default(), Instant::now());
        one.note(&headers(0, 90), now);
        let shared = one.to_shared(now, noon());
        // Whether it has known the hour or not.
        other.learn(&shared, now, noon());
        assert_eq!(other.wait(Weight::Single, now), seconds(90));
        other.note(&headers(10, 90), now);
        assert_eq!(other.wait(Weight::Single, now), Duration::ZERO);
        other.learn(&shared, now, noon());
        assert_eq!(other.wait(Weight::Single, now), seconds(90));
        // The other way round, nothing changes.
        let more = RateLimit::default();
        more.note(&headers(4000, 90), now);
        one.learn(&more.to_shared(now, noon()), now, noon());
        assert_eq!(one.wait(Weight::Single, now), seconds(90));
    }

    #[test]
    fn the_numbers_of_an_hour_that_is_over_are_not_shared_and_not_learnt() {
        let (one, other, now) = (RateLimit::default(), RateLimit::default(), Instant::now());
        one.note(&headers(0, 90), now);
        let shared = one.to_shared(now, noon());
        let later = noon() + seconds(91);
        assert_eq!(shared.expires_in(later), None);
        other.learn(&shared, now, later);
        assert_eq!(other.wait(Weight::Single, now), Duration::ZERO);
        let after = one.to_shared(now + seconds(91), later);
        assert_eq!((after.remaining, after.reset_at), (None, None));
        // The next hour has begun here.
        other.note(&headers(5000, 3690), now);
        other.learn(&shared, now, noon());
        assert_eq!(other.wait(Weight::Single, now), Duration::ZERO);
        // And is learnt there.
        one.learn(&other.to_shared(now, noon()), now, noon());
        assert_eq!(one.wait(Weight::Single, now), Duration::ZERO);
    }

    #[test]
    fn nothing_makes_a_replica_wait_for_longer_than_an_hour() {
        let (limit, now) = (RateLimit::default(), Instant::now());
        let blocked_until = Some(noon() + seconds(1_000_000));
        let shared = SharedLimit { blocked_until, ..SharedLimit::default() };
        assert_eq!(shared.expires_in(noon()), Some(MAX_WAIT));
        limit.learn(&shared, now, noon());
        assert_eq!(limit.wait(Weight::Single, now), MAX_WAIT);
    }
}
