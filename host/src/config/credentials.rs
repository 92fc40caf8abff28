//! The ways to sign in, from the flags and from the config file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_saphyr::Spanned;

use super::config::Credential;
use super::file::File;
use super::secret_files::{check_private_key, read_token_file};
use super::{
    CredentialSettings, CredentialSource, DEFAULT_CREDENTIAL, SettingError, flag, given, values,
};
use super::flags::ServeArgs;

/// The credentials by name.
pub(super) type Credentials = BTreeMap<String, Arc<CredentialSettings>>;

/// The credential of the flags and variables, if there is one.
pub(super) fn flag_credential(
    args: &ServeArgs,
) -> Result<Option<CredentialSettings>, SettingError> {
    let token = args.token.as_ref().map(|token| token.expose().trim());
    let (token, file, app) =
        (token.filter(|text| !text.is_empty()), given(&args.token_file), given(&args.app_id));
    let (key, installation) = (given(&args.app_private_key_file), given(&args.app_installation_id));
    let settings =
        ["--token (GHC_TOKEN)", "--token-file (GHC_TOKEN_FILE)", "--app-id (GITHUB_APP_ID)"];
    let given: Vec<_> = settings
        .into_iter()
        .zip([token, file, app])
        .filter_map(|(setting, text)| Some((setting, text?)))
        .collect();
    if let [(one, _), (other, _), ..] = given.as_slice() {
        return Err(SettingError::new(*other, format!("there is {one} too: give one of them")));
    }
    let source = match given.first() {
        None => match (key, installation) {
            (None, None) => return Ok(None),
            _ => {
                let problem =
                    "it is not set, and the App's key or installation is: give all or none";
                return Err(SettingError::new("--app-id (GITHUB_APP_ID)", problem));
            }
        },
        Some((setting, text)) if app.is_some() => {
            let setting_of_key = "--app-private-key-file (GITHUB_APP_PRIVATE_KEY_FILE)";
            let file = PathBuf::from(key.ok_or_else(|| {
                SettingError::new(setting_of_key, "it is not set: give the file with the App's key")
            })?);
            check_private_key(&file)
                .map_err(|problem| SettingError::new(setting_of_key, problem))?;
            let setting_of_installation = "--app-installation-id (GITHUB_APP_INSTALLATION_ID)";
            CredentialSource::App {
                id: flag(setting, text, values::app_id)?,
                private_key_file: file,
                installation: installation
                    .map(|text| flag(setting_of_installation, text, values::installation))
                    .transpose()?,
            }
        }
        Some((setting, text)) if file.is_some() => {
            read_token_file(Path::new(text))
                .map_err(|problem| SettingError::new(*setting, problem))?;
            CredentialSource::TokenFile(text.into())
        }
        Some((setting, text)) => match flag(setting, text, values::token)? {
            Some(token) => CredentialSource::Token(token),
            None => return Ok(None),
        },
    };
    Ok(Some(CredentialSettings { name: DEFAULT_CREDENTIAL.to_owned(), source }))
}

impl File<'_> {
    /// The credentials of the file, by name.
    pub(super) fn credentials(
        &self,
        entries: &BTreeMap<String, Spanned<Credential>>,
    ) -> Result<Credentials, SettingError> {
        let mut credentials = Credentials::new();
        for (name, entry) in entries {
            let key = format!("credentials.{name}");
            let source = self.credential(&key, entry)?;
            credentials
                .insert(name.clone(), Arc::new(CredentialSettings { name: name.clone(), source }));
        }
        Ok(credentials)
    }

    fn credential(
        &self,
        key: &str,
        entry: &Spanned<Credential>,
    ) -> Result<CredentialSource, SettingError> {
        let Credential { token_env, token_file, app_id, private_key_file, installation_id } =
            &entry.value;
        let sub = |name: &str| format!("{key}.{name}");
        if app_id.is_none() && (private_key_file.is_some() || installation_id.is_some()) {
            return Err(self.wrong(entry, key, "it has no app_id, which an App needs"));
        }
        match (token_env, token_file, app_id) {
            (Some(variable), None, None) => {
                let key = sub("token_env");
                let name = variable.value.trim();
                let text = std::env::var(name).unwrap_or_default();
                let token = values::token(&text).map_err(|problem| {
                    self.wrong(variable, &key, format!("the variable {name}: {problem}"))
                })?;
                let empty = || {
                    format!("the environment variable {name:?} is not set; it should hold a token")
                };
                Ok(CredentialSource::Token(
                    token.ok_or_else(|| self.wrong(variable, &key, empty()))?,
                ))
            }
            (None, Some(path), None) => {
                // The token is read again for every request.
                let (path, _) = self.file(path, &sub("token_file"), read_token_file)?;
                Ok(CredentialSource::TokenFile(path))
            }
            (None, None, Some(id)) => {
                let no_key =
                    || self.wrong(entry, key, "it has no private_key_file, which an App needs");
                let file = private_key_file.as_ref().ok_or_else(no_key)?;
                let id = self.read(id, &sub("app_id"), values::app_id)?;
                // The key is read again for every claim.
                let (private_key_file, ()) =
                    self.file(file, &sub("private_key_file"), check_private_key)?;
                Ok(CredentialSource::App {
                    id,
                    private_key_file,
                    installation: self.read_if(
                        installation_id,
                        &sub("installation_id"),
                        values::installation,
                    )?,
                })
            }
            _ => Err(self.wrong(
                entry,
                key,
                "it needs exactly one of token_env, token_file and app_id",
            )),
        }
    }
}
