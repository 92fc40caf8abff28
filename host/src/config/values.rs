//! The types of settings: how their texts are parsed. Every error says what would be right.

use std::marker::PhantomData;
use std::time::Duration;

use clap::ValueEnum;
use jiff::SignedDuration;
use url::Url;

use super::parse::Parser;
use crate::model::Secret;

/// A longer TTL is most likely a mistake in the unit.
const MAX_TTL: Duration = Duration::from_secs(366 * 24 * 3600);
/// The longest timeout: a request that takes a day has failed.
const MAX_TIMEOUT: Duration = Duration::from_secs(24 * 3600);

/// A whole number within bounds.
pub(super) struct Number<T, const MIN: u64, const MAX: u64, const EXAMPLE: u64>(PhantomData<T>);

impl<T, const MIN: u64, const MAX: u64, const EXAMPLE: u64> Parser for Number<T, MIN, MAX, EXAMPLE>
where
    T: TryFrom<u64>,
{
    type Value = T;

    fn parse(text: &str) -> Result<T, String> {
        let number = text.parse().ok().filter(|number| (MIN..=MAX).contains(number));
        number.and_then(|number| T::try_from(number).ok()).ok_or_else(|| {
            format!("{text:?} is not a whole number from {MIN} to {MAX}, such as {EXAMPLE}")
        })
    }
}

/// A number of MiB within bounds. Its value is in bytes.
pub(super) struct Mib<T, const MIN: u64, const MAX: u64, const EXAMPLE: u64>(PhantomData<T>);

impl<T, const MIN: u64, const MAX: u64, const EXAMPLE: u64> Parser for Mib<T, MIN, MAX, EXAMPLE>
where
    T: TryFrom<u64>,
{
    type Value = T;

    fn parse(text: &str) -> Result<T, String> {
        let mib = Number::<u64, MIN, MAX, EXAMPLE>::parse(text)?;
        T::try_from(mib << 20).map_err(|_| format!("{text} MiB is more than this machine supports"))
    }
}

/// A duration such as `500ms` or `1m 30s`, from a millisecond to a day.
pub(super) struct Timeout;

impl Parser for Timeout {
    type Value = Duration;

    fn parse(text: &str) -> Result<Duration, String> {
        let fits = |d: &Duration| *d >= Duration::from_millis(1) && *d <= MAX_TIMEOUT;
        parse_duration(text).filter(fits).ok_or_else(|| {
            format!("{text:?} is not a duration from 1ms to a day, such as 500ms, 30s or 10m")
        })
    }
}

/// A duration such as `90s` or `1h 30m`, from a second to a year.
pub(super) struct Ttl;

impl Parser for Ttl {
    type Value = Duration;

    fn parse(text: &str) -> Result<Duration, String> {
        let fits = |d: &Duration| *d >= Duration::from_secs(1) && *d <= MAX_TTL;
        parse_duration(text).filter(fits).ok_or_else(|| {
            format!("{text:?} is not a duration from 1s to a year, such as 90s, 30m or 1h 30m")
        })
    }
}

fn parse_duration(text: &str) -> Option<Duration> {
    text.parse::<SignedDuration>().ok().and_then(|duration| Duration::try_from(duration).ok())
}

/// A TTL in whole seconds.
pub(super) struct TtlSeconds;

impl Parser for TtlSeconds {
    type Value = Duration;

    fn parse(text: &str) -> Result<Duration, String> {
        let ttl = text.parse().map(Duration::from_secs).ok();
        ttl.filter(|ttl| !ttl.is_zero() && *ttl <= MAX_TTL).ok_or_else(|| {
            format!(
                "{text:?} is not a whole number of seconds from 1 to {}, such as 3600",
                MAX_TTL.as_secs()
            )
        })
    }
}

/// One of a few words, in upper or lower case.
pub(super) struct Choice<T>(PhantomData<T>);

impl<T: ValueEnum> Parser for Choice<T> {
    type Value = T;

    fn parse(text: &str) -> Result<T, String> {
        T::from_str(text, true).map_err(|_| {
            let words: Vec<_> = T::value_variants()
                .iter()
                .filter_map(|value| Some(value.to_possible_value()?.get_name().to_owned()))
                .collect();
            format!("{text:?} is not one of {}", words.join(", "))
        })
    }
}

/// A SHA-256 in hexadecimal.
pub(super) struct Sha256;

impl Parser for Sha256 {
    type Value = String;

    fn parse(text: &str) -> Result<String, String> {
        if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(format!(
                "{text:?} is not a SHA-256: it should be 64 hexadecimal digits, as printed by `mapping show`"
            ));
        }
        Ok(text.to_ascii_lowercase())
    }
}

/// The ID or client ID of a GitHub App.
pub(super) struct AppId;

impl Parser for AppId {
    type Value = String;

    fn parse(text: &str) -> Result<String, String> {
        let valid = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'.';
        if text.is_empty() || text.len() > 100 || !text.bytes().all(valid) {
            return Err(format!(
                "{text:?} is not the ID or client ID of a GitHub App, such as 123456 or Iv23liABCdef"
            ));
        }
        Ok(text.to_owned())
    }
}

/// The ID of an App's installation.
pub(super) type InstallationId = Number<u64, 1, { u64::MAX }, 12_345_678>;

/// The base URL of an API.
pub(super) struct ApiUrl;

impl Parser for ApiUrl {
    type Value = Url;

    fn parse(text: &str) -> Result<Url, String> {
        let right = "it should be a URL such as https://api.github.com or https://HOST/api/v3";
        // The text is not quoted, since it may contain a password or a token.
        let url = Url::parse(text).map_err(|error| format!("not a URL ({error}): {right}"))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(format!("it contains a user or password (set GHC_TOKEN instead): {right}"));
        }
        // Otherwise the token would cross the network unencrypted.
        if url.scheme() != "https" && !(url.scheme() == "http" && is_loopback(&url)) {
            return Err(format!("not https: {right}"));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(format!("it contains a query or fragment: {right}"));
        }
        match api_of_web_site(&url) {
            Some(api) => Err(format!("it is the web site, not the API: use {api}")),
            None => Ok(url),
        }
    }
}

/// The API of a web site of GitHub, if a URL is that of the web site.
fn api_of_web_site(url: &Url) -> Option<String> {
    let host = url.host_str()?;
    match host.strip_suffix(".ghe.com") {
        Some(subdomain) if !subdomain.contains('.') => Some(format!("https://api.{host}")),
        _ => matches!(host, "github.com" | "www.github.com")
            .then(|| "https://api.github.com".to_owned()),
    }
}

/// A URL that the page links to.
pub(super) struct LinkUrl;

impl Parser for LinkUrl {
    type Value = Url;

    fn parse(text: &str) -> Result<Url, String> {
        let right = "it should be a URL such as https://grafana.example.com/d/copilot";
        // The text is not quoted, since it may contain a password.
        let url = Url::parse(text).map_err(|error| format!("not a URL ({error}): {right}"))?;
        // Others, such as javascript:, would run something.
        if !matches!(url.scheme(), "http" | "https") {
            return Err(format!("neither http nor https: {right}"));
        }
        // Everyone who can reach the page could read it.
        if !url.username().is_empty() || url.password().is_some() {
            return Err(format!("it contains a user or password: {right}"));
        }
        Ok(url)
    }
}

/// A version of GitHub's REST API: a date.
pub(super) struct ApiVersion;

impl Parser for ApiVersion {
    type Value = String;

    fn parse(text: &str) -> Result<String, String> {
        match text.parse::<jiff::civil::Date>() {
            Ok(_) if text.len() == 10 => Ok(text.to_owned()),
            _ => Err(format!("{text:?} is not a version of GitHub's API, such as 2022-11-28")),
        }
    }
}

/// Whether a URL points to this machine.
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// A host name, or `*.` and a domain whose subdomains are meant.
pub(super) struct HostPattern;

impl Parser for HostPattern {
    type Value = String;

    fn parse(text: &str) -> Result<String, String> {
        let name = text.strip_prefix("*.").unwrap_or(text);
        let valid = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.');
        if name.is_empty() || !name.bytes().all(valid) {
            return Err(format!(
                "{text:?} is not a host name, such as reports.example.com or *.blob.core.windows.net"
            ));
        }
        Ok(text.to_ascii_lowercase())
    }
}

/// An address and port to listen on.
pub(super) struct ListenAddress;

impl Parser for ListenAddress {
    type Value = String;

    fn parse(text: &str) -> Result<String, String> {
        let valid = |(host, port): (&str, &str)| {
            port.parse::<u16>().ok()?;
            // ":8000" means every address, as for Prometheus' own exporters.
            Some(if host.is_empty() { format!("0.0.0.0:{port}") } else { text.to_owned() })
        };
        text.rsplit_once(':').and_then(valid).ok_or_else(|| {
            format!("{text:?} is not an address and port, such as 0.0.0.0:8000 or :8000")
        })
    }
}

/// Parses a token. `None` if it is empty. Errors never quote it: it may be almost right.
pub(crate) fn parse_token(text: &str) -> Result<Option<Secret>, String> {
    let text = text.trim();
    if text.starts_with('\u{feff}') {
        return Err("not a token: it starts with a byte order mark (save the file as plain UTF-8)"
            .to_owned());
    }
    if text.starts_with(['"', '\'']) {
        return Err("not a token: it is in quotes, which must be removed".to_owned());
    }
    if text.bytes().any(|byte| !byte.is_ascii_graphic()) {
        return Err("not a token: it contains whitespace or a special character".to_owned());
    }
    Ok((!text.is_empty()).then(|| Secret::new(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_links_to_web_sites_only_and_an_error_shows_no_password() {
        let url = "https://grafana.example.com/d/copilot?orgId=1#panel";
        assert_eq!(LinkUrl::parse(url).unwrap().as_str(), url);
        assert!(LinkUrl::parse("http://localhost:3000").is_ok());
        for wrong in [
            "javascript:alert(1)",
            "data:text/html,hunter2",
            "grafana.example.com",
            "/grafana",
            "https://me:hunter2@grafana.example.com",
        ] {
            let error = LinkUrl::parse(wrong).unwrap_err();
            assert!(error.contains("it should be a URL such as https://"), "{error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn numbers_are_accepted_within_their_bounds() {
        type Small = Number<u32, 1, 100, 8>;
        assert_eq!((Small::parse("1"), Small::parse("100")), (Ok(1), Ok(100)));
        for wrong in ["0", "101", "-1", "1.5", "", "99999999999999999999"] {
            let error = format!("{wrong:?} is not a whole number from 1 to 100, such as 8");
            assert_eq!(Small::parse(wrong), Err(error));
        }
        assert_eq!(Mib::<u64, 1, 65_536, 4096>::parse("65536"), Ok(64 << 30));
        assert_eq!(InstallationId::parse("18446744073709551615"), Ok(u64::MAX));
    }

    #[test]
    fn durations_have_units_and_bounds() {
        assert_eq!(Timeout::parse("1ms"), Ok(Duration::from_millis(1)));
        assert_eq!(Timeout::parse("24h"), Ok(MAX_TIMEOUT));
        assert_eq!(Ttl::parse("1h 30m"), Ok(Duration::from_secs(5400)));
        assert_eq!(TtlSeconds::parse("3600"), Ok(Duration::from_secs(3600)));
        for wrong in ["0s", "25h", "-1s", "10", "soon"] {
            assert!(Timeout::parse(wrong).is_err(), "{wrong}");
        }
        assert!(Ttl::parse("999ms").is_err() && Ttl::parse("9000h").is_err());
        assert!(TtlSeconds::parse("0").is_err() && TtlSeconds::parse("1h").is_err());
    }

    #[test]
    fn an_api_is_reached_over_https_unless_it_is_on_this_machine() {
        for right in
            ["https://api.github.com", "https://h/api/v3", "http://127.0.0.1:1", "http://[::1]"]
        {
            assert!(ApiUrl::parse(right).is_ok(), "{right}");
        }
        for wrong in [
            "api.github.com",
            "http://api.github.com",
            "ftp://127.0.0.1",
            "https://me:hunter2@h",
            "https://me:hunter2@h:99999",
            "https://h?token=hunter2",
            "https://github.com",
        ] {
            let error = ApiUrl::parse(wrong).unwrap_err();
            assert!(error.contains("https://api.github.com") && !error.contains("hunter2"));
        }
    }

    #[test]
    fn the_address_of_a_web_site_is_not_that_of_its_api() {
        let error = ApiUrl::parse("https://octo.ghe.com").unwrap_err();
        assert!(error.ends_with("use https://api.octo.ghe.com"), "{error}");
        assert!(ApiUrl::parse("https://api.octo.ghe.com").is_ok());
        assert_eq!(ApiVersion::parse("2026-03-10").as_deref(), Ok("2026-03-10"));
        for wrong in ["v3", "2026-3-10", "2026-03-10T00:00:00", ""] {
            assert!(ApiVersion::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn hosts_and_digests_are_compared_in_lower_case() {
        assert_eq!(HostPattern::parse("*.CDN.example").as_deref(), Ok("*.cdn.example"));
        for wrong in ["", "*.", "https://a", "a/b", "a.*"] {
            assert!(HostPattern::parse(wrong).is_err(), "{wrong}");
        }
        assert_eq!(Sha256::parse(&"AB".repeat(32)), Ok("ab".repeat(32)));
        assert!(Sha256::parse(&"ag".repeat(32)).is_err());
    }

    #[test]
    fn a_token_is_one_word_and_never_quoted() {
        assert_eq!(parse_token(" ghp_x\n"), Ok(Some(Secret::new("ghp_x"))));
        assert_eq!(parse_token(" \n"), Ok(None));
        for wrong in [
            "hunter2 hunter2",
            "hunter2\u{e9}",
            "hunter2\0",
            "\"hunter2\"",
            "'hunter2'",
            "\u{feff}hunter2",
        ] {
            assert!(!parse_token(wrong).unwrap_err().contains("hunter2"));
        }
    }
}
