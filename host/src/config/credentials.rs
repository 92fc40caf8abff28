//! The ways to sign in: the section `credentials`, and the flags of the default credential.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use serde::Deserialize;

use super::error::SettingError;
use super::flags::{ServeArgs, given, parse_flag};
use super::parse::{Parser, optional, section};
use super::paths::{PrivateKeyFile, TokenFile};
use super::values::{AppId, InstallationId, parse_token};
use crate::model::Secret;

/// The name of the credential of targets that don't name one.
pub(super) const DEFAULT_CREDENTIAL: &str = "default";

/// The credentials by name.
pub(super) type Credentials = BTreeMap<String, Arc<CredentialSettings>>;

/// A way to sign in, and its name in the config file.
#[derive(Clone, Debug, PartialEq)]
pub struct CredentialSettings {
    /// The value of the label `credential`.
    pub name: String,
    /// Where the token comes from.
    pub source: CredentialSource,
}

/// Where the token of a credential comes from.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(try_from = "CredentialSection")]
pub enum CredentialSource {
    /// The settings contain it.
    Token(Secret),
    /// A file contains it, which may change at any time.
    TokenFile(PathBuf),
    /// A GitHub App creates it.
    App {
        /// The ID or client ID of the App.
        id: String,
        /// The file with the private key of the App (PEM), which may change at any time.
        private_key_file: PathBuf,
        /// The installation, if it should not be looked up.
        installation: Option<u64>,
    },
}

section! {
    /// A credential in the config file.
    struct CredentialSection {
        /// Environment variable that contains the token.
        #[serde(deserialize_with = "optional::<TokenVariable, _>")]
        token_env: Option<Secret> = None,
        /// File that contains the token.
        #[serde(deserialize_with = "optional::<TokenFile, _>")]
        token_file: Option<PathBuf> = None,
        /// ID or client ID of a GitHub App.
        #[serde(deserialize_with = "optional::<AppId, _>")]
        app_id: Option<String> = None,
        /// Private key of the App (PEM).
        #[serde(deserialize_with = "optional::<PrivateKeyFile, _>")]
        private_key_file: Option<PathBuf> = None,
        /// Installation of the App, if it should not be looked up for each target.
        #[serde(deserialize_with = "optional::<InstallationId, _>")]
        installation_id: Option<u64> = None,
    }
}

/// An environment variable that contains a token.
struct TokenVariable;

impl Parser for TokenVariable {
    type Value = Secret;

    fn parse(name: &str) -> Result<Secret, String> {
        let text = std::env::var(name).unwrap_or_default();
        let token = parse_token(&text)
            .map_err(|problem| format!("the environment variable {name:?}: {problem}"))?;
        token.ok_or_else(|| {
            format!("the environment variable {name:?} is not set: it should contain a token")
        })
    }
}

impl TryFrom<CredentialSection> for CredentialSource {
    type Error = &'static str;

    fn try_from(section: CredentialSection) -> Result<Self, Self::Error> {
        let CredentialSection { token_env, token_file, app_id, private_key_file, installation_id } =
            section;
        let has_app_keys = private_key_file.is_some() || installation_id.is_some();
        match (token_env, token_file, app_id) {
            (_, _, None) if has_app_keys => Err("it has no app_id, which a GitHub App needs"),
            (Some(token), None, None) => Ok(Self::Token(token)),
            (None, Some(path), None) => Ok(Self::TokenFile(path)),
            (None, None, Some(id)) => {
                let missing = "it has no private_key_file, which a GitHub App needs";
                let private_key_file = private_key_file.ok_or(missing)?;
                Ok(Self::App { id, private_key_file, installation: installation_id })
            }
            _ => Err("it needs exactly one of token_env, token_file and app_id"),
        }
    }
}

/// The credentials of the config file and, unless it defines one of that name, the default one of
/// the flags.
pub(super) fn collect(
    sources: BTreeMap<String, CredentialSource>,
    args: &ServeArgs,
) -> Result<Credentials, SettingError> {
    let mut sources = sources;
    if !sources.contains_key(DEFAULT_CREDENTIAL) {
        let source = from_flags(args)?;
        sources.extend(source.map(|source| (DEFAULT_CREDENTIAL.to_owned(), source)));
    }
    let named = |(name, source): (String, CredentialSource)| {
        (name.clone(), Arc::new(CredentialSettings { name, source }))
    };
    Ok(sources.into_iter().map(named).collect())
}

/// The credential of the flags and variables, if any.
fn from_flags(args: &ServeArgs) -> Result<Option<CredentialSource>, SettingError> {
    const TOKEN: &str = "--token (GHC_TOKEN)";
    const TOKEN_FILE: &str = "--token-file (GHC_TOKEN_FILE)";
    const APP: &str = "--app-id (GITHUB_APP_ID)";
    const KEY: &str = "--app-private-key-file (GITHUB_APP_PRIVATE_KEY_FILE)";
    const INSTALLATION: &str = "--app-installation-id (GITHUB_APP_INSTALLATION_ID)";
    let both = |setting: &str, other: &str| {
        Err(SettingError::new(setting, format!("{other} is set too: set only one of them")))
    };
    let token = args.token.as_ref().map(|token| token.expose().trim());
    let token = token.filter(|text| !text.is_empty());
    let (key, installation) = (given(&args.app_private_key_file), given(&args.app_installation_id));
    match (token, given(&args.token_file), given(&args.app_id)) {
        (Some(_), Some(_), _) => both(TOKEN_FILE, TOKEN),
        (Some(_), _, Some(_)) => both(APP, TOKEN),
        (_, Some(_), Some(_)) => both(APP, TOKEN_FILE),
        (Some(text), None, None) => {
            let token = parse_token(text).map_err(|problem| SettingError::new(TOKEN, problem))?;
            Ok(token.map(CredentialSource::Token))
        }
        (None, Some(path), None) => {
            Ok(Some(CredentialSource::TokenFile(parse_flag::<TokenFile>(TOKEN_FILE, path)?)))
        }
        (None, None, Some(id)) => {
            let missing = "not set: it should be the file with the App's private key";
            let key = key.ok_or_else(|| SettingError::new(KEY, missing))?;
            Ok(Some(CredentialSource::App {
                private_key_file: parse_flag::<PrivateKeyFile>(KEY, key)?,
                id: parse_flag::<AppId>(APP, id)?,
                installation: installation
                    .map(|text| parse_flag::<InstallationId>(INSTALLATION, text))
                    .transpose()?,
            }))
        }
        (None, None, None) if key.is_some() || installation.is_some() => {
            let problem = "not set, but the private key or installation of the App is: set all of them or none";
            Err(SettingError::new(APP, problem))
        }
        (None, None, None) => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(args: &ServeArgs) -> String {
        collect(BTreeMap::new(), args).unwrap_err().to_string()
    }

    #[test]
    fn flags_give_one_credential_and_empty_ones_count_as_not_set() {
        let args = ServeArgs {
            token: Some(" ghp_x\n".into()),
            token_file: Some(" ".to_owned()),
            ..ServeArgs::default()
        };
        let credentials = collect(BTreeMap::new(), &args).unwrap();
        let source = &credentials.get("default").unwrap().source;
        assert_eq!(*source, CredentialSource::Token("ghp_x".into()));
        assert!(collect(BTreeMap::new(), &ServeArgs::default()).unwrap().is_empty());
    }

    #[test]
    fn the_config_files_default_credential_takes_precedence_over_the_flags() {
        let args = ServeArgs { token: Some("of_flag".into()), ..ServeArgs::default() };
        let source = CredentialSource::Token("of_file".into());
        let sources = BTreeMap::from([("default".to_owned(), source.clone())]);
        assert_eq!(collect(sources, &args).unwrap().get("default").unwrap().source, source);
    }

    #[test]
    fn contradictory_flags_are_refused() {
        let two = ServeArgs {
            token: Some("ghp_x".into()),
            app_id: Some("1".to_owned()),
            ..ServeArgs::default()
        };
        let error =
            "--app-id (GITHUB_APP_ID): --token (GHC_TOKEN) is set too: set only one of them";
        assert_eq!(refused(&two), error);
        let no_key = ServeArgs { app_id: Some("1".to_owned()), ..ServeArgs::default() };
        assert!(
            refused(&no_key).starts_with("--app-private-key-file (GITHUB_APP_PRIVATE_KEY_FILE)")
        );
        let no_app =
            ServeArgs { app_installation_id: Some("1".to_owned()), ..ServeArgs::default() };
        assert!(refused(&no_app).starts_with("--app-id (GITHUB_APP_ID): not set, but"));
    }
}
