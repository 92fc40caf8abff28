//! Why GitHub refuses a request, and what to do about it.
//!
//! Sources: <https://docs.github.com/en/rest/copilot/copilot-usage-metrics>,
//! <https://docs.github.com/en/rest/using-the-rest-api/troubleshooting-the-rest-api>.

use reqwest::StatusCode;
use reqwest::header::HeaderMap;

/// A cause that someone can fix. `docs/permissions.md` has a row for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The credential is invalid, expired or revoked.
    BadCredentials,
    /// The policy for usage metrics is off.
    PolicyOff,
    /// The token or App lacks a permission.
    PermissionMissing,
    /// The token is not authorized for the organization's single sign-on.
    SsoRequired,
    /// This machine's address is not on the IP allow list.
    AddressNotAllowed,
    /// Too many requests.
    RateLimit,
    /// The resource does not exist, or the token may not read it.
    NotFound,
}

impl Refusal {
    /// All refusals.
    pub const ALL: [Self; 7] = [
        Self::BadCredentials,
        Self::PolicyOff,
        Self::PermissionMissing,
        Self::SsoRequired,
        Self::AddressNotAllowed,
        Self::RateLimit,
        Self::NotFound,
    ];

    /// Determines the cause from status, headers and message.
    pub fn of(status: StatusCode, headers: &HeaderMap, message: &str) -> Option<Self> {
        let message = message.to_ascii_lowercase();
        let says = |text: &str| message.contains(text);
        let used_up = headers.get("x-ratelimit-remaining").is_some_and(|value| value == "0");
        match status {
            StatusCode::UNAUTHORIZED => Some(Self::BadCredentials),
            StatusCode::TOO_MANY_REQUESTS => Some(Self::RateLimit),
            StatusCode::NOT_FOUND => Some(Self::NotFound),
            // The closed metrics API returns this if its setting is off.
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

    /// The cause as a label value.
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

    /// What to do about it, for a request that requires `permission`.
    pub fn advice(self, permission: Option<&str>) -> String {
        match self {
            Self::BadCredentials => {
                "the token is invalid, expired or revoked: replace it".to_owned()
            }
            Self::PolicyOff => "enable the policy \"Copilot usage metrics\" in the Copilot \
                policies of the enterprise or organization"
                .to_owned(),
            Self::PermissionMissing => match permission {
                Some(permission) => format!("grant the token or App {permission}"),
                None => "grant the token or App the missing permission".to_owned(),
            },
            Self::SsoRequired => "authorize the token for the organization's single sign-on: \
                GitHub > Settings > Developer settings > the token > Configure SSO"
                .to_owned(),
            Self::AddressNotAllowed => "add this machine's address to the IP allow list in the \
                organization's or enterprise's settings > Authentication security"
                .to_owned(),
            Self::RateLimit => "too many requests with this credential: the next one waits for \
                as long as GitHub says"
                .to_owned(),
            Self::NotFound => {
                let needs = permission.map(|permission| format!(": it requires {permission}"));
                format!(
                    "the organization, enterprise or report does not exist, or the token may not \
                     read it{}",
                    needs.unwrap_or_default()
                )
            }
        }
    }
}
