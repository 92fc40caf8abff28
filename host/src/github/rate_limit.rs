//! GitHub's rate limits, per credential.
//! <https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api>

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;
use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};
use tokio::time::Instant;

/// The first wait if GitHub does not say how long. Each further one is twice as long.
const MIN_WAIT: Duration = Duration::from_secs(60);
/// The longest wait: limits are reset every hour.
pub(super) const MAX_WAIT: Duration = Duration::from_secs(3700);
/// Long lists leave a fifth of the hourly requests to all other documents.
pub const RESERVE: i64 = 5;

/// How much a request matters to the rate limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    /// One of a few.
    Single,
    /// A page of a long list: the seats of an enterprise can have a thousand pages.
    Bulk,
}

/// What GitHub last reported about a credential's rate limit.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Reading {
    /// Requests allowed per hour.
    pub limit: Option<i64>,
    /// Requests that remain until the reset.
    pub remaining: Option<i64>,
    /// The time of the reset, in seconds since 1970.
    pub reset: Option<i64>,
}

/// The rate limit of a credential.
#[derive(Debug, Default)]
pub struct RateLimit {
    labels: Labels,
    state: Mutex<State>,
}

/// Whose rate limit it is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Labels {
    /// The credential's name.
    pub credential: String,
    /// The API's host.
    pub api: String,
    /// The App's installation, each of which has its own limit. Otherwise empty.
    pub installation: String,
}

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) reading: Reading,
    pub(super) reset_at: Option<Instant>,
    pub(super) blocked_until: Option<Instant>,
    refusals: u32,
}

impl State {
    fn wait(&self, weight: Weight, now: Instant) -> Duration {
        let until_reset = self.reset_at.map(|at| at.saturating_duration_since(now));
        let needed = match weight {
            Weight::Single => 1,
            Weight::Bulk => self.reading.limit.unwrap_or_default() / RESERVE,
        };
        let used_up = self.reading.remaining.is_some_and(|remaining| remaining < needed);
        let for_reset = until_reset.filter(|_| used_up).unwrap_or_default();
        let for_block = self.blocked_until.map(|at| at.saturating_duration_since(now));
        for_reset.max(for_block.unwrap_or_default())
    }
}

impl RateLimit {
    /// Creates a rate limit about which nothing is known yet.
    pub fn new(labels: Labels) -> Self {
        Self { labels, state: Mutex::default() }
    }

    /// Whose rate limit it is.
    pub fn labels(&self) -> &Labels {
        &self.labels
    }

    /// The requests allowed per hour, if GitHub has reported that.
    pub fn limit(&self) -> Option<i64> {
        self.state().reading.limit
    }

    /// Takes one of the remaining requests, or returns how long to wait from `now` on. It is atomic:
    /// concurrent requests never take the same one.
    pub fn take(&self, weight: Weight, now: Instant) -> Result<(), Duration> {
        let mut state = self.state();
        let wait = state.wait(weight, now);
        if !wait.is_zero() {
            return Err(wait);
        }
        // Counted down here until GitHub reports the number again.
        state.reading.remaining = state.reading.remaining.map(|left| left.saturating_sub(1).max(0));
        Ok(())
    }

    /// How long a request has to wait from `now` on.
    pub fn wait(&self, weight: Weight, now: Instant) -> Duration {
        self.state().wait(weight, now)
    }

    /// Records what a response says about the rate limit.
    pub fn note(&self, headers: &HeaderMap, now: Instant) -> Reading {
        let mut state = self.state();
        let reading = Reading {
            limit: number(headers, "x-ratelimit-limit").or(state.reading.limit),
            remaining: number(headers, "x-ratelimit-remaining").or(state.reading.remaining),
            reset: number(headers, "x-ratelimit-reset").or(state.reading.reset),
        };
        if let Some(reset) = number(headers, "x-ratelimit-reset") {
            // Relative to GitHub's clock, since this machine's may be wrong.
            let now_there = server_time(headers).unwrap_or_else(Timestamp::now).as_second();
            let wait = reset.saturating_sub(now_there);
            let wait = Duration::from_secs(wait.max(0).unsigned_abs());
            state.reset_at = Some(now + wait.min(MAX_WAIT));
        }
        state.reading = reading;
        reading
    }

    /// Records that GitHub refused a request because of the rate limit. Returns how long nothing is
    /// sent.
    pub fn refused(&self, headers: &HeaderMap, now: Instant) -> Duration {
        let mut state = self.state();
        let doubled = MIN_WAIT * 2u32.saturating_pow(state.refusals.min(10));
        let until_reset = state.reset_at.map(|at| at.saturating_duration_since(now));
        let used_up = state.reading.remaining == Some(0);
        let wait = retry_after(headers)
            .or(until_reset.filter(|wait| used_up && !wait.is_zero()))
            .unwrap_or(doubled)
            .min(MAX_WAIT);
        state.refusals += 1;
        state.blocked_until = Some(now + wait);
        wait
    }

    /// Records that a request succeeded.
    pub fn succeeded(&self) {
        self.state().refusals = 0;
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn number(headers: &HeaderMap, name: &str) -> Option<i64> {
    headers.get(name)?.to_str().ok()?.trim().parse().ok()
}

/// The server's time.
pub(super) fn server_time(headers: &HeaderMap) -> Option<Timestamp> {
    time(headers.get(DATE)?.to_str().ok()?)
}

fn time(text: &str) -> Option<Timestamp> {
    DateTimeParser::new().parse_timestamp(text.trim()).ok()
}

/// `Retry-After`, in seconds or as a date (RFC 9110, section 10.2.3).
pub fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?;
    let seconds = text.trim().parse::<u64>().ok().or_else(|| {
        let now = server_time(headers).unwrap_or_else(Timestamp::now);
        Some((time(text)?.as_second() - now.as_second()).max(0).unsigned_abs())
    });
    seconds.map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn concurrent_requests_never_take_more_than_remain() {
        let (limit, now) = (RateLimit::default(), Instant::now());
        let reset = (NOON_SECONDS + 60).to_string();
        let reading = [
            ("x-ratelimit-remaining", "50"),
            ("x-ratelimit-reset", reset.as_str()),
            ("date", NOON),
        ];
        limit.note(&headers(&reading), now);
        let taken = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..100 {
                        if limit.take(Weight::Single, now).is_ok() {
                            taken.fetch_add(1, Ordering::Relaxed);
                        }
                    }
                });
            }
        });
        assert_eq!(taken.into_inner(), 50);
    }

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    const NOON: &str = "Sun, 22 Nov 2026 12:00:00 GMT";
    const NOON_SECONDS: i64 = 1_795_348_800;

    #[test]
    fn when_no_request_remains_all_wait_for_the_reset_by_githubs_clock() {
        let (limit, now) = (RateLimit::default(), Instant::now());
        let reset = (NOON_SECONDS + 90).to_string();
        limit.note(
            &headers(&[
                ("x-ratelimit-limit", "5000"),
                ("x-ratelimit-remaining", "0"),
                ("x-ratelimit-reset", &reset),
                ("date", NOON),
            ]),
            now,
        );
        assert_eq!(limit.wait(Weight::Single, now), Duration::from_secs(90));
        assert_eq!(limit.wait(Weight::Single, now + Duration::from_secs(91)), Duration::ZERO);
    }

    #[test]
    fn no_time_of_a_reset_is_too_far_away_to_be_read() {
        let (limit, now) = (RateLimit::default(), Instant::now());
        for (reset, waits) in [(i64::MAX, MAX_WAIT), (i64::MIN, Duration::ZERO)] {
            let (reset, remaining) = (reset.to_string(), ("x-ratelimit-remaining", "0"));
            limit.note(&headers(&[remaining, ("x-ratelimit-reset", &reset), ("date", NOON)]), now);
            assert_eq!(limit.wait(Weight::Single, now), waits, "{reset}");
        }
    }

    #[test]
    fn a_number_of_requests_far_below_zero_does_not_become_a_large_one() {
        let (limit, now) = (RateLimit::default(), Instant::now());
        let lowest = i64::MIN.to_string();
        limit.note(&headers(&[("x-ratelimit-remaining", &lowest)]), now);
        // Without the time of the reset, there is nothing to wait for.
        assert_eq!(limit.take(Weight::Single, now), Ok(()));
        let reset = (NOON_SECONDS + 90).to_string();
        limit.note(&headers(&[("x-ratelimit-reset", &reset), ("date", NOON)]), now);
        assert_eq!(limit.take(Weight::Single, now), Err(Duration::from_secs(90)));
    }

    #[test]
    fn long_lists_leave_a_fifth_of_the_requests_to_other_documents() {
        let (limit, now) = (RateLimit::default(), Instant::now());
        let left = |remaining: &str| {
            let reset = (NOON_SECONDS + 60).to_string();
            limit.note(
                &headers(&[
                    ("x-ratelimit-limit", "5000"),
                    ("x-ratelimit-remaining", remaining),
                    ("x-ratelimit-reset", &reset),
                    ("date", NOON),
                ]),
                now,
            );
            (limit.wait(Weight::Single, now), limit.wait(Weight::Bulk, now))
        };
        assert_eq!(left("1000"), (Duration::ZERO, Duration::ZERO));
        assert_eq!(left("999"), (Duration::ZERO, Duration::from_secs(60)));
        assert_eq!(left("1"), (Duration::ZERO, Duration::from_secs(60)));
    }

    #[test]
    fn a_secondary_limit_waits_as_long_as_github_says_or_a_minute_and_then_twice_as_long() {
        let (limit, now) = (RateLimit::default(), Instant::now());
        assert_eq!(limit.refused(&headers(&[("retry-after", "7")]), now), Duration::from_secs(7));
        assert_eq!(limit.wait(Weight::Single, now), Duration::from_secs(7));
        limit.succeeded();
        assert_eq!(limit.refused(&headers(&[]), now), Duration::from_secs(60));
        assert_eq!(limit.refused(&headers(&[]), now), Duration::from_secs(120));
        let dated = [("retry-after", "Sun, 22 Nov 2026 12:00:30 GMT"), ("date", NOON)];
        assert_eq!(limit.refused(&headers(&dated), now), Duration::from_secs(30));
        limit.succeeded();
        assert_eq!(limit.refused(&headers(&[]), now), Duration::from_secs(60));
        // An absurd value does not make it wait for years.
        assert_eq!(limit.refused(&headers(&[("retry-after", "99999999")]), now), MAX_WAIT);
    }
}
