//! What must not be in a recording even if it is not anonymized: tokens and signed links.

use crate::model::mask::mask;
use crate::offline::anonymize::json::{Place, Rewrite};

/// Masks tokens, and the queries of URLs, which may be signatures.
pub(super) struct WithoutSecrets;

impl Rewrite for WithoutSecrets {
    fn key(&mut self, key: &str) -> Option<String> {
        Some(mask(key, None)).filter(|masked| masked != key)
    }

    fn string(&mut self, _: Place<'_>, text: &str) -> Option<String> {
        Some(mask(text, None)).filter(|masked| masked != text)
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
        let text = "{\"download_links\": [\"https://files.example/a.json?sig=abc%2Bdef&se=1\"], \
                    \"note\": \"token ghp_0123456789abcdefghijABCDEFGHIJ012345\", \"login\":\"ada\", \"n\":1.50}";
        let mut out = Vec::new();
        rewrite(text.as_bytes(), &mut out, &mut WithoutSecrets).unwrap();
        let out = String::from_utf8(out).unwrap();
        for secret in ["sig", "abc", "ghp_0", "0123456789"] {
            assert!(!out.contains(secret), "{secret}: {out}");
        }
        for kept in ["https://files.example/a.json", "\"login\":\"ada\"", "\"n\":1.50"] {
            assert!(out.contains(kept), "{kept}: {out}");
        }
    }
}
