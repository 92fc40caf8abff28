//! The users of the web server.

use crate::config::parse::Parser;
use crate::model::Secret;

/// The bcrypt hash of a password.
pub(super) struct PasswordHash;

impl Parser for PasswordHash {
    type Value = Secret;

    fn parse(text: &str) -> Result<Secret, String> {
        match text.parse::<bcrypt::HashParts>() {
            Ok(parts) if (4..=31).contains(&parts.get_cost()) => Ok(Secret::new(text)),
            // The text is not quoted: it may be the password itself.
            _ => {
                Err("not a bcrypt hash, as created by `htpasswd -nBC 10 \"\"` ($2y$10$…)"
                    .to_owned())
            }
        }
    }
}
