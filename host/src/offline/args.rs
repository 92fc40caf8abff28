//! The arguments of the offline commands.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::{Args, ValueEnum};
use jiff::civil::Date;

use crate::model::MappingOption;

/// The arguments of `mapping check`.
#[derive(Debug, Args)]
#[command(after_help = "\
Without documents, the mapping runs over built-in recordings of invented organizations and an enterprise.

Exit codes: 0 the mapping can be used, 64 invalid argument, 65 the mapping can't be used, 66 file not found.")]
pub struct CheckArgs {
    /// The mapping
    #[arg(value_name = "FILE.wasm")]
    pub file: PathBuf,

    /// Recorded documents or cases to run it over, instead of the built-in ones. A name can be repeated
    #[arg(value_name = "DOCUMENT=FILE|CASE")]
    pub documents: Vec<MapInput>,

    /// The documents are those of an enterprise, not of an organization
    #[arg(long, requires = "documents")]
    pub enterprise: bool,

    /// Config file (YAML) whose section `mapping` has the limits and digests
    #[arg(long = "config.file", alias = "config", env = "CONFIG_FILE", value_name = "FILE")]
    pub config: Option<String>,

    /// Print one JSON object instead of lines
    #[arg(long)]
    pub json: bool,
}

/// The arguments of `mapping show`.
#[derive(Debug, Args)]
pub struct ShowArgs {
    /// The mapping [default: the built-in one]
    #[arg(value_name = "FILE.wasm")]
    pub file: Option<PathBuf>,
}

/// The arguments of `map`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  copilot-metrics-exporter map --org octo-org organization-28-day=report.json seats=page1.json seats=page2.json
  copilot-metrics-exporter map recording

`copilot-metrics-exporter mapping show` lists the documents; `copilot-metrics-exporter record` records a case.")]
pub struct MapArgs {
    /// The organization that the files are about [default: that of the case]
    #[arg(long, value_name = "NAME", conflicts_with = "enterprise")]
    pub org: Option<String>,

    /// The enterprise that the files are about [default: that of the case]
    #[arg(long, value_name = "NAME")]
    pub enterprise: Option<String>,

    /// The mapping to run, instead of the default one
    #[arg(long, value_name = "FILE.wasm")]
    pub mapping: Option<PathBuf>,

    /// Only the newest day, or every day with its timestamp
    #[arg(long, value_enum, default_value = "latest")]
    pub span: Span,

    /// Prometheus' text format, or OpenMetrics for `promtool tsdb create-blocks-from openmetrics`, which
    /// requires `--span history`: daily samples, named `daily_…`, at noon (UTC) of their day
    #[arg(long, value_enum, default_value = "prometheus")]
    pub format: Format,

    /// An option of the mapping, such as users=true; can be repeated
    #[arg(long = "option", value_name = "NAME=VALUE")]
    pub options: Vec<MappingOption>,

    /// When the files were fetched: ages are relative to it [default: what the case says, or now]
    #[arg(long, value_name = "TIME", value_parser = clap::value_parser!(jiff::Timestamp))]
    pub fetched_at: Option<jiff::Timestamp>,

    /// Files with recorded documents, or the directory of a case. A name can be repeated, for pages and
    /// report files
    #[arg(required = true, value_name = "DOCUMENT=FILE|CASE")]
    pub documents: Vec<MapInput>,
}

/// What `map` maps.
#[derive(Clone, Debug)]
pub enum MapInput {
    /// A file with a document.
    Document(RecordedDocument),
    /// The directory of a case.
    Case(PathBuf),
}

impl FromStr for MapInput {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // The path of a directory can have a '=' in it; the name of a document has no slash or dot.
        let is_document = |(name, _): &(&str, &str)| !name.contains(['/', '.']);
        match text.split_once('=').filter(is_document) {
            Some(_) => text.parse().map(Self::Document),
            // A word that is not a path: the file of a document was forgotten.
            None if !text.contains(['/', '.']) && !Path::new(text).exists() => Err(format!(
                "{text:?} is neither of the form DOCUMENT=FILE, such as seats=seats.json, nor the directory of a case"
            )),
            None => Ok(Self::Case(text.into())),
        }
    }
}

/// A recorded document, written `DOCUMENT=FILE`.
#[derive(Clone, Debug)]
pub struct RecordedDocument {
    /// The document's name.
    pub name: String,
    /// The file.
    pub path: PathBuf,
    /// The day that GitHub says it is about, if that is known.
    pub day: Option<Date>,
}

impl FromStr for RecordedDocument {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, path) = text.split_once('=').ok_or_else(|| {
            format!("{text:?} is not of the form DOCUMENT=FILE, such as seats=seats.json")
        })?;
        Ok(Self { name: name.to_owned(), path: path.into(), day: None })
    }
}

/// How samples are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Prometheus' text format.
    Prometheus,
    /// OpenMetrics.
    Openmetrics,
}

/// Which days are mapped.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Span {
    /// The newest day.
    Latest,
    /// Every day.
    History,
}
