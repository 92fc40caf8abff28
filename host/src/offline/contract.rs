//! `copilot-metrics-exporter mapping wit`: prints the contract that mappings implement.

use std::io::Write;

use clap::{Args, ValueEnum};

use super::files::OfflineError;

/// The arguments of `mapping wit`.
#[derive(Debug, Args)]
pub struct WitArgs {
    /// The version of the contract: write new mappings for the newest one
    #[arg(long, value_enum, default_value = "0.2")]
    pub version: ContractVersion,
}

/// A version of the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ContractVersion {
    /// Frozen: mappings built for it continue to run.
    #[value(name = "0.1", alias = "0.1.0")]
    V0_1,
    /// The newest version.
    #[value(name = "0.2", alias = "0.2.0")]
    V0_2,
}

impl ContractVersion {
    /// Its text, in WIT.
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::V0_1 => include_str!("../../../wit/0.1/mapping.wit"),
            Self::V0_2 => include_str!("../../../wit/0.2/mapping.wit"),
        }
    }
}

/// Prints the contract to `out`.
pub fn print_contract(args: &WitArgs, out: &mut dyn Write) -> Result<(), OfflineError> {
    out.write_all(args.version.text().as_bytes())?;
    Ok(out.flush()?)
}
