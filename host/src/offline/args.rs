//! The arguments of the offline commands.

use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, ValueEnum};

use crate::model::MappingOption;

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
