//! The command line.

use clap::{Args, Parser, Subcommand};

use crate::backfill::BackfillArgs;
use crate::config::{ServeArgs, WebArgs};
use crate::model::version;
use crate::offline::{
    CheckArgs, MapArgs, NewArgs, PushArgs, RecordArgs, ShowArgs, TestArgs, WitArgs,
};
use crate::wasm::{INSTALL_SUBCOMMAND, SUBCOMMAND};

/// The text above the options in `--help`.
const ABOUT: &str = "\
Prometheus exporter for GitHub Copilot: usage, seats, billing, teams.

Try it without a token:      copilot-metrics-exporter --demo
Run it for an organization:  GHC_TOKEN=ghp_… ORG=octo-org copilot-metrics-exporter
Then look at:                http://localhost:8000 and http://localhost:8000/metrics";

/// The text below them.
const AFTER: &str = "\
A classic token needs the scope read:org or manage_billing:copilot (read:enterprise for an enterprise), \
a fine-grained token read access to \"Organization Copilot metrics\" and, for seats, \"GitHub Copilot \
Business\". The policy \"Copilot usage metrics\" must be enabled.

Exit codes: 0 stopped, 1 failed, 64 invalid setting, 65 invalid input, 66 file not found.";

/// The whole command line.
#[derive(Debug, Parser)]
#[command(name = "copilot-metrics-exporter", version = version::VERSION, long_version = version::DESCRIPTION, about = ABOUT, after_help = AFTER, args_conflicts_with_subcommands = true)]
pub struct Cli {
    /// A command other than serving.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// What to serve and how.
    #[command(flatten)]
    pub serve: ServeArgs,
}

/// The commands other than serving.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run a mapping over recorded files and print the exposition: no network, no token
    Map(MapArgs),
    /// Write, check and inspect mappings (.wasm files)
    #[command(subcommand)]
    Mapping(MappingCommand),
    /// Fetch the days of the past and write their daily samples
    Backfill(Box<BackfillArgs>),
    /// Fetch what the mappings want and write it to files, for `map` and `mapping test`
    Record(Box<RecordArgs>),
    /// Check the settings and the config file without sending a request to GitHub
    CheckConfig(Box<ServeArgs>),
    /// Compile a mapping: from standard input to standard output
    #[command(hide = true, name = SUBCOMMAND)]
    CompileMapping(CompileArgs),
    /// Compile the default mapping for every processor of this architecture, to standard output
    #[command(hide = true, name = INSTALL_SUBCOMMAND)]
    CompileDefaultMapping,
    /// Check whether the exporter on this machine is healthy: exit code 0, or 1 with the reason
    Healthcheck(WebArgs),
}

/// The limits of a process that compiles.
#[derive(Debug, Args)]
pub struct CompileArgs {
    /// Seconds of CPU time
    pub seconds: u64,
    /// Bytes of memory
    pub memory_bytes: u64,
}

/// The commands about a mapping.
#[derive(Debug, Subcommand)]
pub enum MappingCommand {
    /// Write the directory of a new mapping, which builds and passes its test
    New(NewArgs),
    /// Print the contract between the exporter and a mapping
    Wit(WitArgs),
    /// Run all checks that a mapping has to pass before it is used
    Check(CheckArgs),
    /// Compare the samples of recorded cases with the expected ones
    Test(TestArgs),
    /// Print the name, version, digest, documents, options and families of a mapping
    Show(ShowArgs),
    /// Check a mapping and push it to an OCI registry
    Push(PushArgs),
}
