//! All settings: flags, environment and config file together. A flag or variable takes precedence
//! over the `defaults` of the file; what the file sets for a single target takes precedence over
//! both.

use std::path::{Path, PathBuf};
use std::time::Duration;

use url::Url;

use super::credentials::{self, DEFAULT_CREDENTIAL};
use super::error::SettingError;
use super::files::read_text;
use super::flags::{ServeArgs, given, listen_addresses, parse_flag};
use super::github::GithubOptions;
use super::history::HistoryOptions;
use super::mapping::{MappingPolicy, MappingSource};
use super::paths::Directory;
use super::registry::{ArtifactReference, RegistryOptions};
use super::remote_write::{self, RemoteWriteSettings};
use super::sections::{Config, InheritedSettings, Place, resolve_target};
use super::store::{self, ValkeySettings};
use super::target::{MappingSettings, Placed, TargetSettings};
use super::values::{ApiUrl, LinkUrl, TtlSeconds};
use super::web_paths::WebPaths;
use super::yaml::{self, YamlFile};
use crate::model::{Scope, Target};

/// GitHub updates the data once a day, at no fixed hour.
pub const DEFAULT_TTL_SECONDS: &str = "3600";
/// github.com.
pub const DEFAULT_API_URL: &str = "https://api.github.com";
/// The largest config file: a thousand targets have a hundred kilobytes.
const MAX_CONFIG_BYTES: u64 = 4 << 20;

/// The settings of the exporter.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The addresses to listen on: none with systemd's sockets.
    pub listen: Vec<String>,
    /// Where the endpoints are.
    pub paths: WebPaths,
    /// Where the page links to for dashboards, if anywhere.
    pub grafana: Option<Url>,
    /// The web config file (TLS, users), if any.
    pub web_config: Option<PathBuf>,
    /// Whether reloads over HTTP are allowed without a password.
    pub enable_lifecycle: bool,
    /// Whether there are daily samples.
    pub enable_daily: bool,
    /// The directory that keeps documents across restarts, if any.
    pub cache_dir: Option<PathBuf>,
    /// The server that replicas share, if any. With it, the directory keeps only compiled mappings.
    pub valkey: Option<ValkeySettings>,
    /// How requests are sent.
    pub github: GithubOptions,
    /// What is kept of the past, and how daily samples are named.
    pub history: HistoryOptions,
    /// What to export.
    pub targets: Vec<TargetSettings>,
    /// Time between two refreshes, for targets that set nothing else.
    pub ttl: Duration,
    /// The settings of mappings, for targets that set nothing else.
    pub defaults: MappingSettings,
    /// Which mappings run, for targets that set nothing else.
    pub source: MappingSource,
    /// What mappings may do.
    pub policy: MappingPolicy,
    /// How OCI registries are reached, and which of their mappings are accepted.
    pub registry: RegistryOptions,
    /// Where samples are pushed to.
    pub remote_write: Vec<RemoteWriteSettings>,
    /// What is missing to export anything.
    pub missing: Option<String>,
    /// Whether the numbers are those of the demo.
    pub is_demo: bool,
}

impl Settings {
    /// Reads and checks all settings. A missing token or target is not an error: the exporter runs
    /// and says so.
    pub fn new(args: &ServeArgs) -> Result<Self, SettingError> {
        let path = given(&args.config).map(Path::new);
        let file = YamlFile { path };
        let Config {
            defaults,
            credentials,
            targets: sections,
            github,
            mapping,
            history,
            remote_write,
            store,
        } = path.map(read_config).transpose()?.unwrap_or_default();
        let credentials = credentials::collect(credentials, args)?;
        let mut inherited = InheritedSettings {
            credential: credentials.get(DEFAULT_CREDENTIAL).cloned(),
            api: parse_flag::<ApiUrl>("--github-api-url (GITHUB_API_URL)", DEFAULT_API_URL)?,
            ttl: parse_flag::<TtlSeconds>("CACHE_TTL_SECONDS", DEFAULT_TTL_SECONDS)?,
            mapping: MappingSettings::default(),
            source: mapping.source(),
            history: history.clone(),
        };
        let place = Place { file: &file, key: "defaults" };
        defaults.apply(&place, &credentials, &mut inherited)?;
        apply_flags(args, &mut inherited)?;

        let mut targets = Targets::default();
        for (flag, scope, names) in [
            ("--org (ORG)", Scope::Organization, &args.org),
            ("--enterprise (ENTERPRISE)", Scope::Enterprise, &args.enterprise),
        ] {
            let names = given(names).unwrap_or_default().split(',').map(str::trim);
            for name in names.filter(|name| !name.is_empty()) {
                let target = Target::new(scope, name)
                    .map_err(|problem| SettingError::new(flag, problem))?
                    .at(&inherited.api);
                targets.add(flag, &target)?;
                targets.settings.extend(inherited.clone().of(target));
            }
        }
        if targets.lack_credential() && !sections.is_empty() {
            let problem = "there is no credential for these targets: set GHC_TOKEN, or credentials.default in the config file";
            return Err(SettingError::new("--org (ORG), --enterprise (ENTERPRISE)", problem));
        }
        for (number, section) in sections.into_iter().enumerate() {
            let key = format!("targets[{number}]");
            let position = file.place(&section, &key);
            let place = Place { file: &file, key: &key };
            let settings = resolve_target(section, &place, &credentials, inherited.clone())?;
            targets.add(&position, &settings.target)?;
            targets.settings.push(settings);
        }
        let store_url = args.store_url.as_ref().map(|url| url.expose().trim());
        let store_url = store_url.filter(|url| !url.is_empty());
        let missing = targets.missing(credentials.is_empty());
        let policy = mapping.policy();
        let mut listen = listen_addresses(&args.web)?;
        if args.systemd_socket {
            listen.clear();
        }
        let settings = Self {
            listen,
            paths: WebPaths::new(args)?,
            grafana: given(&args.grafana_url).map(parse_grafana).transpose()?,
            web_config: given(&args.web.web_config).map(PathBuf::from),
            enable_lifecycle: args.enable_lifecycle,
            enable_daily: !args.no_daily,
            cache_dir: given(&args.cache_dir).map(PathBuf::from),
            valkey: store::settings(store, &file, store_url)?,
            github,
            history,
            targets: if missing.is_some() { Vec::new() } else { targets.settings },
            ttl: inherited.ttl,
            defaults: inherited.mapping,
            source: inherited.source,
            policy,
            registry: mapping.registry(&args.registry)?,
            remote_write: remote_write::endpoints(remote_write, &file)?,
            missing,
            is_demo: false,
        };
        let wrong = |problem| SettingError::new("mapping.sources", problem);
        settings.registry.check(&settings.artifacts()).map_err(wrong)?;
        Ok(settings)
    }

    /// The mappings in OCI registries of all targets, each once.
    pub fn artifacts(&self) -> Vec<&ArtifactReference> {
        let sources = self.targets.iter().map(|target| &target.source).chain([&self.source]);
        let mut artifacts: Vec<_> = sources.flat_map(|source| &source.artifacts).collect();
        artifacts.sort();
        artifacts.dedup();
        artifacts
    }
}

/// Whether a config file has neither targets nor credentials. One that is invalid is meant to have some.
pub(super) fn exports_nothing(path: &Path) -> bool {
    read_config(path).is_ok_and(|config| config.targets.is_empty() && config.credentials.is_empty())
}

fn read_config(path: &Path) -> Result<Config, SettingError> {
    let unreadable = |problem: String| SettingError::new("--config.file (CONFIG_FILE)", problem);
    yaml::parse(path, &read_text(path, MAX_CONFIG_BYTES).map_err(unreadable)?)
}

fn parse_grafana(text: &str) -> Result<Url, SettingError> {
    parse_flag::<LinkUrl>("--web.grafana-url (WEB_GRAFANA_URL)", text)
}

/// Applies the flags that take precedence over `defaults`.
fn apply_flags(args: &ServeArgs, inherited: &mut InheritedSettings) -> Result<(), SettingError> {
    if let Some(text) = given(&args.github_api_url) {
        inherited.api = parse_flag::<ApiUrl>("--github-api-url (GITHUB_API_URL)", text)?;
    }
    if let Some(text) = given(&args.cache_ttl_seconds) {
        inherited.ttl = parse_flag::<TtlSeconds>("--cache-ttl-seconds (CACHE_TTL_SECONDS)", text)?;
    }
    if let Some(text) = given(&args.mapping_dir) {
        let directory = parse_flag::<Directory>("--mapping-dir (MAPPING_DIR)", text)?;
        inherited.source.directory = Some(directory);
    }
    if let Some(text) = given(&args.mapping_sources) {
        let parse = |text: &str| {
            let flag = "--mapping-sources (MAPPING_SOURCES)";
            parse_flag::<ArtifactReference>(flag, text.trim())
        };
        let named = text.split(',').filter(|text| !text.trim().is_empty());
        inherited.source.artifacts = named.map(parse).collect::<Result<_, _>>()?;
    }
    let options = args.options.iter().map(|option| {
        let place = "--option".to_owned();
        (option.name.clone(), Placed { value: option.value.clone(), place })
    });
    inherited.mapping.options.extend(options);
    Ok(())
}

/// The targets of the flags and of the config file.
#[derive(Default)]
struct Targets {
    /// Every target.
    all: Vec<Target>,
    /// The settings of those that have a credential.
    settings: Vec<TargetSettings>,
}

impl Targets {
    /// Adds a target, which must be distinguishable from all others.
    fn add(&mut self, place: &str, target: &Target) -> Result<(), SettingError> {
        for other in &self.all {
            let same_account = other.scope() == target.scope() && other.github() == target.github();
            // GitHub ignores the case of names.
            if same_account && other.login().eq_ignore_ascii_case(target.login()) {
                let problem = format!("{:?} is listed twice", target.login());
                return Err(SettingError::new(place, problem));
            }
            // The original exporter's gauges have no label but the name: they would be the same series.
            if other.name() == target.name() {
                let problem = format!(
                    "{:?} is also the name of another target, an {}, and the label org must tell them apart: give one of them another `name` in the config file",
                    target.name(),
                    other.scope()
                );
                return Err(SettingError::new(place, problem));
            }
        }
        self.all.push(target.clone());
        Ok(())
    }

    fn lack_credential(&self) -> bool {
        self.settings.len() < self.all.len()
    }

    /// What is missing to export anything.
    fn missing(&self, no_credentials: bool) -> Option<String> {
        let token = "set GHC_TOKEN to a token for the GitHub API (or GHC_TOKEN_FILE, or GITHUB_APP_ID with GITHUB_APP_PRIVATE_KEY_FILE)";
        let targets = "ORG or ENTERPRISE to what should be exported";
        match (self.all.is_empty(), no_credentials) {
            (true, true) => Some(format!("{token}, and {targets}{}", hint())),
            (true, false) => Some(format!("set {targets}")),
            (false, _) => self.lack_credential().then(|| format!("{token}{}", hint())),
        }
    }
}

/// A hint for users of GitHub's own tools, whose variable has another name.
fn hint() -> &'static str {
    match std::env::var_os("GITHUB_TOKEN") {
        Some(token) if !token.is_empty() => " (GITHUB_TOKEN is set, but is not read)",
        _ => "",
    }
}
