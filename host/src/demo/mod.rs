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
pub use stand_in::{Options, Request, StandIn};

use std::io;
use std::sync::Arc;

use tracing::info;
use url::Url;

use crate::model::Secret;
use crate::config::{CredentialSettings, CredentialSource, Settings, TargetSettings};
use crate::model::{Scope, Target};

/// What the demo exports: the recorded entities.
const TARGETS: [(Scope, &str); 3] = [
    (Scope::Organization, recordings::ORGANIZATION),
    (Scope::Organization, recordings::LEGACY_ORGANIZATION),
    (Scope::Enterprise, recordings::ENTERPRISE),
];

/// Where a stand-in is, and the token that it takes.
#[derive(Clone)]
pub struct Demo {
    api: Url,
    token: Secret,
}

/// The targets of the demo.
pub(crate) fn targets() -> impl Iterator<Item = Target> {
    TARGETS.into_iter().filter_map(|(scope, login)| Target::new(scope, login).ok())
}

/// Starts a stand-in.
pub async fn start() -> io::Result<(StandIn, Demo)> {
    let stand_in = StandIn::start().await?;
    info!(
        api = %stand_in.api(),
        "demo: a stand-in for GitHub serves recordings of octodemo, octo-legacy and octo-enterprise"
    );
    let demo = Demo { api: stand_in.api().clone(), token: Secret::new(stand_in.token()) };
    Ok((stand_in, demo))
}

impl Demo {
    /// Points settings at the stand-in; all else, listening too, stays as it is. Nothing is kept
    /// over a restart, after which it would be another stand-in's.
    pub fn point(&self, settings: Settings) -> Settings {
        let credential = Arc::new(CredentialSettings {
            name: "demo".to_owned(),
            source: CredentialSource::Token(self.token.clone()),
        });
        let targets = targets().map(|target| TargetSettings {
            target: target.at(&self.api),
            credential: Arc::clone(&credential),
            api: self.api.clone(),
            ttl: settings.ttl,
            mapping: settings.defaults.clone(),
            source: settings.source.clone(),
        });
        Settings { targets: targets.collect(), cache_dir: None, missing: None, ..settings }
    }
}
