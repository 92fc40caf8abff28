//! The response with a report's download links: links lead only to GitHub's hosts over TLS, days are
//! plausible, and errors quote nothing, as the response contains signed links.

#![no_main]

use std::sync::LazyLock;

use copilot_metrics_exporter::body::Body;
use copilot_metrics_exporter::github::fuzzing::{envelope, may_download, resource_of};
use jiff::Timestamp;
use jiff::civil::date;
use libfuzzer_sys::fuzz_target;
use url::Url;

static NOW: LazyLock<Timestamp> = LazyLock::new(|| "2026-11-22T06:00:00Z".parse().unwrap());
static API: LazyLock<Url> = LazyLock::new(|| "https://api.github.com".parse().unwrap());

/// The error without its numbers.
fn error_of(bytes: &[u8]) -> Option<String> {
    let error = envelope(&Body::of(bytes).unwrap(), *NOW).err()?.to_string();
    Some(error.chars().filter(|c| !c.is_ascii_digit() && *c != '-').collect())
}

/// The only two errors.
static ERRORS: LazyLock<[Option<String>; 2]> = LazyLock::new(|| {
    ["secret", r#"{"download_links":["https://secret"],"report_day":"1999-01-01"}"#]
        .map(|text| error_of(text.as_bytes()).filter(|error| !error.contains("secret")))
});

fn check_link(link: &str) {
    let Ok(url) = Url::parse(link) else { return };
    let host = url.host_str().unwrap_or_default();
    match may_download(&API, &url) {
        Ok(()) => {
            let is_storage = host.ends_with(".blob.core.windows.net");
            assert!(
                url.scheme() == "https" && (host == "copilot-reports.github.com" || is_storage)
            );
        }
        Err(reason) => {
            let leads_to = format!("leads to {host}, which is not one of the hosts that ");
            assert!(reason == "is not https" || reason.starts_with(&leads_to), "{reason}");
        }
    }
    let mut signed = url.clone();
    signed.set_query(Some("sig=secret"));
    assert_eq!(resource_of(&url), resource_of(&signed));
}

fuzz_target!(|bytes: &[u8]| {
    match envelope(&Body::of(bytes).unwrap(), *NOW) {
        Ok((links, day)) => {
            assert!(day.is_none_or(|day| (date(2020, 1, 1)..=date(2026, 11, 23)).contains(&day)));
            links.iter().for_each(|link| check_link(link));
        }
        Err(_) => assert!(ERRORS.contains(&error_of(bytes))),
    }
});
