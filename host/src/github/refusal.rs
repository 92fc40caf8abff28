//! Why GitHub refuses a request, and which of its settings to change.
//!
//! Sources: <https://docs.github.com/en/rest/copilot/copilot-usage-metrics>,
//! <https://docs.github.com/en/rest/using-the-rest-api/troubleshooting-the-rest-api>.

use reqwest::StatusCode;
use reqwest::header::HeaderMap;

/// A cause that somebody can do something about. `docs/permissions.md` has one section for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The credential is wrong, has expired or was revoked.
    BadCredentials,
    /// The policy for the usage metrics is off.
    PolicyOff,
    /// The token or App lacks a permission.
    PermissionMissing,
    /// The token is not authorized for the organization's single sign-on.
    SsoRequired,
    /// The organization has a list of allowed addresses, and this is none of them.
    AddressNotAllowed,
    /// Too many requests.
    RateLimit,
    /// There is no such thing, or the token may not see it.
    NotFound,
}

impl Refusal {
    /// Every one of them.
    pub const ALL: [Self; 7] = [
        Self::BadCredentials,
        Self::PolicyOff,
        Self::PermissionMissing,
        Self::SsoRequired,
        Self::AddressNotAllowed,
        Self::RateLimit,
        Self::NotFound,
    ];

    /// Tells it by status, headers and message.
    pub fn of(status: StatusCode, headers: &HeaderMap, message: &str) -> Option<Self> {
        let message = message.to_ascii_lowercase();
        let says = |text: &str| message.contains(text);
        let used_up = headers.get("x-ratelimit-remaining").is_some_and(|value| value == "0");
        match status {
            StatusCode::UNAUTHORIZED => Some(Self::BadCredentials),
            StatusCode::TOO_MANY_REQUESTS => Some(Self::RateLimit),
            StatusCode::NOT_FOUND => Some(Self::NotFound),
            // The closed metrics API says so where its setting is off.
            StatusCode::UNPROCESSABLE_ENTITY => Some(Self::PolicyOff),
            StatusCode::FORBIDDEN if headers.contains_key("retry-after") || used_up => {
                Some(Self::RateLimit)
            }
            StatusCode::FORBIDDEN if says("rate limit") || says("abuse") => Some(Self::RateLimit),
            StatusCode::FORBIDDEN if headers.contains_key("x-github-sso") || says("saml") => {
                Some(Self::SsoRequired)
            }
            StatusCode::FORBIDDEN if says("ip allow list") => Some(Self::AddressNotAllowed),
            StatusCode::FORBIDDEN if says("policy") || says("must be enabled") => {
                Some(Self::PolicyOff)
            }
            StatusCode::FORBIDDEN => Some(Self::PermissionMissing),
            _ => None,
        }
    }

    /// The cause as a label.
    pub fn label(self) -> &'static str {
        match self {
            Self::BadCredentials => "bad_credentials",
            Self::PolicyOff => "policy_off",
            Self::PermissionMissing => "permission_missing",
            Self::SsoRequired => "sso_required",
            Self::AddressNotAllowed => "address_not_allowed",
            Self::RateLimit => "rate_limit",
            Self::NotFound => "404",
        }
    }

    /// What to do about it, for a request to this path.
    pub fn advice(self, permission: Option<&str>) -> String {
        match self {
            Self::BadCredentials => {
                "the token is wrong, expired or revoked: put a new one in its place".to_owned()
            }
            Self::PolicyOff => "enable the policy \"Copilot usage metrics\" in the Copilot \
                policies of the enterprise's settings, or of the organization's"
                .to_owned(),
            Self::PermissionMissing => match permission {
                Some(permission) => format!("give the token or App {permission}"),
                None => "give the token or App the permission it lacks".to_owned(),
            },
            Self::SsoRequired => "authorize the token for the organization's single sign-on: \
                GitHub > Settings > Developer settings > the token > Configure SSO"
                .to_owned(),
            Self::AddressNotAllowed => "add this machine's address to the IP allow list in the \
                organization's or enterprise's settings > Authentication security"
                .to_owned(),
            Self::RateLimit => "too many requests with this credential: the next one waits as \
                long as GitHub says"
                .to_owned(),
            Self::NotFound => {
                let needs = permission.map(|permission| format!(": it needs {permission}"));
                format!(
                    "the organization, enterprise or report does not exist, or the token may not \
                     see it{}",
                    needs.unwrap_or_default()
                )
            }
        }
    }
}
