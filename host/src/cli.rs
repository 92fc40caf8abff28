//! The command line. Every setting is a flag and an environment variable of the same meaning.

use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::secret::Secret;
use crate::target::MappingOption;

/// The text above the options in `--help`.
const ABOUT: &str = "\
Prometheus exporter for GitHub Copilot: usage, seats, billing, teams.

Try it without a token:      copilot-metrics-exporter --demo
Run it for an organization:  GHC_TOKEN=ghp_… ORG=octo-org copilot-metrics-exporter
Then look at:                http://localhost:8000 and http://localhost:8000/metrics";

/// The text below them.
const AFTER: &str = "\
The token needs, as a classic one, the scope read:org or manage_billing:copilot (for an enterprise \
read:enterprise); as a fine-grained one, read access to \"Organization Copilot metrics\" and, for \
seats, \"GitHub Copilot Business\". The policy \"Copilot usage metrics\" must be enabled.

Exit codes: 0 stopped, 1 failed, 64 a setting is wrong, 65 input can't be mapped, 66 no such file.";

/// The whole command line.
#[derive(Debug, Parser)]
#[command(name = "copilot-metrics-exporter", version, about = ABOUT, after_help = AFTER, args_conflicts_with_subcommands = true)]
pub struct Cli {
    /// Something else than serving.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// What to serve and how.
    #[command(flatten)]
    pub serve: ServeArgs,
}

/// What can be done beside serving.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run a mapping over recorded files and print the exposition: no network, no token
    Map(MapArgs),
    /// Look at a mapping (a .wasm file): what it is, and whether it can be used
    #[command(subcommand)]
    Mapping(MappingCommand),
    /// Check the settings and the config file, without a request to GitHub
    CheckConfig(Box<ServeArgs>),
    /// Ask the exporter that runs on this machine whether it is healthy: exit code 0, or 1 and why not
    Healthcheck(WebArgs),
}

/// What can be done with a mapping.
#[derive(Debug, Subcommand)]
pub enum MappingCommand {
    /// Take a mapping through every gate that it has to pass before it is used, and say what is wrong
    Check(CheckArgs),
    /// Print a mapping's name, version, digest, documents, options and families
    Show(ShowArgs),
}

/// The arguments of `mapping check`.
#[derive(Debug, Args)]
#[command(after_help = "\
Without documents, the mapping is run over built-in recordings of an invented organization and enterprise.

Exit codes: 0 it can be used, 64 an argument is wrong, 65 it can't be used, 66 no such file.")]
pub struct CheckArgs {
    /// The mapping
    #[arg(value_name = "FILE.wasm")]
    pub file: PathBuf,

    /// Recorded documents to run it over, instead of the built-in ones. A name may come several times
    #[arg(value_name = "DOCUMENT=FILE")]
    pub documents: Vec<RecordedDocument>,

    /// Run it over the documents of an enterprise, not of an organization
    #[arg(long, requires = "documents")]
    pub enterprise: bool,

    /// Config file (YAML) whose section `mapping` has the limits and digests
    #[arg(long, env = "CONFIG_FILE", value_name = "FILE")]
    pub config: Option<String>,
}

/// The arguments of `mapping show`.
#[derive(Debug, Args)]
pub struct ShowArgs {
    /// The mapping [default: the one that is built in]
    #[arg(value_name = "FILE.wasm")]
    pub file: Option<PathBuf>,
}

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

/// The arguments of `map`.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  copilot-metrics-exporter map --org octo-org organization-28-day=report.json seats=page1.json seats=page2.json

Documents are named after the last part of their path in GitHub's API: organization-1-day,
organization-28-day, enterprise-1-day, enterprise-28-day, users-1-day, users-28-day,
user-teams-1-day, billing, seats; legacy is the metrics API that GitHub closed in April 2026.")]
pub struct MapArgs {
    /// The organization that the files are about
    #[arg(
        long,
        value_name = "NAME",
        required_unless_present = "enterprise",
        conflicts_with = "enterprise"
    )]
    pub org: Option<String>,

    /// The enterprise that the files are about
    #[arg(long, value_name = "NAME")]
    pub enterprise: Option<String>,

    /// The mapping to run, instead of the default one
    #[arg(long, value_name = "FILE.wasm")]
    pub mapping: Option<PathBuf>,

    /// The newest day only, or every day with its timestamp
    #[arg(long, value_enum, default_value = "latest")]
    pub span: Span,

    /// An option of the mapping, such as users=true. May come several times
    #[arg(long = "option", value_name = "NAME=VALUE")]
    pub options: Vec<MappingOption>,

    /// When the files were fetched; the ages of seats count from here [default: now]
    #[arg(long, value_name = "TIME", value_parser = clap::value_parser!(jiff::Timestamp))]
    pub fetched_at: Option<jiff::Timestamp>,

    /// Files with recorded documents. A name may come several times, for pages and report files
    #[arg(required = true, value_name = "DOCUMENT=FILE")]
    pub documents: Vec<RecordedDocument>,
}

/// A recorded document, written `DOCUMENT=FILE`.
#[derive(Clone, Debug)]
pub struct RecordedDocument {
    /// The document's name.
    pub name: String,
    /// The file.
    pub path: PathBuf,
}

impl FromStr for RecordedDocument {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, path) = text.split_once('=').ok_or_else(|| {
            format!("{text:?} is not of the form DOCUMENT=FILE, such as billing=billing.json")
        })?;
        Ok(Self { name: name.to_owned(), path: path.into() })
    }
}

/// Which days are mapped.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Span {
    /// The newest day.
    Latest,
    /// Every day.
    History,
}
