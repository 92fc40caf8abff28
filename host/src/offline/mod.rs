//! The commands that work without a network or a token: `map` runs a mapping over recorded files,
//! `mapping check` runs all checks, `mapping show` prints what a mapping says about itself. `mapping push`
//! checks a mapping and pushes it to an OCI registry, so it needs that one.

mod args;
mod check;
mod files;
mod map;
mod push;
mod show;

pub use args::{CheckArgs, MapArgs, ShowArgs};
pub use check::{BuiltInRecording, check};
pub use files::OfflineError;
pub use map::map;
pub use push::{PushArgs, push};
pub use show::show;
