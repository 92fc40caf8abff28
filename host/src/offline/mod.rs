//! The commands that work without a network or a token: `map` runs a mapping over recorded files,
//! `mapping check` runs all checks, `mapping show` prints what a mapping says about itself, `mapping new`
//! writes the directory of a new mapping, `mapping wit` prints the contract.

mod args;
mod check;
mod contract;
mod files;
mod map;
mod scaffold;
mod show;
mod template;

pub use args::{CheckArgs, MapArgs, ShowArgs};
pub use check::{BuiltInRecording, check};
pub use contract::{ContractVersion, WitArgs, print_contract};
pub use files::OfflineError;
pub use map::map;
pub use scaffold::{NewArgs, new};
pub use show::show;
pub use template::Language;
