//! Finds the user and password for a registry. They are looked up whenever they are needed, so that a
//! changed password needs no restart.

use std::collections::HashMap;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use super::error::OciError;
use crate::config::files::read_bounded;
use crate::config::{ArtifactReference, RegistryOptions};
use crate::model::Secret;

/// The largest `config.json`.
const MAX_CONFIG_BYTES: u64 = 1 << 20;
/// The key of Docker Hub in `config.json`.
const DOCKER_HUB: &str = "https://index.docker.io/v1/";

/// A user and a password.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Password {
    pub username: String,
    pub password: Secret,
}

/// Docker's `config.json`.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct DockerConfig {
    auths: HashMap<String, Entry>,
    cred_helpers: HashMap<String, String>,
    creds_store: Option<String>,
}

/// An entry of `auths`.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Entry {
    /// User and password, separated by a colon, in base64.
    auth: Option<String>,
    username: Option<String>,
    password: Option<String>,
    identitytoken: Option<String>,
}

/// The user and password for the registry of a reference, if there are any.
pub(super) async fn find(
    options: &RegistryOptions,
    reference: &ArtifactReference,
) -> Result<Option<Password>, OciError> {
    let host = reference.registry().to_owned();
    let wrong = |reason| OciError::Password { host: host.clone(), reason };
    let (login, docker_config) = (options.login.clone(), options.docker_config.clone());
    let registry = host.clone();
    let found = tokio::task::spawn_blocking(move || {
        if let Some(login) = login {
            let password = login.password.read()?;
            return Ok(Some(Password { username: login.username, password }));
        }
        match docker_config.filter(|path| path.exists()) {
            Some(path) => of_docker(&path, &registry),
            None => Ok(None),
        }
    });
    found.await.map_err(|error| wrong(error.to_string()))?.map_err(wrong)
}

/// What Docker has for a registry. Errors never quote the file.
fn of_docker(path: &Path, registry: &str) -> Result<Option<Password>, String> {
    let wrong = |problem: &str| format!("{}: {problem}", path.display());
    let config: DockerConfig = serde_json::from_slice(&read_bounded(path, MAX_CONFIG_BYTES)?)
        .map_err(|_| wrong("not a valid config.json of Docker"))?;
    let is_of_registry = |key: &str| {
        let host = key.strip_prefix("https://").unwrap_or(key);
        let host = host.split('/').next().unwrap_or_default();
        host == registry || (registry == "docker.io" && key == DOCKER_HUB)
    };
    let entry = config.auths.iter().find(|(key, _)| is_of_registry(key)).map(|(_, entry)| entry);
    let password = entry.map(|entry| entry.password()).transpose().map_err(wrong)?.flatten();
    if password.is_some() {
        return Ok(password);
    }
    let helper = config.cred_helpers.iter().find(|(key, _)| is_of_registry(key));
    match helper
        .map(|(_, helper)| helper)
        .or(config.creds_store.as_ref().filter(|_| entry.is_some()))
    {
        // It would be a program that any file in this place could name.
        Some(_) => Err(wrong(
            "the password is in a credential helper, which is not run: set REGISTRY_USERNAME and REGISTRY_PASSWORD",
        )),
        None => Ok(None),
    }
}

impl Entry {
    fn password(&self) -> Result<Option<Password>, &'static str> {
        if self.identitytoken.as_ref().is_some_and(|token| !token.is_empty()) {
            return Err(
                "it has an identity token for the registry, which is not supported: use a user and password",
            );
        }
        if let (Some(username), Some(password)) = (&self.username, &self.password) {
            let (username, password) = (username.clone(), Secret::new(password));
            return Ok(Some(Password { username, password }));
        }
        let Some(auth) = self.auth.as_ref().filter(|auth| !auth.is_empty()) else {
            return Ok(None);
        };
        let decoded = STANDARD.decode(auth).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        let decoded = decoded.ok_or("an entry of auths is not in base64")?;
        let (username, password) =
            decoded.split_once(':').ok_or("an entry of auths has no colon")?;
        // Docker may pad it.
        let password = Secret::new(password.trim_end_matches('\0'));
        Ok(Some(Password { username: username.to_owned(), password }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(config: &str, registry: &str) -> Result<Option<(String, String)>, String> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("config.json");
        std::fs::write(&path, config).unwrap();
        let found = of_docker(&path, registry)?;
        Ok(found.map(|found| (found.username, found.password.expose().to_owned())))
    }

    #[test]
    fn the_password_is_that_of_the_registry_however_docker_writes_its_name() {
        let auth = STANDARD.encode("octocat:hunter2:with colon");
        let octocat = Some(("octocat".to_owned(), "hunter2:with colon".to_owned()));
        for key in ["ghcr.io", "https://ghcr.io", "https://ghcr.io/v2/"] {
            let config = format!(r#"{{"auths": {{"{key}": {{"auth": "{auth}"}}}}}}"#);
            assert_eq!(find(&config, "ghcr.io").unwrap(), octocat);
            for other in ["ghcr.io:443", "io", "evil-ghcr.io", "ghcr.io.example.com"] {
                assert_eq!(find(&config, other).unwrap(), None, "{other}");
            }
        }
        let hub =
            format!(r#"{{"auths": {{"{DOCKER_HUB}": {{"username": "a", "password": "b"}}}}}}"#);
        assert_eq!(find(&hub, "docker.io").unwrap(), Some(("a".to_owned(), "b".to_owned())));
    }

    #[test]
    fn a_password_that_only_a_program_has_is_an_error_that_says_so() {
        for config in [
            r#"{"credHelpers": {"ghcr.io": "hunter2"}}"#,
            r#"{"auths": {"ghcr.io": {}}, "credsStore": "hunter2"}"#,
        ] {
            let error = find(config, "ghcr.io").unwrap_err();
            assert!(error.contains("credential helper") && !error.contains("hunter2"), "{error}");
            assert_eq!(find(config, "quay.io").unwrap(), None);
        }
    }

    #[test]
    fn an_invalid_file_is_named_and_never_quoted() {
        for config in [
            "hunter2",
            r#"{"auths": "hunter2"}"#,
            r#"{"auths": {"ghcr.io": {"auth": "hunter2!"}}}"#,
            r#"{"auths": {"ghcr.io": {"auth": "aHVudGVyMg=="}}}"#,
            r#"{"auths": {"ghcr.io": {"identitytoken": "hunter2"}}}"#,
        ] {
            let error = find(config, "ghcr.io").unwrap_err();
            assert!(error.contains("config.json: ") && !error.contains("hunter2"), "{error}");
        }
    }
}
