//! A stand-in for GitHub, inside the process: for `--demo` and for the tests.
//!
//! [`StandIn`] serves the project's own recordings of invented organizations
//! ([`recordings`]) the way GitHub does, on two loopback ports: the API, which wants a
//! token, and the host of the report files, which refuses one. [`Fault`]s make it fail.

pub mod faults;
mod links;
pub mod recordings;
mod stand_in;

pub use faults::Fault;
pub use stand_in::{Request, StandIn};

use std::io;

use tracing::info;

use crate::secret::Secret;
use crate::settings::Settings;
use crate::target::{Scope, Target};

/// What the demo exports: the recorded entities.
pub fn targets() -> Vec<Target> {
    [
        (Scope::Organization, recordings::ORGANIZATION),
        (Scope::Organization, recordings::LEGACY_ORGANIZATION),
        (Scope::Enterprise, recordings::ENTERPRISE),
    ]
    .into_iter()
    .filter_map(|(scope, name)| Target::new(scope, name).ok())
    .collect()
}

/// Starts a stand-in and points the settings at it; all else, listening too, stays as it is.
pub async fn start(settings: Settings) -> io::Result<(StandIn, Settings)> {
    let stand_in = StandIn::start().await?;
    info!(
        api = %stand_in.api(),
        "demo: a stand-in for GitHub serves recordings of octodemo, octo-legacy and octo-enterprise"
    );
    let settings = Settings {
        token: Some(Secret::new(stand_in.token())),
        targets: targets(),
        api: stand_in.api().clone(),
        ..settings
    };
    Ok((stand_in, settings))
}
