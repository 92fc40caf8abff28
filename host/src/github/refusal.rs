//! Why GitHub refuses a request, and what to do about it.
//!
//! Sources: <https://docs.github.com/en/rest/copilot/copilot-usage-metrics>,
//! <https://docs.github.com/en/rest/using-the-rest-api/troubleshooting-the-rest-api>.

use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use serde::{Deserialize, Serialize};

/// A cause that someone can fix. `docs/permissions.md` has a row for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// The credential is invalid, expired or revoked.
    BadCredentials,
    /// The policy for usage metrics is off.
    PolicyOff,
    /// The token or App lacks a permission.
    PermissionMissing,
    /// The organization or enterprise forbids classic tokens.
    ClassicTokenForbidden,
    /// The token lives longer than the organization or enterprise allows.
    TokenLifetime,
    /// The account of the token is suspended.
    AccountSuspended,
    /// The token is not authorized for the organization's single sign-on.
    SsoRequired,
    /// This machine's address is not on the IP allow list.
    AddressNotAllowed,
    /// Too many requests.
    RateLimit,
    /// An enterprise pays for the organization, so the organization has no bill.
    BilledToEnterprise,
    /// The resource does not exist, or the token may not read it.
    NotFound,
}

impl Refusal {
    /// All refusals.
    pub const ALL: [Self; 11] = [
        Self::BadCredentials,
        Self::PolicyOff,
        Self::PermissionMissing,
        Self::ClassicTokenForbidden,
        Self::TokenLifetime,
        Self::AccountSuspended,
        Self::SsoRequired,
        Self::AddressNotAllowed,
        Self::RateLimit,
        Self::BilledToEnterprise,
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
            // The closed metrics API returns this if its setting is off; others for other reasons.
            StatusCode::UNPROCESSABLE_ENTITY if says("metrics") => Some(Self::PolicyOff),
            StatusCode::FORBIDDEN if headers.contains_key("retry-after") || used_up => {
                Some(Self::RateLimit)
            }
            StatusCode::FORBIDDEN if says("rate limit") || says("abuse") => Some(Self::RateLimit),
            StatusCode::FORBIDDEN if headers.contains_key("x-github-sso") || says("saml") => {
                Some(Self::SsoRequired)
            }
            StatusCode::FORBIDDEN if says("suspended") => Some(Self::AccountSuspended),
            StatusCode::FORBIDDEN if says("lifetime") => Some(Self::TokenLifetime),
            StatusCode::FORBIDDEN if says("forbids access") && says("classic") => {
                Some(Self::ClassicTokenForbidden)
            }
            StatusCode::FORBIDDEN if says("ip allow list") => Some(Self::AddressNotAllowed),
            StatusCode::FORBIDDEN if says("policy") || says("must be enabled") => {
                Some(Self::PolicyOff)
            }
            StatusCode::FORBIDDEN => Some(Self::PermissionMissing),
            _ => None,
        }
    }

    /// The cause of the same response to a request for this path. The bill of an organization is not found
    /// where the enterprise pays: <https://docs.github.com/en/rest/billing/usage>.
    pub fn for_path(self, path: &str) -> Self {
        let is_bill = path.starts_with("/organizations/") && path.contains("/settings/billing/");
        if self == Self::NotFound && is_bill { Self::BilledToEnterprise } else { self }
    }

    /// The cause as a label value.
    pub fn label(self) -> &'static str {
        match self {
            Self::BadCredentials => "bad_credentials",
            Self::PolicyOff => "policy_off",
            Self::PermissionMissing => "permission_missing",
            Self::ClassicTokenForbidden => "classic_token_forbidden",
            Self::TokenLifetime => "token_lifetime",
            Self::AccountSuspended => "account_suspended",
            Self::SsoRequired => "sso_required",
            Self::AddressNotAllowed => "address_not_allowed",
            Self::RateLimit => "rate_limit",
            Self::BilledToEnterprise => "billed_to_enterprise",
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
            Self::ClassicTokenForbidden => {
                "classic tokens are forbidden: use a fine-grained token \
                or a GitHub App"
                    .to_owned()
            }
            Self::TokenLifetime => "the token lives longer than allowed: create one that expires \
                earlier"
                .to_owned(),
            Self::AccountSuspended => "the account of the token is suspended: use the token of \
                another account, or a GitHub App"
                .to_owned(),
            Self::SsoRequired => "authorize the token for the organization's single sign-on: \
                GitHub > Settings > Developer settings > the token > Configure SSO"
                .to_owned(),
            Self::AddressNotAllowed => "add this machine's address to the IP allow list in the \
                organization's or enterprise's settings > Authentication security"
                .to_owned(),
            Self::RateLimit => "too many requests with this credential: the next one waits for \
                as long as GitHub says"
                .to_owned(),
            Self::BilledToEnterprise => {
                let needs = permission.map(|permission| format!(": it requires {permission}"));
                format!(
                    "billed to the enterprise: add the enterprise as a target to see its bill. If the \
                     organization pays itself, the token may not read its bill{}",
                    needs.unwrap_or_default()
                )
            }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_bill_of_an_organization_is_paid_by_the_enterprise() {
        let of = |path: &str| Refusal::NotFound.for_path(path);
        for path in ["ai_credit/usage?year=2026&month=11", "budgets?per_page=100"] {
            let path = format!("/settings/billing/{path}");
            let organization = format!("/organizations/octo-org{path}");
            assert_eq!(of(&organization), Refusal::BilledToEnterprise);
            assert_eq!(of(&format!("/enterprises/octo{path}")), Refusal::NotFound);
            let forbidden = Refusal::PermissionMissing.for_path(&organization);
            assert_eq!(forbidden, Refusal::PermissionMissing);
        }
        assert_eq!(of("/orgs/octo-org/copilot/billing"), Refusal::NotFound);
    }

    #[test]
    fn the_cause_of_a_refusal_is_told_by_its_message() {
        let cause = |status: u16, message: &str| {
            let status = StatusCode::from_u16(status).unwrap();
            Refusal::of(status, &HeaderMap::new(), message)
        };
        for (message, refusal) in [
            ("The 'Copilot usage metrics' policy must be enabled", Refusal::PolicyOff),
            ("Resource not accessible by integration", Refusal::PermissionMissing),
            (
                "`octo-org` forbids access via a personal access token (classic).",
                Refusal::ClassicTokenForbidden,
            ),
            (
                "The 'octo' enterprise forbids access via a fine-grained personal access tokens if \
                 the token's lifetime is greater than 366 days.",
                Refusal::TokenLifetime,
            ),
            ("Sorry. Your account was suspended.", Refusal::AccountSuspended),
            ("Resource protected by organization SAML enforcement.", Refusal::SsoRequired),
            ("has an IP allow list enabled", Refusal::AddressNotAllowed),
            ("You have exceeded a secondary rate limit.", Refusal::RateLimit),
        ] {
            assert_eq!(cause(403, message), Some(refusal), "{message}");
        }
        assert_eq!(
            cause(422, "Copilot Usage Metrics API setting is disabled"),
            Some(Refusal::PolicyOff)
        );
        // Billing has other reasons for it.
        assert_eq!(cause(422, "Copilot Business or Enterprise is not enabled"), None);
    }
}
