//! The arguments of `record`.

use std::path::PathBuf;

use clap::Args;

use crate::config::ServeArgs;

/// The arguments of `record`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  copilot-metrics-exporter record --org octo-org --out recording
  copilot-metrics-exporter record --org octo-org --out recording --anonymize --option users=true
  copilot-metrics-exporter map recording
  copilot-metrics-exporter mapping test recording --update

It fetches what the mappings want, once, and writes it as a case: as `map` and `mapping test` read it. The \
settings are those of the exporter. With a config file, --org and --enterprise select some of its targets. If there \
are several, each of them gets a directory of its own in DIR.

Without --anonymize, the files contain names and email addresses as GitHub sent them. They never contain tokens or \
signed links.

Exit codes: 0 every required document was recorded, 1 one was not, 64 invalid setting.")]
pub struct RecordArgs {
    /// The directory to write to: a new or an empty one
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,

    /// Replace the names and ids of users, teams, repositories, organizations and enterprises, addresses, and
    /// every text that is not known to be public, such as languages and models
    #[arg(long)]
    pub anonymize: bool,

    /// Anonymize with this key, so that several recordings have the same pseudonyms: whoever has it can check
    /// whether a name is in the recording [default: a random one, which is not kept]
    #[arg(long, value_name = "TEXT", requires = "anonymize")]
    pub seed: Option<String>,

    /// The settings of the exporter.
    #[command(flatten, next_help_heading = "Settings of the exporter")]
    pub serve: ServeArgs,
}
