//! Puts the exporter together.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::join_all;
use thiserror::Error;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::store::{Cache, Disk};
use crate::github::TransportError;
use crate::web::{App, Listener, Server, Web, router};
use crate::mappings::{Library, Look, Proposal, Watcher};
use crate::web::page::Page;
use crate::wasm::{DEFAULT_MAPPING, Engine, EngineError, LoadError, Mapping};
use crate::output::publisher::Publisher;
use crate::refresh::{Misbehaved, Shared};
use crate::refresh::reload::{Reloader, Request};
use crate::config::{SettingError, Settings};
use crate::refresh::supervisor::Supervisor;
use crate::refresh::rollout::Cause;
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
    listeners: Vec<(Listener, SocketAddr)>,
    app: Arc<App>,
    supervisor: Supervisor,
    work: Work,
}

/// What the supervising is about.
struct Work {
    settings: Arc<Settings>,
    /// What should run first, where that needs no folder.
    proposals: Option<Vec<Proposal>>,
    source: Arc<Source>,
    library: Arc<Mutex<Library>>,
    watcher: Watcher,
    misbehaved: mpsc::UnboundedReceiver<Misbehaved>,
    reloads: mpsc::Receiver<Request>,
    telemetry: Arc<Telemetry>,
}

/// Checks settings as a start does, without starting. Answers them.
pub fn check(source: &Source) -> Result<Settings, StartError> {
    let settings = source()?;
    Web::new(settings.web_config.clone())?;
    let library = library(&settings)?;
    library.propose(&settings, Look::Again)?;
    Ok(settings)
}

/// Nothing but the embedded mapping, compiled if it is not kept.
fn library(settings: &Settings) -> Result<Library, StartError> {
    let folder = settings.cache_dir.as_ref().map(|folder| folder.join("compiled"));
    let engine = Engine::with_cache(settings.policy.limits.clone(), folder.as_deref())?;
    let mapping = Arc::new(Mapping::load(&engine, DEFAULT_MAPPING)?);
    Ok(Library::new(engine, mapping))
}

/// The folders of mappings.
fn folders(settings: &Settings) -> Vec<PathBuf> {
    let targets = settings.targets.iter().map(|target| &target.source);
    let mut folders: Vec<PathBuf> =
        targets.chain([&settings.source]).filter_map(|source| source.folder.clone()).collect();
    folders.sort();
    folders.dedup();
    folders
}

impl Exporter {
    /// Loads the mapping and binds the address.
    pub async fn start(source: Source) -> Result<Self, StartError> {
        let settings = source()?;
        let web = Arc::new(Web::new(settings.web_config.clone())?);
        let cache = Arc::new(cache(&settings)?);
        // Before the folders are looked into: what changes from here on is not missed.
        let mut watcher = Watcher::new();
        watcher.watch(folders(&settings));
        let library = library(&settings)?;
        // Compiling what is in a folder may take long: by then it listens.
        let only_default = folders(&settings).is_empty();
        let proposals =
            only_default.then(|| library.propose(&settings, Look::Again)).transpose()?;
        let telemetry = Arc::new(Telemetry::new(Arc::clone(&cache))?);
        telemetry.set_reloaded(true);
        let publisher = Arc::new(Publisher::new(Arc::clone(&telemetry)));
        let (shared, misbehaved) =
            Shared::new(cache, Arc::clone(&publisher), Arc::clone(&telemetry));
        let library = Arc::new(Mutex::new(library));
        let shared = Arc::new(shared);
        let supervisor = Supervisor::new(Arc::clone(&shared), Arc::clone(&library), &settings)?;
        let mut listeners = Vec::new();
        for address in &settings.listen {
            let listen = |error| StartError::Listen { address: address.clone(), error };
            let listener = Listener::bind(address).await.map_err(listen)?;
            let address = listener.local_addr().map_err(listen)?;
            listeners.push((listener, address));
        }
        let (reloader, reloads) = Reloader::new();
        // From the first scrape on it is known what is to come.
        let targets: Vec<_> = settings.targets.iter().map(|one| one.target.clone()).collect();
        publisher.set_targets(&targets, settings.missing.clone());
        let (settings, source) = (Arc::new(settings), Arc::new(source));
        let page = Page::new(shared);
        let app =
            Arc::new(App { telemetry: Arc::clone(&telemetry), publisher, page, reloader, web });
        let work =
            Work { settings, proposals, source, library, watcher, misbehaved, reloads, telemetry };
        Ok(Self { listeners, app, supervisor, work })
    }

    /// Has its settings read again.
    pub fn reloader(&self) -> Reloader {
        self.app.reloader.clone()
    }

    /// Refreshes and serves, until cancelled. It ends at once if the settings don't fit the mappings in
    /// the folders.
    pub async fn run(self, cancel: CancellationToken) -> Result<(), SettingError> {
        let Self { listeners, app, supervisor, work } = self;
        let settings = &work.settings;
        for (_, address) in &listeners {
            info!(%address, targets = settings.targets.len(), "listening; metrics are at /metrics");
        }
        if let Some(missing) = &settings.missing {
            warn!("there will be no data: {missing}");
        }
        let web = Arc::clone(&app.web);
        let server = Server::new(router(app), web);
        let serving = listeners
            .into_iter()
            .map(|(listener, _)| server.clone().serve(listener, cancel.clone()));
        let serving = join_all(serving);
        let supervising = async {
            let mut supervisor = supervisor;
            let supervised = cancel.run_until_cancelled(work.supervise(&mut supervisor)).await;
            // If it ended by itself, there is nothing to serve.
            cancel.cancel();
            info!("stopping; running scrapes may end");
            supervisor.shutdown().await;
            supervised.unwrap_or(Ok(()))
        };
        let (_, supervised) = tokio::join!(serving, supervising);
        info!("stopped");
        supervised
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

impl Work {
    /// Has the targets refreshed, the settings read again when that is asked for, and the mappings
    /// swapped when their files change: one after the other.
    async fn supervise(mut self, supervisor: &mut Supervisor) -> Result<(), SettingError> {
        let proposals = match self.proposals.take() {
            Some(proposals) => proposals,
            None => self.propose(Look::Again).await?,
        };
        // What has run over the same documents before goes first: its samples are served at once. The
        // rest is tried then.
        let proven = supervisor.proven(&self.settings, &proposals).await;
        if let Err(error) = supervisor.apply(&self.settings, proven, Cause::Start).await {
            error!(%error, "no target can be refreshed");
        }
        let rest = self.propose(Look::ForChanges).await?;
        supervisor.swap(&self.settings, rest, Cause::Start).await;
        loop {
            tokio::select! {
                Some(request) = self.reloads.recv() => {
                    let result = self.reload(supervisor).await;
                    self.telemetry.set_reloaded(result.is_ok());
                    match &result {
                        Ok(()) => {
                            info!(targets = self.settings.targets.len(), "settings reloaded");
                        }
                        Err(error) => {
                            error!(error, "settings not reloaded; those of before stay in use");
                        }
                    }
                    // Whoever asked may have gone.
                    request.send(result).ok();
                }
                () = self.watcher.changed() => {
                    let proposals = self.propose(Look::ForChanges).await.unwrap_or_else(|error| {
                        error!(%error, "the folders of mappings were not looked into");
                        Vec::new()
                    });
                    supervisor.swap(&self.settings, proposals, Cause::Change).await;
                }
                Some(misbehaved) = self.misbehaved.recv() => {
                    supervisor.roll_back(&self.settings, &misbehaved).await;
                }
            }
        }
    }

    async fn reload(&mut self, supervisor: &mut Supervisor) -> Result<(), String> {
        let (source, library) = (Arc::clone(&self.source), Arc::clone(&self.library));
        let settings = tokio::task::spawn_blocking(move || source()).await;
        let settings = settings.map_err(|error| error.to_string())?;
        let settings = settings.map_err(|error| error.to_string())?;
        // A file that was read while it was written looks like one without targets.
        if let Some(missing) = settings.missing.as_ref().filter(|_| supervisor.has_targets()) {
            return Err(format!("there would be no targets any more: {missing}"));
        }
        // From before they are looked into, and those that may stay in use.
        let before = folders(&self.settings);
        self.watcher.watch(before.iter().cloned().chain(folders(&settings)).collect());
        let old = std::mem::replace(&mut self.settings, Arc::new(settings));
        let lock = || library.lock().unwrap_or_else(PoisonError::into_inner);
        let limits = lock().set_policy(&self.settings.policy);
        let applied = match self.propose(Look::Again).await {
            Ok(proposals) => {
                let applied = supervisor.apply(&self.settings, proposals, Cause::Change).await;
                applied.map_err(|error| error.to_string())
            }
            Err(error) => Err(error.to_string()),
        };
        if applied.is_err() {
            lock().set_limits(&limits);
            self.settings = old;
        }
        self.watcher.watch(folders(&self.settings));
        applied
    }

    /// Looks into the folders.
    async fn propose(&self, look: Look) -> Result<Vec<Proposal>, SettingError> {
        let (settings, library) = (Arc::clone(&self.settings), Arc::clone(&self.library));
        let proposed = tokio::task::spawn_blocking(move || {
            let library = library.lock().unwrap_or_else(PoisonError::into_inner);
            library.propose(&settings, look)
        });
        proposed.await.unwrap_or_else(|error| {
            error!(%error, "the folders of mappings were not looked into");
            Ok(Vec::new())
        })
    }
}
