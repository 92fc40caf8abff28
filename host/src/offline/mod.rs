//! The commands about mappings that do not serve: `map` runs a mapping over recorded files, `mapping
//! check` runs all checks, `mapping test` compares the samples of cases with the expected ones,
//! `mapping show` prints what a mapping says about itself, `mapping new` writes the directory of a new
//! mapping, `mapping wit` prints the contract. None of them needs a network or a token, except `record`,
//! which writes a case of what GitHub has, and `mapping push`, which checks a mapping and pushes it to an OCI
//! registry.
//!
//! `case` is the format of a case; `chunks` splits documents; `anonymize` replaces names; `template` has the
//! files of a new mapping.

mod anonymize;
mod args;
mod case;
mod check;
mod chunks;
mod contract;
mod files;
mod map;
mod push;
mod record;
mod scaffold;
mod show;
mod template;
mod test;

pub use args::{CheckArgs, MapArgs, ShowArgs};
pub use check::{BuiltInRecording, check};
pub use contract::{ContractVersion, WitArgs, print_contract};
pub use files::OfflineError;
pub use map::map;
pub use push::{PushArgs, push};
pub use record::{RecordArgs, RecordJob, Summary, record};
pub use scaffold::{NewArgs, new};
pub use show::show;
pub use template::Language;
pub use test::{TestArgs, test};
