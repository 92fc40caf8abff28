//! Flags and environment variables.

use clap::{Args, ValueEnum};

use crate::model::{MappingOption, Secret};

/// The settings of the exporter. `String`s are checked by `settings`, so that every mistake gets one kind of answer.
#[derive(Clone, Debug, Default, Args)]
pub struct ServeArgs {
    /// Serve the built-in recordings of an invented organization: needs no token and no network.
    /// `--demo=auto`: only where no credential, target or config file is given
    #[arg(
        long,
        env = "DEMO",
        value_name = "WHEN",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "always"
    )]
    pub demo: Option<String>,

    /// Config file (YAML): several credentials, and settings for each target
    #[arg(long, env = "CONFIG_FILE", value_name = "FILE")]
    pub config: Option<String>,

    /// Token for GitHub's API. Prefer the environment: flags show in the list of processes
    #[arg(long, env = "GHC_TOKEN", hide_env_values = true, value_name = "TOKEN")]
    pub token: Option<Secret>,

    /// File with the token. It may change at any time
    #[arg(long, env = "GHC_TOKEN_FILE", value_name = "FILE")]
    pub token_file: Option<String>,

    /// Id or client id of a GitHub App, to sign in as its installation
    #[arg(long, env = "GITHUB_APP_ID", value_name = "ID")]
    pub app_id: Option<String>,

    /// File with the App's private key (PEM). It may change at any time
    #[arg(long, env = "GITHUB_APP_PRIVATE_KEY_FILE", value_name = "FILE")]
    pub app_private_key_file: Option<String>,

    /// Id of the App's installation [default: looked up for each target]
    #[arg(long, env = "GITHUB_APP_INSTALLATION_ID", value_name = "ID")]
    pub app_installation_id: Option<String>,

    /// Organizations to export, by login, separated by commas
    #[arg(long, env = "ORG", value_name = "NAME,…")]
    pub org: Option<String>,

    /// Enterprises to export, by slug, separated by commas
    #[arg(long, env = "ENTERPRISE", value_name = "NAME,…")]
    pub enterprise: Option<String>,

    /// Seconds from one refresh of the data to the next. GitHub makes new data once a day [default: 3600]
    #[arg(long, env = "CACHE_TTL_SECONDS", value_name = "SECONDS")]
    pub cache_ttl_seconds: Option<String>,

    /// Folder that keeps the data over a restart [default: memory only]
    #[arg(long, env = "CACHE_DIR", value_name = "FOLDER")]
    pub cache_dir: Option<String>,

    /// Folder of mappings (*.wasm), which run beside the default one or, of the same name, in its place.
    /// It is watched [default: the default mapping only]
    #[arg(long, env = "MAPPING_DIR", value_name = "FOLDER")]
    pub mapping_dir: Option<String>,

    /// Base URL of the API: https://api.SUBDOMAIN.ghe.com, or https://HOST/api/v3 of a GitHub Enterprise Server
    /// [default: https://api.github.com]
    #[arg(long, env = "GITHUB_API_URL", value_name = "URL")]
    pub github_api_url: Option<String>,

    /// Where and how to answer.
    #[command(flatten)]
    pub web: WebArgs,

    /// An option of the mapping, such as users=true for series per user. May come several times
    #[arg(long = "option", value_name = "NAME=VALUE")]
    pub options: Vec<MappingOption>,

    /// Lowest level of the log: error, warn, info or debug [default: info]
    #[arg(long = "log.level", env = "LOG_LEVEL", value_name = "LEVEL")]
    pub log_level: Option<String>,

    /// Form of the log: text or json [default: text]
    #[arg(long = "log.format", env = "LOG_FORMAT", value_name = "FORMAT")]
    pub log_format: Option<String>,
}

/// The settings of the web side that stand outside of its own file.
#[derive(Clone, Debug, Default, Args)]
pub struct WebArgs {
    /// Address and port to listen on. May come several times, or several separated by commas [default: 0.0.0.0:8000]
    #[arg(
        long = "web.listen-address",
        env = "LISTEN_ADDRESS",
        value_name = "HOST:PORT",
        value_delimiter = ','
    )]
    pub listen_address: Vec<String>,

    /// File (YAML) with TLS, users, headers and rate limit of the web side, as Prometheus' exporters have it
    /// [default: plain HTTP, open to everybody]
    #[arg(long = "web.config.file", env = "WEB_CONFIG_FILE", value_name = "FILE")]
    pub web_config: Option<String>,
}

/// When the demo is served.
#[derive(Clone, Copy, Debug, Default, PartialEq, ValueEnum)]
pub enum Demo {
    /// Whatever else is set.
    Always,
    /// Where nothing is set that could be served.
    Auto,
    /// Not at all.
    #[default]
    Never,
}

/// The levels of the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, ValueEnum)]
pub enum LogLevel {
    /// Failures that need somebody.
    Error,
    /// And what failed but will be tried again.
    Warn,
    /// And one line for each refresh.
    #[default]
    Info,
    /// And one for each document.
    Debug,
}

/// The forms of the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

