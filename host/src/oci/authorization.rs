//! Signs in to a registry, as its challenge says: with user and password, or with a token that another
//! server issues for them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http_auth::{ChallengeRef, parse_challenges};
use reqwest::header::{HeaderMap, HeaderValue, WWW_AUTHENTICATE};
use serde::Deserialize;
use url::Url;

use super::credentials::Password;
use crate::config::ArtifactReference;

/// What a request does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Access {
    Pull,
    Push,
}

impl Access {
    fn actions(self) -> &'static str {
        match self {
            Self::Pull => "pull",
            Self::Push => "pull,push",
        }
    }
}

/// How a registry wants to be signed in to.
#[derive(Debug, PartialEq)]
pub(super) enum Challenge {
    /// With user and password.
    Basic,
    /// With a token from this URL.
    Bearer(Url),
}

impl Challenge {
    /// The challenge in the headers of a response with the status 401. The URL has the parameters of the
    /// request for a token.
    pub(super) fn of(
        headers: &HeaderMap,
        reference: &ArtifactReference,
        access: Access,
    ) -> Option<Self> {
        let values =
            headers.get_all(WWW_AUTHENTICATE).iter().filter_map(|value| value.to_str().ok());
        let challenges: Vec<ChallengeRef<'_>> =
            values.filter_map(|value| parse_challenges(value).ok()).flatten().collect();
        let find =
            |scheme: &str| challenges.iter().find(|of| of.scheme.eq_ignore_ascii_case(scheme));
        if let Some(bearer) = find("bearer") {
            let parameter = |name: &str| {
                let mut parameters = bearer.params.iter();
                let found = parameters.find(|(key, _)| key.eq_ignore_ascii_case(name));
                found.map(|(_, value)| value.to_unescaped())
            };
            let mut realm = Url::parse(&parameter("realm")?).ok()?;
            let scope = format!("repository:{}:{}", reference.repository(), access.actions());
            if let Some(service) = parameter("service") {
                realm.query_pairs_mut().append_pair("service", &service);
            }
            realm.query_pairs_mut().append_pair("scope", &scope);
            return Some(Self::Bearer(realm));
        }
        find("basic").map(|_| Self::Basic)
    }
}

/// Whether a registry may send passwords to a server for tokens: to itself, and to other hosts of its own
/// domain, such as `auth.docker.io` for `registry-1.docker.io`.
pub(super) fn may_issue_tokens(reference: &ArtifactReference, server: &Url) -> bool {
    let registry = Url::parse(&format!("https://{}/", reference.host()));
    let (Ok(registry), Some(host)) = (registry, server.host_str()) else { return false };
    let Some(own) = registry.host_str() else { return false };
    let is_below = |domain: &str| {
        host == domain || host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'))
    };
    // An address has no domain.
    let has_domain = matches!(registry.host(), Some(url::Host::Domain(_)));
    let parent =
        own.split_once('.').map(|(_, parent)| parent).filter(|parent| parent.contains('.'));
    host == own || (has_domain && parent.is_some_and(is_below))
}

/// The header for a user and password. `None`: it can't be sent.
pub(super) fn basic(password: &Password) -> Option<HeaderValue> {
    let Password { username, password } = password;
    sensitive(&format!("Basic {}", STANDARD.encode(format!("{username}:{}", password.expose()))))
}

/// The header for a token that a server has issued. `None`: the response has no token.
pub(super) fn bearer(response: &[u8]) -> Option<HeaderValue> {
    #[derive(Deserialize)]
    struct Issued {
        token: Option<String>,
        access_token: Option<String>,
    }
    let issued: Issued = serde_json::from_slice(response).ok()?;
    let token = issued.token.or(issued.access_token).filter(|token| !token.is_empty())?;
    sensitive(&format!("Bearer {token}"))
}

/// A header that is not printed.
fn sensitive(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Secret;

    fn challenge(headers: &[&str]) -> Option<Challenge> {
        let mut map = HeaderMap::new();
        for header in headers {
            map.append(WWW_AUTHENTICATE, header.parse().unwrap());
        }
        Challenge::of(&map, &"ghcr.io/octo/m:1".parse().unwrap(), Access::Pull)
    }

    #[test]
    fn a_token_is_requested_for_the_repository_and_nothing_else() {
        let header =
            r#"Bearer realm="https://ghcr.io/token",service="ghcr.io",scope="repository:*:*""#;
        let url = "https://ghcr.io/token?service=ghcr.io&scope=repository%3Aocto%2Fm%3Apull";
        let bearer = Some(Challenge::Bearer(url.parse().unwrap()));
        assert_eq!(challenge(&[header]), bearer);
        // It is preferred: the password is sent less often.
        assert_eq!(challenge(&[r#"Basic realm="x""#, header]), bearer);
        assert_eq!(challenge(&[r#"basic realm="x""#]), Some(Challenge::Basic));
        for invalid in ["Bearer", r#"Bearer realm="/token""#, "Digest a=b", "\"", ""] {
            assert_eq!(challenge(&[invalid]), None, "{invalid}");
        }
    }

    #[test]
    fn a_password_is_only_sent_to_hosts_of_the_registrys_own_domain() {
        let may = |registry: &str, server: &str| {
            let reference = format!("{registry}/m:1").parse().unwrap();
            may_issue_tokens(&reference, &Url::parse(server).unwrap())
        };
        assert!(may("docker.io", "https://auth.docker.io/token"));
        assert!(may("ghcr.io", "https://ghcr.io/token"));
        assert!(may("registry.gitlab.com", "https://gitlab.com/jwt/auth"));
        assert!(may("127.0.0.1:5000", "https://127.0.0.1:5001/token"));
        assert!(!may("ghcr.io", "https://evil.io/token"));
        assert!(!may("ghcr.io", "https://evil-ghcr.io/token"));
        assert!(!may("registry.gitlab.com", "https://evil-gitlab.com/token"));
        assert!(!may("registry.gitlab.com", "https://gitlab.com.evil.io/token"));
        assert!(!may("127.0.0.1:5000", "https://1.0.0.1/token"));
    }

    #[test]
    fn a_header_is_never_printed_and_an_invalid_token_is_not_sent() {
        let password = Password { username: "octocat".into(), password: Secret::new("hunter2") };
        let header = basic(&password).unwrap();
        assert_eq!(header, "Basic b2N0b2NhdDpodW50ZXIy");
        assert_eq!(format!("{header:?}"), "Sensitive");
        assert_eq!(bearer(br#"{"token": "t"}"#).unwrap(), "Bearer t");
        assert_eq!(bearer(br#"{"access_token": "t"}"#).unwrap(), "Bearer t");
        for invalid in [r#"{"token": "a\r\nb: c"}"#, r#"{"token": ""}"#, "{}", "x", "[]"] {
            assert!(bearer(invalid.as_bytes()).is_none(), "{invalid}");
        }
    }
}
