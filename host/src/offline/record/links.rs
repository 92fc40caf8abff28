//! What must not be in a recording even if it is not anonymized: tokens and signed links.

use crate::config::{CredentialSource, TargetSettings, read_token_file};
use crate::model::Secret;
use crate::model::mask::mask;
use crate::offline::anonymize::json::{Place, Rewrite};

/// Masks tokens, and the queries of URLs, which may be signatures.
pub(super) struct WithoutSecrets {
    /// The token of the requests, if it does not look like one of GitHub's.
    token: Option<Secret>,
}

impl WithoutSecrets {
    /// Also masks the token of a target, which a proxy may send back.
    pub(super) fn of(settings: &TargetSettings) -> Self {
        let token = match &settings.credential.source {
            CredentialSource::Token(token) => Some(token.clone()),
            CredentialSource::TokenFile(path) => read_token_file(path).ok(),
            // They start with `ghs_`.
            CredentialSource::App { .. } => None,
        };
        Self { token }
    }

    fn mask(&self, text: &str) -> Option<String> {
        let token = self.token.as_ref().map(Secret::expose);
        Some(mask(text, token)).filter(|masked| masked != text)
    }
}

impl Rewrite for WithoutSecrets {
    fn key(&mut self, key: &str) -> Option<String> {
        self.mask(key)
    }

    fn string(&mut self, _: Place<'_>, text: &str) -> Option<String> {
        self.mask(text)
    }

    fn number(&mut self, _: Place<'_>, _: &str) -> Option<String> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::offline::anonymize::json::rewrite;

    #[test]
    fn tokens_and_signatures_are_masked_and_everything_else_stays() {
        let mut policy = WithoutSecrets { token: Some("an-unusual-token".into()) };
        let text = "{\"echo\": \"an-unusual-token\", \"download_links\": [\"https://files.example/a.json?sig=abc%2Bdef&se=1\"], \
                    \"note\": \"token ghp_0123456789abcdefghijABCDEFGHIJ012345\", \"login\":\"ada\", \"n\":1.50}";
        let mut out = Vec::new();
        rewrite(text.as_bytes(), &mut out, &mut policy).unwrap();
        let out = String::from_utf8(out).unwrap();
        for secret in ["sig", "abc", "ghp_0", "0123456789", "unusual"] {
            assert!(!out.contains(secret), "{secret}: {out}");
        }
        for kept in ["https://files.example/a.json", "\"login\":\"ada\"", "\"n\":1.50"] {
            assert!(out.contains(kept), "{kept}: {out}");
        }
    }
}
