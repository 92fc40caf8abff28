//! The command line. Every setting is a flag and an environment variable of the same meaning.

use clap::{Parser, Subcommand};

use crate::config::{ServeArgs, WebArgs};
use crate::offline::{CheckArgs, MapArgs, ShowArgs};

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

