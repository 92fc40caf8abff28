//! Puts the exporter together.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use thiserror::Error;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::cache::{Cache, Disk};
use crate::github::TransportError;
use crate::http::{self, App, Listener};
use crate::plugin::{DEFAULT_MAPPING, Engine, EngineError, Limits, LoadError, Mapping};
use crate::publisher::Publisher;
use crate::refresh::Shared;
use crate::reload::{Reloader, Request};
use crate::settings::{SettingError, Settings};
use crate::supervisor::Supervisor;
use crate::telemetry::Telemetry;

/// Why the exporter did not start.
#[derive(Debug, Error)]
pub enum StartError {
    /// A setting can't be used.
    #[error(transparent)]
    Setting(#[from] SettingError),
    /// Two metrics of its own have one name.
    #[error("the exporter's own metrics: {0}")]
    Telemetry(#[from] prometheus::Error),
    /// The engine does not work.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The default mapping does not load.
    #[error("the default mapping: {0}")]
    Mapping(#[from] LoadError),
    /// No request can be sent.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// The address can't be listened on.
    #[error("can't listen on {address}: {error}")]
    Listen {
        /// The address.
        address: String,
        /// Why.
        error: io::Error,
    },
}

/// Reads the settings: at the start, and whenever a reload is asked for.
pub type Source = Box<dyn Fn() -> Result<Settings, SettingError> + Send + Sync>;

/// An exporter that listens and is ready to run.
pub struct Exporter {
    listener: Listener,
    address: SocketAddr,
    app: Arc<App>,
    supervisor: Supervisor,
    settings: Settings,
    source: Source,
    mapping: Arc<Mapping>,
    reloads: mpsc::Receiver<Request>,
}

/// Checks settings as a start does, without starting. Answers them.
pub fn check(source: &Source) -> Result<Settings, StartError> {
    let settings = source()?;
    let mapping = Mapping::load(&Engine::new(Limits::default())?, DEFAULT_MAPPING)?;
    settings.check(&mapping)?;
    Ok(settings)
}

impl Exporter {
    /// Loads the mapping and binds the address.
    pub async fn start(source: Source) -> Result<Self, StartError> {
        let settings = source()?;
        let engine = Engine::new(Limits::default())?;
        let mapping = Arc::new(Mapping::load(&engine, DEFAULT_MAPPING)?);
        settings.check(&mapping)?;
        let cache = Arc::new(cache(&settings)?);
        let telemetry = Arc::new(Telemetry::new(Arc::clone(&cache))?);
        telemetry.set_mapping(&mapping);
        telemetry.set_reloaded(true);
        let publisher = Arc::new(Publisher::new(Arc::clone(&telemetry)));
        let shared = Shared::new(
            Arc::clone(&mapping),
            cache,
            Arc::clone(&publisher),
            Arc::clone(&telemetry),
        );
        let supervisor = Supervisor::new(Arc::new(shared), &settings)?;
        let listen = |error| StartError::Listen { address: settings.listen.clone(), error };
        let listener = Listener::bind(&settings.listen).await.map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        let (reloader, reloads) = Reloader::new();
        // From the first scrape on it is known what is to come.
        let targets: Vec<_> = settings.targets.iter().map(|one| one.target.clone()).collect();
        publisher.set_targets(&targets, settings.missing.clone());
        let app = Arc::new(App { telemetry, publisher, reloader });
        Ok(Self { listener, address, app, supervisor, settings, source, mapping, reloads })
    }

    /// The address that it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Has its settings read again.
    pub fn reloader(&self) -> Reloader {
        self.app.reloader.clone()
    }

    /// Refreshes and serves, until cancelled.
    pub async fn run(self, cancel: CancellationToken) {
        let Self { listener, address, app, supervisor, settings, source, mapping, reloads } = self;
        info!(%address, targets = settings.targets.len(), "listening; metrics are at /metrics");
        if let Some(missing) = &settings.missing {
            warn!("there will be no data: {missing}");
        }
        let telemetry = Arc::clone(&app.telemetry);
        let serving = http::serve(listener, http::router(app), cancel.clone());
        let supervising = async {
            let mut supervisor = supervisor;
            let work = supervise(&mut supervisor, settings, source, mapping, reloads, telemetry);
            cancel.run_until_cancelled(work).await;
            info!("stopping; running scrapes may end");
            supervisor.shutdown().await;
        };
        tokio::join!(serving, supervising);
        info!("stopped");
    }
}

/// The cache, with a folder behind it where one is set.
fn cache(settings: &Settings) -> Result<Cache, SettingError> {
    let Some(folder) = &settings.cache_dir else { return Ok(Cache::default()) };
    let disk = Disk::open(folder).map_err(|error| {
        let right = "it should be a folder that this process may write to";
        let problem = format!("{}: {error}; {right}", folder.display());
        SettingError { setting: "--cache-dir (CACHE_DIR)".to_owned(), problem }
    })?;
    Ok(Cache::stored_in(Arc::new(disk)))
}

/// Has the targets refreshed, and the settings read again when that is asked for.
async fn supervise(
    supervisor: &mut Supervisor,
    settings: Settings,
    source: Source,
    mapping: Arc<Mapping>,
    mut reloads: mpsc::Receiver<Request>,
    telemetry: Arc<Telemetry>,
) {
    if let Err(error) = supervisor.apply(&settings).await {
        error!(%error, "no target can be refreshed");
    }
    let source = Arc::new(source);
    while let Some(request) = reloads.recv().await {
        let (source, mapping) = (Arc::clone(&source), Arc::clone(&mapping));
        // It reads files, and runs the mapping over nothing.
        let read = tokio::task::spawn_blocking(move || {
            let settings = source()?;
            settings.check(&mapping).map(|()| settings)
        });
        let result = match read.await {
            // A file that was read while it was written looks like one without targets.
            Ok(Ok(Settings { missing: Some(missing), .. })) if supervisor.has_targets() => {
                Err(format!("there would be no targets any more: {missing}"))
            }
            Ok(Ok(settings)) => {
                let applied = supervisor.apply(&settings).await;
                applied.map(|()| settings).map_err(|error| error.to_string())
            }
            Ok(Err(error)) => Err(error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        telemetry.set_reloaded(result.is_ok());
        match &result {
            Ok(settings) => info!(targets = settings.targets.len(), "settings reloaded"),
            Err(error) => error!(error, "settings not reloaded; those of before stay in use"),
        }
        // Whoever asked may have gone.
        request.send(result.map(|_| ())).ok();
    }
}
