//! Reads single values. Every error says what would be right.

use std::time::Duration;

use clap::ValueEnum;
use jiff::SignedDuration;
use url::Url;

use crate::model::Secret;

/// A year: whoever waits longer has mistaken the unit.
const MAX_TTL: Duration = Duration::from_secs(366 * 24 * 3600);

/// A request that takes a day has failed.
const MAX_DURATION: Duration = Duration::from_secs(24 * 3600);

/// Whether a URL is of this machine.
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// One of few words, in upper or lower case.
pub(super) fn choice<T: ValueEnum>(text: &str) -> Result<T, String> {
    T::from_str(text, true).map_err(|_| {
        let words: Vec<_> = T::value_variants()
            .iter()
            .filter_map(|value| Some(value.to_possible_value()?.get_name().to_owned()))
            .collect();
        format!("{text:?} is none of {}", words.join(", "))
    })
}

/// The text of a token. `None`: it is empty. It is never quoted: it may be nearly right.
pub(crate) fn token(text: &str) -> Result<Option<Secret>, String> {
    let text = text.trim();
    if text.bytes().any(|byte| !byte.is_ascii_graphic()) {
        return Err("it has a space or another character that no token has".to_owned());
    }
    Ok((!text.is_empty()).then(|| Secret::new(text)))
}

/// A TTL in whole seconds.
pub(super) fn ttl_seconds(text: &str) -> Result<Duration, String> {
    let ttl = text.parse().map(Duration::from_secs).ok();
    ttl.filter(|ttl| !ttl.is_zero() && *ttl <= MAX_TTL).ok_or_else(|| {
        format!(
            "{text:?} is no whole number of seconds from 1 to {}, such as 3600",
            MAX_TTL.as_secs()
        )
    })
}

/// A TTL such as `90s` or `1h 30m`, of a second to a year.
pub(super) fn ttl(text: &str) -> Result<Duration, String> {
    any_duration(text).filter(|d| *d >= Duration::from_secs(1) && *d <= MAX_TTL).ok_or_else(|| {
        format!("{text:?} is no duration from a second to a year, such as 90s, 30m or 1h 30m")
    })
}

/// A duration such as `500ms` or `1m 30s`, of a millisecond to a day.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let fits = |d: &Duration| *d >= Duration::from_millis(1) && *d <= MAX_DURATION;
    any_duration(text).filter(fits).ok_or_else(|| {
        format!("{text:?} is no duration from a millisecond to a day, such as 500ms, 30s or 10m")
    })
}

fn any_duration(text: &str) -> Option<Duration> {
    text.parse::<SignedDuration>().ok().and_then(|duration| Duration::try_from(duration).ok())
}

/// A whole number within bounds.
pub(super) fn number(text: &str, least: u64, most: u64, example: u64) -> Result<u64, String> {
    let number = text.parse().ok().filter(|number| (least..=most).contains(number));
    number.ok_or_else(|| {
        format!("{text:?} is no whole number from {least} to {most}, such as {example}")
    })
}

/// A SHA-256 in hexadecimal.
pub(super) fn sha256(text: &str) -> Result<String, String> {
    if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(format!(
            "{text:?} is no SHA-256: 64 hexadecimal digits, as `mapping show` prints them"
        ));
    }
    Ok(text.to_ascii_lowercase())
}

/// A GitHub App's id or client id.
pub(super) fn app_id(text: &str) -> Result<String, String> {
    let valid = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'.';
    if text.is_empty() || text.len() > 100 || !text.bytes().all(valid) {
        return Err(format!("{text:?} is no App id or client id, such as 123456 or Iv23liABCdef"));
    }
    Ok(text.to_owned())
}

/// The id of an App's installation.
pub(super) fn installation(text: &str) -> Result<u64, String> {
    number(text, 1, u64::MAX, 12_345_678)
}

/// The base URL of an API.
pub(super) fn api(text: &str) -> Result<Url, String> {
    let right = "such as https://api.github.com or https://HOST/api/v3";
    // The text is not quoted where it may hold a password or a token.
    let url = Url::parse(text)
        .map_err(|error| format!("it is no URL ({error}); it should be {right}"))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(format!(
            "it has a user or password, which belong in GHC_TOKEN; it should be {right}"
        ));
    }
    // The token would cross the network for all to read.
    if url.scheme() != "https" && !(url.scheme() == "http" && is_loopback(&url)) {
        return Err(format!("it is not https; it should be {right}"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(format!("it has a query or fragment; it should be {right}"));
    }
    Ok(url)
}

/// A host, or `*.` and what its name ends with.
pub(super) fn host(text: &str) -> Result<String, String> {
    let name = text.strip_prefix("*.").unwrap_or(text);
    let valid = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.');
    if name.is_empty() || !name.bytes().all(valid) {
        return Err(format!(
            "{text:?} is no host, such as reports.example.com or *.blob.core.windows.net"
        ));
    }
    Ok(text.to_ascii_lowercase())
}

/// An address to listen on.
pub(super) fn listen(text: &str) -> Result<String, String> {
    let valid = |(host, port): (&str, &str)| {
        port.parse::<u16>().ok()?;
        // ":8000" means every address, as with Prometheus' own exporters.
        Some(if host.is_empty() { format!("0.0.0.0:{port}") } else { text.to_owned() })
    };
    text.rsplit_once(':')
        .and_then(valid)
        .ok_or_else(|| format!("{text:?} is no address and port, such as 0.0.0.0:8000 or :8000"))
}
