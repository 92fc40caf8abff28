//! Flags and environment variables.

use clap::Args;

use super::error::SettingError;
use super::parse::Parser;
use super::registry::RegistryArgs;
use super::values::ListenAddress;
use crate::model::{MappingOption, Secret};

/// The original exporter's port.
const DEFAULT_LISTEN_ADDRESS: &str = "0.0.0.0:8000";

/// The settings of the exporter. The texts are parsed later, so that all mistakes are reported in
/// the same form.
#[derive(Clone, Debug, Default, Args)]
pub struct ServeArgs {
    /// Serve the built-in recordings of two invented organizations and an enterprise: needs no token
    /// and no network. `--demo=auto`: only if no credential and no target is set
    #[arg(
        long,
        env = "DEMO",
        value_name = "WHEN",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "always"
    )]
    pub demo: Option<String>,

    /// Config file (YAML), for several credentials and for settings of individual targets
    #[arg(long = "config.file", alias = "config", env = "CONFIG_FILE", value_name = "FILE")]
    pub config: Option<String>,

    /// Token for the GitHub API. Prefer the variable: flags are visible in the process list
    #[arg(long, env = "GHC_TOKEN", hide_env_values = true, value_name = "TOKEN")]
    pub token: Option<Secret>,

    /// File that contains the token. It may change at any time
    #[arg(long, env = "GHC_TOKEN_FILE", value_name = "FILE")]
    pub token_file: Option<String>,

    /// ID or client ID of a GitHub App, to sign in as its installation
    #[arg(long, env = "GITHUB_APP_ID", value_name = "ID")]
    pub app_id: Option<String>,

    /// File that contains the private key of the App (PEM). It may change at any time
    #[arg(long, env = "GITHUB_APP_PRIVATE_KEY_FILE", value_name = "FILE")]
    pub app_private_key_file: Option<String>,

    /// ID of the App's installation [default: looked up for each target]
    #[arg(long, env = "GITHUB_APP_INSTALLATION_ID", value_name = "ID")]
    pub app_installation_id: Option<String>,

    /// Organizations to export: their logins, separated by commas
    #[arg(long, env = "ORG", value_name = "NAME,…")]
    pub org: Option<String>,

    /// Enterprises to export: their slugs, separated by commas
    #[arg(long, env = "ENTERPRISE", value_name = "NAME,…")]
    pub enterprise: Option<String>,

    /// Seconds between two refreshes of the data. GitHub updates it once a day [default: 3600]
    #[arg(long, env = "CACHE_TTL_SECONDS", value_name = "SECONDS")]
    pub cache_ttl_seconds: Option<String>,

    /// Directory that keeps the data across restarts [default: memory only]
    #[arg(long, env = "CACHE_DIR", value_name = "DIRECTORY")]
    pub cache_dir: Option<String>,

    /// URL of the Valkey or Redis that replicas share: redis://HOST:PORT, or rediss:// for TLS. It keeps
    /// the data instead of CACHE_DIR
    #[arg(long, env = "STORE_URL", hide_env_values = true, value_name = "URL")]
    pub store_url: Option<Secret>,

    /// Directory of mappings (*.wasm), which run in addition to the default one, or replace it if they
    /// have its name. It is watched for changes [default: the default mapping only]
    #[arg(long, env = "MAPPING_DIR", value_name = "DIRECTORY")]
    pub mapping_dir: Option<String>,

    /// Mappings in OCI registries, oci://REGISTRY/NAME:TAG, separated by commas. They run like those of
    /// a directory
    #[arg(long, env = "MAPPING_SOURCES", value_name = "REFERENCE,…")]
    pub mapping_sources: Option<String>,

    /// How to sign in to a registry.
    #[command(flatten)]
    pub registry: RegistryArgs,

    /// Base URL of the API: https://api.SUBDOMAIN.ghe.com, or https://HOST/api/v3 for GitHub Enterprise
    /// Server [default: https://api.github.com]
    #[arg(long, env = "GITHUB_API_URL", value_name = "URL")]
    pub github_api_url: Option<String>,

    /// How to serve.
    #[command(flatten)]
    pub web: WebArgs,

    /// Path of the metrics, below the route prefix. At `/`, they take the place of the page
    /// [default: /metrics]
    #[arg(long = "web.telemetry-path", env = "WEB_TELEMETRY_PATH", value_name = "PATH")]
    pub telemetry_path: Option<String>,

    /// URL of Grafana, to which the page links
    #[arg(long = "web.grafana-url", env = "WEB_GRAFANA_URL", value_name = "URL")]
    pub grafana_url: Option<String>,

    /// Listen on the sockets that systemd passes (socket activation) instead of opening own ones
    #[arg(long = "web.systemd-socket")]
    pub systemd_socket: bool,

    /// Allow reloads over HTTP without a password. With users in the web config, they are always allowed
    #[arg(long = "web.enable-lifecycle")]
    pub enable_lifecycle: bool,

    /// Turn off the daily samples at /metrics/daily
    #[arg(long = "web.no-daily")]
    pub no_daily: bool,

    /// An option of the mapping, such as users=true for series per user. Can be repeated
    #[arg(long = "option", value_name = "NAME=VALUE")]
    pub options: Vec<MappingOption>,

    /// Log level: error, warn, info or debug [default: info]
    #[arg(long = "log.level", env = "LOG_LEVEL", value_name = "LEVEL")]
    pub log_level: Option<String>,

    /// Log format: text or json [default: text]
    #[arg(long = "log.format", env = "LOG_FORMAT", value_name = "FORMAT")]
    pub log_format: Option<String>,
}

/// The settings of the web server that are not in the web config file.
#[derive(Clone, Debug, Default, Args)]
pub struct WebArgs {
    /// Addresses and ports to listen on, separated by commas. Can be repeated [default: 0.0.0.0:8000]
    #[arg(
        long = "web.listen-address",
        env = "LISTEN_ADDRESS",
        value_name = "HOST:PORT",
        value_delimiter = ','
    )]
    pub listen_address: Vec<String>,

    /// URL at which browsers reach the exporter, if a reverse proxy serves it below a path
    #[arg(long = "web.external-url", env = "WEB_EXTERNAL_URL", value_name = "URL")]
    pub external_url: Option<String>,

    /// Prefix of the paths of all endpoints [default: the path of the external URL]
    #[arg(long = "web.route-prefix", env = "WEB_ROUTE_PREFIX", value_name = "PATH")]
    pub route_prefix: Option<String>,

    /// Web config file (YAML): TLS, users, headers and rate limit, in the format of Prometheus' exporters
    /// [default: plain HTTP, open to anyone who can reach the port]
    #[arg(long = "web.config.file", env = "WEB_CONFIG_FILE", value_name = "FILE")]
    pub web_config: Option<String>,
}

/// The text of a flag or variable. An empty one counts as not set: Compose files pass on variables
/// that are not set as empty ones.
pub fn given(text: &Option<String>) -> Option<&str> {
    text.as_deref().map(str::trim).filter(|text| !text.is_empty())
}

/// Parses the text of a flag, which the error names.
pub(super) fn parse_flag<P: Parser>(flag: &str, text: &str) -> Result<P::Value, SettingError> {
    P::parse(text).map_err(|problem| SettingError::new(flag, problem))
}

/// The addresses to listen on.
pub fn listen_addresses(args: &WebArgs) -> Result<Vec<String>, SettingError> {
    let addresses = args.listen_address.iter().map(|text| text.trim());
    let mut addresses: Vec<&str> = addresses.filter(|text| !text.is_empty()).collect();
    if addresses.is_empty() {
        addresses.push(DEFAULT_LISTEN_ADDRESS);
    }
    let parse = |text| parse_flag::<ListenAddress>("--web.listen-address (LISTEN_ADDRESS)", text);
    addresses.into_iter().map(parse).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listen(texts: &[&str]) -> Result<Vec<String>, SettingError> {
        let listen_address = texts.iter().map(|text| (*text).to_owned()).collect();
        listen_addresses(&WebArgs { listen_address, ..WebArgs::default() })
    }

    #[test]
    fn listen_addresses_are_those_of_the_flag_else_port_8000_of_every_address() {
        assert_eq!(listen(&[]).unwrap(), ["0.0.0.0:8000"]);
        assert_eq!(listen(&["", " "]).unwrap(), ["0.0.0.0:8000"]);
        assert_eq!(listen(&[":9", " [::1]:80"]).unwrap(), ["0.0.0.0:9", "[::1]:80"]);
        let error = "--web.listen-address (LISTEN_ADDRESS): \"8000\" is not an address and port, such as 0.0.0.0:8000 or :8000";
        assert_eq!(listen(&["8000"]).unwrap_err().to_string(), error);
    }
}
