//! GitHub's rate limits, for each credential.
//! <https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api>

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;
use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};
use tokio::time::Instant;

/// Where GitHub does not say how long to wait, at least this; then twice as long, and so on.
const LEAST_WAIT: Duration = Duration::from_secs(60);
/// No wait is longer: limits are by the hour.
const MOST_WAIT: Duration = Duration::from_secs(3700);
/// Long lists leave as large a part of the hour's requests to everything else.
const RESERVE: i64 = 5;

/// What kind of request waits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Weight {
    /// One of few.
    Single,
    /// A page of a long list: an enterprise's seats can be a thousand of them.
    Bulk,
}

/// What GitHub last said of a credential's limit.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Reading {
    /// Requests allowed in an hour.
    pub limit: Option<i64>,
    /// Of these still left.
    pub remaining: Option<i64>,
    /// When there are new ones, in seconds since 1970.
    pub reset: Option<i64>,
}

/// A credential's limit.
#[derive(Debug, Default)]
pub struct RateLimit {
    labels: Labels,
    state: Mutex<State>,
}

/// Whose limit it is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Labels {
    /// The credential's name.
    pub credential: String,
    /// The API's host.
    pub api: String,
    /// The App's installation, else empty: each has a limit of its own.
    pub installation: String,
}

#[derive(Debug, Default)]
struct State {
    reading: Reading,
    reset_at: Option<Instant>,
    blocked_until: Option<Instant>,
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
    /// A limit of which nothing is known yet.
    pub fn new(labels: Labels) -> Self {
        Self { labels, state: Mutex::default() }
    }

    /// Whose limit it is.
    pub fn labels(&self) -> &Labels {
        &self.labels
    }

    /// Takes one of the remaining requests, or returns how long to wait from `now` on. It is one step:
    /// of requests that are sent at once, none can take what another one has taken.
    pub fn take(&self, weight: Weight, now: Instant) -> Result<(), Duration> {
        let mut state = self.state();
        let wait = state.wait(weight, now);
        if !wait.is_zero() {
            return Err(wait);
        }
        // Until GitHub reports the number again.
        state.reading.remaining = state.reading.remaining.map(|left| (left - 1).max(0));
        Ok(())
    }

    /// How long a request has to wait from `now` on.
    pub fn wait(&self, weight: Weight, now: Instant) -> Duration {
        self.state().wait(weight, now)
    }

    /// Notes what an answer says of the limit.
    pub fn note(&self, headers: &HeaderMap, now: Instant) -> Reading {
        let mut state = self.state();
        let reading = Reading {
            limit: number(headers, "x-ratelimit-limit").or(state.reading.limit),
            remaining: number(headers, "x-ratelimit-remaining").or(state.reading.remaining),
            reset: number(headers, "x-ratelimit-reset").or(state.reading.reset),
        };
        if let Some(reset) = number(headers, "x-ratelimit-reset") {
            // Counted by GitHub's clock: this machine's may be wrong.
            let wait = reset - server_time(headers).unwrap_or_else(Timestamp::now).as_second();
            let wait = Duration::from_secs(wait.max(0).unsigned_abs());
            state.reset_at = Some(now + wait.min(MOST_WAIT));
        }
        state.reading = reading;
        reading
    }

    /// GitHub refused a request: nothing is sent for a while. Answers for how long.
    pub fn refused(&self, headers: &HeaderMap, now: Instant) -> Duration {
        let mut state = self.state();
        let doubled = LEAST_WAIT * 2u32.saturating_pow(state.refusals.min(10));
        let until_reset = state.reset_at.map(|at| at.saturating_duration_since(now));
        let used_up = state.reading.remaining == Some(0);
        let wait = retry_after(headers)
            .or(until_reset.filter(|wait| used_up && !wait.is_zero()))
            .unwrap_or(doubled)
            .min(MOST_WAIT);
        state.refusals += 1;
        state.blocked_until = Some(now + wait);
        wait
    }

    /// A request succeeded.
    pub fn succeeded(&self) {
        self.state().refusals = 0;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn number(headers: &HeaderMap, name: &str) -> Option<i64> {
    headers.get(name)?.to_str().ok()?.trim().parse().ok()
}

/// The time on the server's clock.
pub(super) fn server_time(headers: &HeaderMap) -> Option<Timestamp> {
    time(headers.get(DATE)?.to_str().ok()?)
}

fn time(text: &str) -> Option<Timestamp> {
    DateTimeParser::new().parse_timestamp(text.trim()).ok()
}

/// `retry-after` in seconds, or as a time. RFC 9110, section 10.2.3.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
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
    fn requests_sent_at_once_never_take_more_than_is_left() {
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
    fn where_no_request_is_left_everything_waits_for_the_reset_by_githubs_clock() {
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
    fn long_lists_leave_a_fifth_of_the_requests_to_the_rest() {
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
    fn a_secondary_limit_waits_as_long_as_github_says_else_a_minute_and_twice_that() {
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
        // Nobody is made to wait for days.
        assert_eq!(limit.refused(&headers(&[("retry-after", "99999999")]), now), MOST_WAIT);
    }
}
