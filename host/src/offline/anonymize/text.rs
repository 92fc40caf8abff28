//! Texts by their form: dates, numbers, addresses.

use jiff::Timestamp;
use jiff::civil::Date;

/// The longest date with a time.
const MAX_TIME_BYTES: usize = 35;

/// Whether it is a day or a time.
pub(super) fn is_time(text: &str) -> bool {
    let is_plain = |byte: u8| {
        byte.is_ascii_digit() || matches!(byte, b'T' | b'Z' | b':' | b'.' | b'+' | b'-' | b' ')
    };
    text.len() <= MAX_TIME_BYTES
        && text.bytes().all(is_plain)
        && (text.parse::<Timestamp>().is_ok() || (text.len() == 10 && text.parse::<Date>().is_ok()))
}

/// Whether it is a decimal number.
pub(super) fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let are_digits =
        |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    text.len() <= 20 && are_digits(whole) && are_digits(fraction)
}

/// Whether it consists of digits only.
pub(super) fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether it can be the name of a field: `a_field` or `aField`.
pub(super) fn is_field_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// The parts of an email address.
pub(super) fn email(text: &str) -> Option<(&str, &str)> {
    let (local, domain) = text.rsplit_once('@')?;
    let is_address =
        !local.is_empty() && domain.contains('.') && !text.contains([' ', '/', '<', '>', ':']);
    is_address.then_some((local, domain))
}

/// What GitHub appends to the URLs of users and organizations for clients to fill in.
/// <https://docs.github.com/en/rest/using-the-rest-api/getting-started-with-the-rest-api#hypermedia>
const TEMPLATES: [&str; 7] = [
    "{/gist_id}",
    "{/member}",
    "{/name}",
    "{/other_user}",
    "{/owner}{/repo}",
    "{/privacy}",
    "{/repo_name}",
];

/// A URL, and what clients are to fill in, if that is one of GitHub's.
pub(super) fn template(url: &str) -> (&str, &str) {
    let Some(at) = url.find('{') else { return (url, "") };
    let (url, template) = url.split_at(at);
    (url, if TEMPLATES.contains(&template) { template } else { "" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_times_are_recognized_and_nothing_else() {
        for time in ["2026-11-20", "2026-11-21T18:00:00Z", "2026-11-21T18:00:00.123+02:00"] {
            assert!(is_time(time), "{time}");
        }
        for other in ["2026", "20261120", "2026-13-01", "ada", "2026-11-20T00:00:00Z[Europe/Acme]"]
        {
            assert!(!is_time(other), "{other}");
        }
    }

    #[test]
    fn numbers_are_decimal() {
        assert!(is_number("12") && is_number("-0.50"));
        assert!(!is_number("") && !is_number("1.") && !is_number("10.1.2.3") && !is_number("1e5"));
    }

    #[test]
    fn a_template_is_kept_only_if_it_is_one() {
        assert_eq!(template("https://x/a{/other_user}"), ("https://x/a", "{/other_user}"));
        assert_eq!(template("https://x/a{/ada}"), ("https://x/a", ""));
    }
}
