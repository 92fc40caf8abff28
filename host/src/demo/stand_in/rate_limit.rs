//! The rate limit as GitHub reports it: requests within an hour.
//! <https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api>

use std::sync::{Mutex, PoisonError};

use axum::http::{HeaderMap, HeaderValue};
use jiff::Timestamp;

/// The requests that GitHub allows within an hour.
const LIMIT: u64 = 5000;
const HOUR_SECONDS: i64 = 3600;

/// Counts requests. It never refuses any: what remains is reported, which is enough for clients to wait.
#[derive(Default)]
pub(super) struct RateLimit(Mutex<Window>);

/// An hour.
#[derive(Default)]
struct Window {
    end: i64,
    used: u64,
}

impl RateLimit {
    /// Writes the headers of a response. GitHub does not count the response 304.
    pub(super) fn write_headers(&self, now: Timestamp, counted: bool, headers: &mut HeaderMap) {
        let mut window = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if now.as_second() >= window.end {
            *window = Window { end: now.as_second() + HOUR_SECONDS, used: 0 };
        }
        window.used += u64::from(counted);
        let remaining = LIMIT.saturating_sub(window.used);
        headers.insert("x-ratelimit-limit", HeaderValue::from(LIMIT));
        headers.insert("x-ratelimit-remaining", HeaderValue::from(remaining));
        headers.insert("x-ratelimit-used", HeaderValue::from(window.used));
        headers.insert("x-ratelimit-reset", HeaderValue::from(window.end));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remaining(limit: &RateLimit, second: i64, counted: bool) -> (String, String) {
        let mut headers = HeaderMap::new();
        let now = Timestamp::from_second(second).unwrap();
        limit.write_headers(now, counted, &mut headers);
        let text = |name: &str| headers[name].to_str().unwrap().to_owned();
        (text("x-ratelimit-remaining"), text("x-ratelimit-reset"))
    }

    #[test]
    fn the_limit_is_back_after_an_hour() {
        let limit = RateLimit::default();
        let at = |remaining: &str, reset: &str| (remaining.to_owned(), reset.to_owned());
        assert_eq!(remaining(&limit, 10_000, true), at("4999", "13600"));
        assert_eq!(remaining(&limit, 10_001, false), at("4999", "13600"));
        for _ in 0..6000 {
            remaining(&limit, 13_599, true);
        }
        assert_eq!(remaining(&limit, 13_599, true), at("0", "13600"));
        assert_eq!(remaining(&limit, 13_600, true), at("4999", "17200"));
    }
}
