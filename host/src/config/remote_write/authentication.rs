//! The sections `basic_auth` and `authorization`.

use std::path::PathBuf;

use crate::config::parse::{Parser, optional, section};
use crate::config::paths::SecretFile;
use crate::config::secret_source::SecretSource;
use crate::model::Secret;

/// How requests sign in.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Authentication {
    /// Not at all.
    #[default]
    None,
    /// With a user and a password (RFC 7617).
    Basic {
        /// The user.
        username: SecretSource,
        /// The password.
        password: SecretSource,
    },
    /// With the header `Authorization`.
    Header {
        /// The scheme, such as `Bearer`.
        scheme: String,
        /// What follows it.
        credentials: SecretSource,
    },
}

impl Authentication {
    /// Whether it is read from files.
    pub(super) fn has_files(&self) -> bool {
        let secrets = match self {
            Self::None => [None, None],
            Self::Basic { username, password } => [Some(username), Some(password)],
            Self::Header { credentials, .. } => [Some(credentials), None],
        };
        secrets.into_iter().flatten().any(|source| matches!(source, SecretSource::File(_)))
    }
}

/// A secret that is sent in a header. Errors never quote it.
pub(super) struct HeaderSecret;

impl Parser for HeaderSecret {
    type Value = Secret;

    fn parse(text: &str) -> Result<Secret, String> {
        match text.chars().any(char::is_control) {
            true => Err("it contains a control character: it should be on one line".to_owned()),
            false => Ok(Secret::new(text)),
        }
    }
}

section! {
    pub(super) struct BasicAuthSection {
        /// The user.
        #[serde(deserialize_with = "optional::<HeaderSecret, _>")]
        username: Option<Secret> = None,
        /// A file with the user.
        #[serde(deserialize_with = "optional::<SecretFile, _>")]
        username_file: Option<PathBuf> = None,
        /// The password.
        #[serde(deserialize_with = "optional::<HeaderSecret, _>")]
        password: Option<Secret> = None,
        /// A file with the password.
        #[serde(deserialize_with = "optional::<SecretFile, _>")]
        password_file: Option<PathBuf> = None,
    }
}

section! {
    pub(super) struct AuthorizationSection {
        /// The scheme.
        r#type: Option<String> = None,
        /// What follows it.
        #[serde(deserialize_with = "optional::<HeaderSecret, _>")]
        credentials: Option<Secret> = None,
        /// A file with what follows it.
        #[serde(deserialize_with = "optional::<SecretFile, _>")]
        credentials_file: Option<PathBuf> = None,
    }
}

/// The one of two settings that is set.
fn either(
    name: &str,
    text: Option<Secret>,
    file: Option<PathBuf>,
) -> Result<Option<SecretSource>, String> {
    match (text, file) {
        (Some(_), Some(_)) => {
            Err(format!("{name} and {name}_file are both set: it should have only one of them"))
        }
        (Some(text), None) => Ok(Some(SecretSource::Text(text))),
        (None, file) => Ok(file.map(SecretSource::File)),
    }
}

impl TryFrom<BasicAuthSection> for Authentication {
    type Error = String;

    fn try_from(section: BasicAuthSection) -> Result<Self, String> {
        let BasicAuthSection { username, username_file, password, password_file } = section;
        let username = either("username", username, username_file)?;
        let username = username.ok_or("it has no username or username_file")?;
        if matches!(&username, SecretSource::Text(name) if name.expose().contains(':')) {
            return Err("username: it contains a colon, which no user may have".to_owned());
        }
        let password = either("password", password, password_file)?;
        let password = password.ok_or("it has no password or password_file")?;
        Ok(Self::Basic { username, password })
    }
}

impl TryFrom<AuthorizationSection> for Authentication {
    type Error = String;

    fn try_from(section: AuthorizationSection) -> Result<Self, String> {
        let AuthorizationSection { r#type, credentials, credentials_file } = section;
        let scheme = r#type.map(|scheme| scheme.trim().to_owned());
        let scheme = scheme.unwrap_or_else(|| "Bearer".to_owned());
        let valid = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        if scheme.is_empty() || !scheme.bytes().all(valid) {
            // The text is not quoted: it may be the credentials.
            return Err("type: not an authentication scheme, such as Bearer".to_owned());
        }
        if scheme.eq_ignore_ascii_case("basic") {
            return Err("type: use basic_auth for user and password".to_owned());
        }
        let credentials = either("credentials", credentials, credentials_file)?;
        let credentials = credentials.ok_or("it has no credentials or credentials_file")?;
        Ok(Self::Header { scheme, credentials })
    }
}
