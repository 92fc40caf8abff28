//! How registries are reached.

use std::path::PathBuf;
use std::time::Duration;

use super::args::RegistryArgs;
use super::key::{KeyFile, VerificationKey};
use super::reference::ArtifactReference;
use crate::config::error::SettingError;
use crate::config::flags::{given, parse_flag};
use crate::config::parse::{optional, section, value};
use crate::config::paths::{CaFile, SecretFile};
use crate::config::secret_source::SecretSource;
use crate::model::Secret;

/// The flags of the password.
const PASSWORD: &str =
    "--registry-password (REGISTRY_PASSWORD), --registry-password-file (REGISTRY_PASSWORD_FILE)";

/// How registries are reached, and which of their mappings are accepted.
#[derive(Clone, Debug, PartialEq)]
pub struct RegistryOptions {
    /// Time between two checks of each source.
    pub interval: Duration,
    /// Timeout for a check of a source, including the download.
    pub timeout: Duration,
    /// Maximum size of a mapping.
    pub max_file_bytes: u64,
    /// The key that mappings have to be signed with, if they have to be.
    pub key: Option<VerificationKey>,
    /// CA certificates (PEM) to trust in addition to the system's.
    pub ca_certificates: Vec<u8>,
    /// Whether registries on this machine are reached by plain HTTP.
    pub plain_http: bool,
    /// The user for all registries, if set.
    pub login: Option<Login>,
    /// The file in which Docker keeps passwords. It need not exist.
    pub docker_config: Option<PathBuf>,
}

/// A user and a password.
#[derive(Clone, Debug, PartialEq)]
pub struct Login {
    /// The user.
    pub username: String,
    /// The password, or the file that contains it.
    pub password: SecretSource,
}

section! {
    /// The section `mapping.registry`.
    pub(in crate::config) struct RegistrySection {
        /// CA certificates (PEM) to trust in addition to the system's.
        #[serde(rename = "ca_file", deserialize_with = "value::<CaFile, _>")]
        ca_certificates: Vec<u8> = Vec::new(),
        /// Whether registries on this machine are reached by plain HTTP.
        plain_http: bool = false,
        /// The user.
        username: Option<String> = None,
        /// The file that contains the password.
        #[serde(deserialize_with = "optional::<SecretFile, _>")]
        password_file: Option<PathBuf> = None,
    }
}

section! {
    /// The section `mapping.verify`.
    pub(in crate::config) struct VerifySection {
        /// The public key that mappings have to be signed with.
        #[serde(deserialize_with = "optional::<KeyFile, _>")]
        pub key: Option<VerificationKey> = None,
    }
}

impl RegistryOptions {
    /// The options of the section `registry`, with the flags, which take precedence. The error names
    /// the flag.
    pub(in crate::config) fn new(
        section: RegistrySection,
        key: Option<VerificationKey>,
        [interval, timeout]: [Duration; 2],
        max_file_bytes: u64,
        args: &RegistryArgs,
    ) -> Result<Self, SettingError> {
        let RegistrySection { mut ca_certificates, plain_http, username, password_file } = section;
        if let Some(text) = given(&args.registry_ca_file) {
            ca_certificates = parse_flag::<CaFile>("--registry-ca-file (REGISTRY_CA_FILE)", text)?;
        }
        let username = given(&args.registry_username).map(str::to_owned).or(username);
        let given_file = given(&args.registry_password_file)
            .map(|text| {
                let flag = "--registry-password-file (REGISTRY_PASSWORD_FILE)";
                parse_flag::<SecretFile>(flag, text)
            })
            .transpose()?;
        let is_given = |password: &&Secret| !password.expose().trim().is_empty();
        let given_text = args.registry_password.as_ref().filter(is_given);
        let password = match (given_text, given_file.or(password_file)) {
            (Some(text), _) if text.expose().chars().any(char::is_control) => {
                return Err(SettingError::new(PASSWORD, "it contains a control character"));
            }
            (Some(text), _) => Some(SecretSource::Text(text.clone())),
            (None, Some(file)) => Some(SecretSource::File(file)),
            (None, None) => None,
        };
        let login = match (username, password) {
            (Some(username), Some(password)) => Some(Login { username, password }),
            (None, None) => None,
            (Some(_), None) => {
                let problem = "there is a user for the registry, but no password";
                return Err(SettingError::new(PASSWORD, problem));
            }
            (None, Some(_)) => {
                let problem = "there is a password for the registry, but no user";
                let flag = "--registry-username (REGISTRY_USERNAME)";
                return Err(SettingError::new(flag, problem));
            }
        };
        let directory = given(&args.docker_config).map(PathBuf::from);
        let home = || Some(PathBuf::from(std::env::var_os("HOME")?).join(".docker"));
        let docker_config = directory.or_else(home).map(|path| path.join("config.json"));
        Ok(Self {
            interval,
            timeout,
            max_file_bytes,
            key,
            ca_certificates,
            plain_http,
            login,
            docker_config,
        })
    }

    /// Checks that the options are safe for these references: a password is for one registry only, and
    /// plain HTTP never leaves this machine.
    pub fn check(&self, references: &[&ArtifactReference]) -> Result<(), String> {
        if let Some(far) = references.iter().find(|of| self.plain_http && !of.is_loopback()) {
            return Err(format!(
                "{far}: plain_http is only for registries on this machine, as passwords would cross the network unencrypted"
            ));
        }
        let Some(first) = references.first().filter(|_| self.login.is_some()) else {
            return Ok(());
        };
        match references.iter().find(|of| of.registry() != first.registry()) {
            None => Ok(()),
            Some(other) => Err(format!(
                "{} and {} would get the same password: use Docker's config.json, which has one for each registry",
                first.registry(),
                other.registry()
            )),
        }
    }
}
