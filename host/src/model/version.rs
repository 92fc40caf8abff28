//! Which exporter this is: what `build.rs` found out.

/// The version of the release.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
/// The commit it was built from, or `unknown`.
pub const REVISION: &str = env!("BUILD_REVISION");
/// The day of that commit, as `YYYY-MM-DD`, or `unknown`.
pub const BUILD_DATE: &str = env!("BUILD_DATE");

/// What `--version` prints after the name: also the platform, as a target of Rust such as
/// `x86_64-unknown-linux-gnu`, and the features of the crate.
pub const DESCRIPTION: &str = concat!(
    env!("CARGO_PKG_VERSION"),
    "\nrevision: ",
    env!("BUILD_REVISION"),
    "\nbuild date: ",
    env!("BUILD_DATE"),
    "\nplatform: ",
    env!("BUILD_TARGET"),
    "\nfeatures: ",
    env!("BUILD_FEATURES"),
);
