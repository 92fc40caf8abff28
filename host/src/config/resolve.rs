//! Puts flags, environment and config file together. A flag or variable stands above the file's
//! defaults; what the file says of a single target stands above both.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde_saphyr::Spanned;
use url::Url;

use super::config::{Config, TargetDefaults, TargetEntry, Text};
use super::credentials::{Credentials, flag_credential};
use super::file::File;
use super::{
    CredentialSettings, DEFAULT_API_URL, DEFAULT_CREDENTIAL, DEFAULT_LISTEN_ADDRESS,
    DEFAULT_TTL_SECONDS, MappingSettings, MappingSource, Placed, SettingError, Settings,
    TargetSettings, flag, given, values,
};
use super::flags::{ServeArgs, WebArgs};
use crate::model::{MappingOption, Scope, Target};

impl Settings {
    /// Checks what was given. A missing token or target is no error here: the exporter runs and says so.
    pub fn new(args: &ServeArgs) -> Result<Self, SettingError> {
        let path = given(&args.config).map(PathBuf::from);
        let config = path.as_deref().map(Config::read).transpose()?.unwrap_or_default();
        let file = File { path: path.as_deref() };
        let mut credentials = file.credentials(&config.credentials)?;
        if !credentials.contains_key(DEFAULT_CREDENTIAL) {
            let default = flag_credential(args)?;
            credentials.extend(default.map(|found| (DEFAULT_CREDENTIAL.to_owned(), found.into())));
        }
        let resolver = Resolver {
            file: &file,
            credentials: &credentials,
            defaults: &config.defaults,
            ttl: given(&args.cache_ttl_seconds)
                .map(|text| {
                    flag("--cache-ttl-seconds (CACHE_TTL_SECONDS)", text, values::ttl_seconds)
                })
                .transpose()?,
            api: given(&args.github_api_url)
                .map(|text| flag("--github-api-url (GITHUB_API_URL)", text, values::api))
                .transpose()?,
            options: &args.options,
            source: file.source(given(&args.mapping_dir), &config.mapping)?,
        };
        let mut all: Vec<Target> = Vec::new();
        let mut targets: Vec<TargetSettings> = Vec::new();
        for (setting, scope, list) in [
            ("--org (ORG)", Scope::Organization, &args.org),
            ("--enterprise (ENTERPRISE)", Scope::Enterprise, &args.enterprise),
        ] {
            let names = given(list).unwrap_or_default().split(',').map(str::trim);
            for name in names.filter(|name| !name.is_empty()) {
                let (target, settings) = resolver.flag_target(setting, scope, name)?;
                check_alone(setting, &target, &all)?;
                all.push(target);
                targets.extend(settings);
            }
        }
        // Without a token the exporter runs, and says so.
        let complete = all.len() == targets.len();
        if !complete && !config.targets.is_empty() {
            let problem = "there is no credential for it: set GHC_TOKEN, or credentials.default in the config file";
            return Err(SettingError::new("--org (ORG), --enterprise (ENTERPRISE)", problem));
        }
        for (number, entry) in config.targets.iter().enumerate() {
            let key = format!("targets[{number}]");
            let settings = resolver.target(&key, entry)?;
            check_alone(&file.place(entry, &key), &settings.target, &all)?;
            all.push(settings.target.clone());
            targets.push(settings);
        }
        // They are checked even where there is no target to use them.
        let defaults = resolver.defaults()?;
        let token = "set GHC_TOKEN to a token for GitHub's API (or GHC_TOKEN_FILE, or GITHUB_APP_ID with GITHUB_APP_PRIVATE_KEY_FILE)";
        let what = "ORG or ENTERPRISE to what should be exported";
        let missing = match (complete, targets.is_empty(), credentials.is_empty()) {
            (false, ..) => Some(token.to_owned()),
            (true, true, true) => Some(format!("{token}, and {what}")),
            (true, true, false) => Some(format!("set {what}")),
            (true, false, _) => None,
        };
        Ok(Self {
            listen: listen_addresses(&args.web)?,
            web_config: given(&args.web.web_config).map(PathBuf::from),
            cache_dir: given(&args.cache_dir).map(PathBuf::from),
            github: file.github(&config.github)?,
            targets: if missing.is_some() { Vec::new() } else { targets },
            ttl: defaults.ttl,
            defaults: defaults.mapping,
            source: resolver.source.clone(),
            policy: file.policy(&config.mapping)?,
            missing,
        })
    }
}

/// The addresses to listen on.
pub fn listen_addresses(args: &WebArgs) -> Result<Vec<String>, SettingError> {
    let addresses = args.listen_address.iter().map(|text| text.trim());
    let mut addresses: Vec<&str> = addresses.filter(|text| !text.is_empty()).collect();
    if addresses.is_empty() {
        addresses.push(DEFAULT_LISTEN_ADDRESS);
    }
    let listen = |text| flag("--web.listen-address (LISTEN_ADDRESS)", text, values::listen);
    addresses.into_iter().map(listen).collect()
}

/// A target must be told apart from every other one.
fn check_alone(place: &str, target: &Target, others: &[Target]) -> Result<(), SettingError> {
    for other in others {
        let same = other.scope() == target.scope() && other.github() == target.github();
        // GitHub's names are the same in upper and lower case.
        if same && other.login().eq_ignore_ascii_case(target.login()) {
            return Err(SettingError::new(place, format!("{:?} is there twice", target.login())));
        }
        // The original's gauges have the name only: two targets would be one series.
        if other.name() == target.name() {
            return Err(SettingError::new(
                place,
                format!(
                    "{:?} is the name of another target too, an {}, and the label org can't tell them apart: give one of them another `name` in the config file",
                    target.name(),
                    other.scope()
                ),
            ));
        }
    }
    Ok(())
}

/// Turns entries into targets.
struct Resolver<'a> {
    file: &'a File<'a>,
    credentials: &'a Credentials,
    defaults: &'a TargetDefaults,
    ttl: Option<Duration>,
    api: Option<Url>,
    options: &'a [MappingOption],
    source: MappingSource,
}

/// What the defaults come to.
struct Defaults {
    credential: Option<Arc<CredentialSettings>>,
    api: Url,
    ttl: Duration,
    mapping: MappingSettings,
}

impl Resolver<'_> {
    fn defaults(&self) -> Result<Defaults, SettingError> {
        let given = self.defaults;
        let api = self.file.read_if(&given.api_url, "defaults.api_url", values::api)?;
        let ttl = self.file.read_if(&given.ttl, "defaults.ttl", values::ttl)?;
        let mut mapping = MappingSettings {
            document_ttl: self.ttls_in("defaults", &given.document_ttl)?,
            documents: self.documents_in("defaults", &given.documents),
            options: self.options_in("defaults", &given.options),
        };
        mapping.options.extend(self.options.iter().map(|option| {
            let place = "--option".to_owned();
            (option.name.clone(), Placed { value: option.value.clone(), place })
        }));
        Ok(Defaults {
            credential: match &given.credential {
                Some(name) => Some(self.credential("defaults", name)?),
                None => self.credentials.get(DEFAULT_CREDENTIAL).cloned(),
            },
            api: match self.api.clone().or(api) {
                Some(api) => api,
                None => flag("--github-api-url (GITHUB_API_URL)", DEFAULT_API_URL, values::api)?,
            },
            ttl: match self.ttl.or(ttl) {
                Some(ttl) => ttl,
                None => flag("CACHE_TTL_SECONDS", DEFAULT_TTL_SECONDS, values::ttl_seconds)?,
            },
            mapping,
        })
    }

    /// A target of the flags, and its settings if there is a credential for it.
    fn flag_target(
        &self,
        setting: &str,
        scope: Scope,
        login: &str,
    ) -> Result<(Target, Option<TargetSettings>), SettingError> {
        let defaults = self.defaults()?;
        let target = flag(setting, login, |login| Target::new(scope, login))?.at(&defaults.api);
        let settings = defaults.credential.map(|credential| TargetSettings {
            target: target.clone(),
            credential,
            api: defaults.api,
            ttl: defaults.ttl,
            mapping: defaults.mapping,
            source: self.source.clone(),
        });
        Ok((target, settings))
    }

    /// A target of the file.
    fn target(
        &self,
        key: &str,
        entry: &Spanned<TargetEntry>,
    ) -> Result<TargetSettings, SettingError> {
        let (file, given) = (self.file, &entry.value);
        let sub = |name: &str| format!("{key}.{name}");
        let (scope, login, name) = match (&given.organization, &given.enterprise) {
            (Some(login), None) => (Scope::Organization, login, "organization"),
            (None, Some(login)) => (Scope::Enterprise, login, "enterprise"),
            _ => return Err(file.wrong(entry, key, "it needs either organization or enterprise")),
        };
        let mut target = file.read(login, &sub(name), |text| Target::new(scope, text))?;
        if let Some(name) = &given.name {
            target = file.read(name, &sub("name"), |text| target.clone().named(text))?;
        }
        let defaults = self.defaults()?;
        let api = file.read_if(&given.api_url, &sub("api_url"), values::api)?;
        let api = api.unwrap_or(defaults.api);
        let credential = match &given.credential {
            Some(name) => self.credential(key, name)?,
            None => defaults.credential.ok_or_else(|| {
                file.wrong(entry, key, "it names no credential, and there is no default one: set GHC_TOKEN, or credentials.default")
            })?,
        };
        let mut mapping = defaults.mapping;
        mapping.document_ttl.extend(self.ttls_in(key, &given.document_ttl)?);
        mapping.documents.extend(self.documents_in(key, &given.documents));
        mapping.options.extend(self.options_in(key, &given.options));
        let ttl = file.read_if(&given.ttl, &sub("ttl"), values::ttl)?;
        Ok(TargetSettings {
            target: target.at(&api),
            credential,
            api,
            ttl: ttl.unwrap_or(defaults.ttl),
            mapping,
            source: file.source_of_target(key, given.mapping.as_ref(), &self.source)?,
        })
    }

    fn credential(&self, key: &str, name: &Text) -> Result<Arc<CredentialSettings>, SettingError> {
        self.credentials.get(&name.value).cloned().ok_or_else(|| {
            let known: Vec<_> = self.credentials.keys().map(String::as_str).collect();
            let problem =
                format!("there is no credential {:?}; there are: {}", name.value, known.join(", "));
            self.file.wrong(name, &format!("{key}.credential"), problem)
        })
    }

    fn ttls_in(
        &self,
        key: &str,
        ttls: &BTreeMap<String, Text>,
    ) -> Result<BTreeMap<String, Placed<Duration>>, SettingError> {
        let placed = |(name, text): (&String, &Text)| {
            let key = format!("{key}.document_ttl.{name}");
            let value = self.file.read(text, &key, values::ttl)?;
            Ok((name.clone(), Placed { value, place: self.file.place(text, &key) }))
        };
        ttls.iter().map(placed).collect()
    }

    fn documents_in(
        &self,
        key: &str,
        documents: &BTreeMap<String, Spanned<bool>>,
    ) -> BTreeMap<String, Placed<bool>> {
        let placed = |(name, on): (&String, &Spanned<bool>)| {
            let place = self.file.place(on, &format!("{key}.documents.{name}"));
            (name.clone(), Placed { value: on.value, place })
        };
        documents.iter().map(placed).collect()
    }

    fn options_in(
        &self,
        key: &str,
        options: &BTreeMap<String, Text>,
    ) -> BTreeMap<String, Placed<String>> {
        let placed = |(name, text): (&String, &Text)| {
            let place = self.file.place(text, &format!("{key}.options.{name}"));
            (name.clone(), Placed { value: text.value.clone(), place })
        };
        options.iter().map(placed).collect()
    }
}
