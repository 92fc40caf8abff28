//! The headers of the rate limit: whatever a server sends, no wait is longer than until the next reset.
//! Responses are separated by blank lines; one with the status line `429` is refused.

#![no_main]

use std::time::Duration;

use copilot_metrics_exporter::github::fuzzing::retry_after;
use copilot_metrics_exporter::github::{RateLimit, Weight};
use http::{HeaderMap, HeaderName, HeaderValue};
use libfuzzer_sys::fuzz_target;
use tokio::time::Instant;

/// Limits are reset every hour, and clocks differ.
const MAX_WAIT: Duration = Duration::from_secs(3700);

fn headers(response: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    // A server's response has no more than that.
    for line in response.lines().take(20) {
        let Some((name, value)) = line.split_once(':') else { continue };
        if let (Ok(name), Ok(value)) =
            (name.trim().parse::<HeaderName>(), HeaderValue::from_str(value))
        {
            headers.append(name, value);
        }
    }
    headers
}

fuzz_target!(|responses: &str| {
    let (limit, now) = (RateLimit::default(), Instant::now());
    for response in responses.split("\n\n") {
        let headers = headers(response);
        limit.note(&headers, now);
        retry_after(&headers);
        match response.starts_with("429") {
            true => assert!(limit.refused(&headers, now) <= MAX_WAIT),
            false => limit.succeeded(),
        }
        for weight in [Weight::Single, Weight::Bulk] {
            let wait = limit.wait(weight, now);
            assert!(wait <= MAX_WAIT);
            match limit.take(weight, now) {
                Ok(()) => assert!(wait.is_zero()),
                Err(taken) => assert_eq!(taken, wait),
            }
            assert!(limit.wait(weight, now + MAX_WAIT).is_zero());
        }
    }
});
