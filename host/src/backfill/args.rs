//! The arguments of `backfill`.

use std::fmt::{self, Display, Formatter};
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;
use jiff::civil::Date;

use super::range::Since;
use crate::config::ServeArgs;

/// The arguments of `backfill`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  copilot-metrics-exporter backfill --org octo-org --to history.om
  copilot-metrics-exporter backfill --config.file config.yaml --plan
  copilot-metrics-exporter backfill --config.file config.yaml --since 730d --monthly
  copilot-metrics-exporter backfill --config.file config.yaml --since 2026-01-01 --verify

Set CACHE_DIR: what is fetched is kept there, so that an interrupted run continues where it stopped, and a new \
mapping needs no request to GitHub. The settings are those of the exporter. With a config file, --org and \
--enterprise select some of its targets.

Exit codes: 0 every day that GitHub has is in, 1 some are not, 64 invalid setting.")]
pub struct BackfillArgs {
    /// The first day, or a number of days up to the last one. GitHub keeps the reports of about a year
    #[arg(long, value_name = "DAY|365d", default_value = "365d")]
    pub since: Since,

    /// The last day [default: yesterday]
    #[arg(long, value_name = "DAY")]
    pub until: Option<Date>,

    /// Fetch only these documents, separated by commas [default: all that have days]
    #[arg(long, value_name = "NAME,…", value_delimiter = ',')]
    pub documents: Vec<String>,

    /// Fetch only the documents of whole months, such as the usage of a bill: one request for each month
    #[arg(long)]
    pub monthly: bool,

    /// Where the daily samples go: the endpoints in the section remote_write of the config file, a file in
    /// the OpenMetrics format, or `openmetrics` for standard output
    #[arg(long, value_name = "remote-write|openmetrics|FILE", default_value = "remote-write")]
    pub to: Destination,

    /// At the end, ask the endpoints whether they have each value: needs their query_url
    #[arg(long)]
    pub verify: bool,

    /// Write days again of which an endpoint has other values: implies --verify
    #[arg(long)]
    pub correct: bool,

    /// Only say how many requests it takes and what the endpoints accept
    #[arg(long)]
    pub plan: bool,

    /// Send at most this many requests to GitHub in an hour
    #[arg(long, value_name = "N")]
    pub requests_per_hour: Option<NonZeroU32>,

    /// The settings of the exporter.
    #[command(flatten, next_help_heading = "Settings of the exporter")]
    pub serve: ServeArgs,
}

/// Where daily samples go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// The endpoints of the config file.
    RemoteWrite,
    /// Standard output, in the OpenMetrics format.
    Stdout,
    /// A file in the OpenMetrics format.
    File(PathBuf),
}

impl FromStr for Destination {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "remote-write" => Ok(Self::RemoteWrite),
            "openmetrics" => Ok(Self::Stdout),
            "" => Err("it should be remote-write, openmetrics or the path of a file".to_owned()),
            path => Ok(Self::File(path.into())),
        }
    }
}

impl Display for Destination {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::RemoteWrite => f.write_str("remote write"),
            Self::Stdout => f.write_str("standard output"),
            Self::File(path) => write!(f, "{}", path.display()),
        }
    }
}
