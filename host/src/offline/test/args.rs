//! The arguments of `mapping test`.

use std::path::PathBuf;

use clap::Args;

/// The arguments of `mapping test`.
#[derive(Debug, Args)]
#[command(after_help = "\
A case is a directory: `documents/` has the recorded documents (seats.json, or seats.1.json, seats.2.json, … for \
several pages), `latest.prom` and `history.prom` the expected samples, and `case.yaml`, which is optional, what \
the documents are about. `copilot-metrics-exporter record` records one, and --update writes the expected samples.

Example of a case.yaml:
  org: octo-org                       # or enterprise: octo
  fetched_at: 2026-11-22T06:00:00Z    # ages are relative to it
  options: {users: true}              # options of the mapping
  spans: [latest]                     # default: latest and history
  days: {usage: [2026-11-20]}         # the days that documents are about, if they don't say so themselves
  documents: {seats: [../seats.json]} # files elsewhere, instead of those in documents/

Exit codes: 0 every case passed, 1 a case failed, 64 invalid argument, 65 the mapping or a case can't be used, \
66 file not found.")]
pub struct TestArgs {
    /// A case, or a directory of cases
    #[arg(value_name = "DIR")]
    pub directory: PathBuf,

    /// The mapping to test, instead of the default one
    #[arg(long, value_name = "FILE.wasm")]
    pub mapping: Option<PathBuf>,

    /// Write the samples as the expected ones
    #[arg(long)]
    pub update: bool,

    /// The seed of the random chunks, to repeat a run [default: a random one]
    #[arg(long, value_name = "NUMBER")]
    pub seed: Option<u64>,

    /// Write a report in JUnit's format to this file
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,

    /// Config file (YAML) whose section `mapping` has the limits
    #[arg(long, env = "CONFIG_FILE", value_name = "FILE")]
    pub config: Option<String>,
}
