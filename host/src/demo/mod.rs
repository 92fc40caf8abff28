//! What `--demo` needs: a stand-in for GitHub inside the process.
//!
//! # Layout
//!
//! - [`stand_in`] serves recordings of invented organizations the way GitHub does, on two loopback ports;
//! - `recordings` moves them in time, so that they are always two days old (`clock`, `window`, `rows`, `shift`);
//! - `year` has the days before them, up to 400 days ago: fewer members (`members`) and lower numbers (`share`)
//!   the further back a day lies, a summer, holidays, and a gap without reports;
//! - `usage` adds up what days cost, of the usage that was recorded (see also `year`);
//! - `index` lists them by their paths in GitHub's API (`template`).
//!
//! Nothing in here knows a document by name: `tests/fixtures/demo/index.json` does.

mod clock;
mod index;
mod members;
mod recordings;
mod rows;
mod share;
mod shift;
pub mod stand_in;
mod template;
mod usage;
mod window;
mod year;

pub use clock::{Clock, SystemClock};
pub use recordings::Recording;

use std::io;
use std::sync::Arc;

use tokio_util::sync::{CancellationToken, DropGuard};
use tracing::info;
use url::Url;

use self::recordings::Recordings;
use self::stand_in::{BaseUrls, StandIn, api_router, files_router};
use crate::config::{CredentialSettings, CredentialSource, Settings, TargetSettings};
use crate::model::{Secret, Target};
use crate::web::{Listener, serve};

/// A running stand-in. It stops when it is dropped.
pub struct RunningStandIn {
    _stop: DropGuard,
}

/// How to reach a stand-in, and what it has.
#[derive(Clone)]
pub struct Demo {
    api: Url,
    token: Secret,
    targets: Vec<Target>,
}

/// The embedded recordings of every invented target.
pub fn recordings() -> io::Result<Vec<Recording>> {
    Ok(Recordings::embedded(&SystemClock)?.all(&SystemClock))
}

/// Starts a stand-in on two free loopback ports.
pub async fn start() -> io::Result<(RunningStandIn, Demo)> {
    let (api, files) = (Listener::bind("127.0.0.1:0").await?, Listener::bind("127.0.0.1:0").await?);
    let urls = BaseUrls {
        api: format!("http://{}", api.local_addr()?),
        files: format!("http://{}", files.local_addr()?),
    };
    let url = Url::parse(&urls.api).map_err(io::Error::other)?;
    let stand_in = StandIn::new(SystemClock, urls)?;
    let targets = stand_in.targets().to_vec();
    let demo = Demo { api: url, token: Secret::new(stand_in.token()), targets };
    let stop = CancellationToken::new();
    tokio::spawn(serve(api, api_router(Arc::clone(&stand_in)), stop.clone()));
    tokio::spawn(serve(files, files_router(stand_in), stop.clone()));
    let logins: Vec<&str> = demo.targets.iter().map(Target::login).collect();
    info!(api = %demo.api, targets = logins.join(","), "demo: serving recordings in place of GitHub");
    Ok((RunningStandIn { _stop: stop.drop_guard() }, demo))
}

impl Demo {
    /// Points settings at the stand-in; everything else, such as where to listen, stays as it is. Nothing
    /// is stored for the next start, which would have another stand-in.
    pub fn point(&self, settings: Settings) -> Settings {
        let credential = Arc::new(CredentialSettings {
            name: "demo".to_owned(),
            source: CredentialSource::Token(self.token.clone()),
        });
        let targets = self.targets.iter().map(|target| TargetSettings {
            target: target.clone().at(&self.api),
            credential: Arc::clone(&credential),
            api: self.api.clone(),
            ttl: settings.ttl,
            mapping: settings.defaults.clone(),
            source: settings.source.clone(),
            history: settings.history.clone(),
        });
        let (targets, cache_dir, missing, is_demo) = (targets.collect(), None, None, true);
        Settings { targets, cache_dir, missing, is_demo, ..settings }
    }
}
