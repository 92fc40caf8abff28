//! Puts the exporter together.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use prometheus::IntGauge;
use thiserror::Error;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::body::Spool;
use crate::config::{SettingError, Settings};
use crate::github::TransportError;
use crate::mappings::{CandidateSet, Change, Refusal, Registry, Rescan};
use crate::model::metrics;
use crate::model::text::sanitize;
use crate::output::{Collector, DailyExposition, Publisher};
use crate::refresh::{self, Parts, Reconciler, Reloader, Source, Targets};
use crate::runner::{self, Runner};
use crate::store::{self, CompiledCode, Disk, Memory, Store, Tiered};
use crate::wasm::{Compiler, Engine, EngineError, LoadError, Mapping};
use crate::web::{self, App, Listener, Page, Server, Web, router};
use crate::{github, log, mappings};

/// How long reading the settings may take: a file may be on a dead mount.
const READ_TIMEOUT: Duration = Duration::from_secs(10);

/// Why the exporter did not start, or ended by itself.
#[derive(Debug, Error)]
pub enum StartError {
    /// An invalid setting.
    #[error(transparent)]
    Setting(#[from] SettingError),
    /// Two of its own metrics have the same name.
    #[error("the exporter's own metrics: {0}")]
    Metrics(#[from] prometheus::Error),
    /// The WebAssembly engine does not work.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The default mapping does not load.
    #[error("the default mapping: {0}")]
    Mapping(#[from] LoadError),
    /// No request can be sent.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// The settings can't be read in time.
    #[error("reading the settings takes longer than {} s", READ_TIMEOUT.as_secs())]
    ReadTimeout,
    /// It can't listen on an address.
    #[error("cannot listen on {address}: {error}")]
    Listen {
        /// The address.
        address: String,
        /// Why.
        error: io::Error,
    },
}

impl From<refresh::StartError> for StartError {
    fn from(error: refresh::StartError) -> Self {
        match error {
            refresh::StartError::Setting(error) => error.into(),
            refresh::StartError::Transport(error) => error.into(),
            refresh::StartError::DefaultMapping(error) => error.into(),
        }
    }
}

/// The exporter's own metrics, all of them. Each module defines its own.
pub struct Metrics {
    /// The registry.
    pub registry: metrics::Registry,
    /// Those of requests to GitHub.
    pub github: github::Metrics,
    /// Those of the runs of mappings.
    pub runner: runner::Metrics,
    /// Those of scrapes.
    pub web: web::Metrics,
    demo: IntGauge,
    log: log::Metrics,
    store: store::Metrics,
    mappings: mappings::Metrics,
    refresh: refresh::Metrics,
}

impl Metrics {
    /// Registers every metric. It fails only if two have the same name.
    pub fn new() -> prometheus::Result<Self> {
        let registry = metrics::Registry::default();
        let build = registry.int_gauges(
            "copilot_exporter_build_info",
            "Always 1; the label is the version of the exporter.",
            &["version"],
        )?;
        build.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
        let demo = registry.int_gauge(
            "copilot_exporter_demo",
            "1 if the numbers are those of the demo, else 0.",
        )?;
        #[cfg(target_os = "linux")]
        registry.register_boxed(Box::new(
            prometheus::process_collector::ProcessCollector::for_self(),
        ))?;
        Ok(Self {
            demo,
            log: log::Metrics::new(&registry)?,
            github: github::Metrics::new(&registry)?,
            store: store::Metrics::new(&registry)?,
            runner: runner::Metrics::new(&registry)?,
            mappings: mappings::Metrics::new(&registry)?,
            refresh: refresh::Metrics::new(&registry)?,
            web: web::Metrics::new(&registry)?,
            registry,
        })
    }

    /// Starts a publisher with its metrics. It must be called within a tokio runtime.
    pub fn publisher(&self) -> prometheus::Result<Arc<Publisher>> {
        let publisher = Publisher::start(&self.registry)?;
        Collector::register(&publisher, &self.registry)?;
        Ok(publisher)
    }
}

/// An exporter that listens and is ready to run.
pub struct Exporter {
    listeners: Vec<(Listener, SocketAddr)>,
    app: Arc<App>,
    reconciler: Reconciler,
    settings: Arc<Settings>,
    log_metrics: log::Metrics,
}

/// Checks the settings as a start does, without starting. Returns them, and what is valid but probably
/// not meant.
pub fn check(source: &Source) -> Result<(Settings, Vec<String>), StartError> {
    let settings = source()?;
    check_cache_dir(&settings)?;
    if let Some(path) = &settings.web_config {
        Web::check(path)?;
    }
    // What is compiled here is not kept: it may be another user who checks.
    let compiler = Compiler::in_child_process(None);
    let engine = Engine::with_compiler(settings.policy.limits.clone(), compiler)?;
    let default = Arc::new(Mapping::load_default_blocking(&engine)?);
    let mut registry = Registry::new(engine.clone(), default);
    loop {
        let scan = registry.rescan(&settings, Rescan::All, &Default::default())?;
        if scan.pending.is_empty() {
            let mut warnings = missing_directories(&settings);
            let changes = scan.candidates.iter().flat_map(CandidateSet::changes);
            warnings.extend(changes.filter_map(|change| match change {
                Change::Refused(path, refusal) => Some(refused_file(&path, &refusal)),
                _ => None,
            }));
            return Ok((settings, warnings));
        }
        for file in scan.pending {
            let result = file.compile_blocking(&engine);
            // A file that can't be read any more would be pending for ever.
            if let Err(refusal @ Refusal::Unreadable(_)) = &result {
                return Ok((settings, vec![refused_file(&file.path, refusal)]));
            }
            registry.add_compiled(&file.sha256, result, engine.limits());
        }
    }
}

/// Mapping directories that do not exist: they may be created later.
fn missing_directories(settings: &Settings) -> Vec<String> {
    let sources = settings.targets.iter().map(|target| &target.source).chain([&settings.source]);
    let mut missing: Vec<_> = sources
        .filter_map(|source| source.directory.as_ref())
        .filter(|directory| !directory.is_dir())
        .map(|directory| format!("the mapping directory {} does not exist", directory.display()))
        .collect();
    missing.sort();
    missing.dedup();
    missing
}

/// A refused mapping file, and why.
fn refused_file(path: &Path, refusal: &Refusal) -> String {
    sanitize(&format!("the mapping file {} is refused: {refusal}", path.display()))
}

/// Checks that the cache directory can be used, without creating it.
fn check_cache_dir(settings: &Settings) -> Result<(), SettingError> {
    let Some(directory) = &settings.cache_dir else { return Ok(()) };
    if directory.exists() {
        return store(settings, &Spool::default()).map(|_| ());
    }
    let parent = directory.ancestors().skip(1).find(|parent| parent.exists());
    let is_directory = |parent: &Path| parent.is_dir();
    let probe = match parent.filter(|parent| is_directory(parent)) {
        Some(parent) => tempfile::tempdir_in(parent).map(|_| ()),
        None => Err(io::Error::from(io::ErrorKind::NotADirectory)),
    };
    probe.map_err(|error| unusable_cache_dir(directory, &error))
}

fn unusable_cache_dir(directory: &Path, error: &io::Error) -> SettingError {
    let right = "it should be a directory that this process can write to";
    let problem = format!("{}: {error}; {right}", directory.display());
    SettingError { setting: "--cache-dir (CACHE_DIR)".to_owned(), problem }
}

fn engine(settings: &Settings, metrics: store::Metrics) -> Result<Engine, EngineError> {
    let directory = settings.cache_dir.as_ref().map(|directory| directory.join("compiled"));
    let cache = directory.and_then(|directory| {
        let opened = CompiledCode::open(&directory, Some(metrics));
        let failed = |error: &io::Error| {
            let directory = directory.display();
            warn!(%directory, %error, "cannot keep compiled mappings: every start compiles them");
        };
        opened.inspect_err(failed).ok()
    });
    Engine::with_compiler(settings.policy.limits.clone(), Compiler::in_child_process(cache))
}

/// Where the bodies of responses go: to the cache directory, or else the directory for temporary files.
fn spool(settings: &Settings) -> Spool {
    let budget = settings.github.document_memory_bytes;
    // The store checks it.
    if let Some(directory) = &settings.cache_dir {
        return Spool::new(directory.clone(), budget);
    }
    let directory = std::env::temp_dir();
    // Creating a file needs no room.
    if let Err(error) = tempfile::tempfile_in(&directory) {
        let directory = directory.display();
        warn!(%error, "all documents stay in memory: {directory} can't be written to");
        return Spool::default();
    }
    Spool::new(directory, budget)
}

/// The store: in memory, and on disk if a directory is set.
fn store(settings: &Settings, spool: &Spool) -> Result<Arc<dyn Store>, SettingError> {
    let Some(directory) = &settings.cache_dir else { return Ok(Arc::new(Memory::default())) };
    let disk = Disk::open(directory, spool.clone())
        .map_err(|error| unusable_cache_dir(directory, &error))?;
    Ok(Arc::new(Tiered::new(disk)))
}

impl Exporter {
    /// Reads the settings and binds the addresses.
    pub async fn start(source: Source) -> Result<Self, StartError> {
        let source = Arc::new(source);
        let reading = Arc::clone(&source);
        let read = tokio::task::spawn_blocking(move || {
            let settings = reading()?;
            let spool = spool(&settings);
            let store = store(&settings, &spool)?;
            Ok::<_, SettingError>((settings, spool, store))
        });
        let read = tokio::time::timeout(READ_TIMEOUT, read);
        let read = read.await.map_err(|_| StartError::ReadTimeout)?;
        let (settings, spool, store) = read.map_err(|_| StartError::ReadTimeout)??;
        let settings = Arc::new(settings);
        let web = Arc::new(Web::new(settings.web_config.clone()).await?);
        let metrics = Metrics::new()?;
        let engine = engine(&settings, metrics.store.clone())?;
        metrics.refresh.set_reloaded(true);
        if settings.is_demo {
            metrics.demo.set(1);
        }
        let publisher = metrics.publisher()?;
        let (targets, runner) =
            (Arc::new(Targets::default()), Arc::new(Runner::new(metrics.runner.clone())));
        let daily = Arc::new(DailyExposition::default());
        let parts = Parts {
            store,
            spool,
            runner: Arc::clone(&runner),
            publisher: Arc::clone(&publisher),
            daily: Arc::clone(&daily),
            targets: Arc::clone(&targets),
            metrics: metrics.refresh.clone(),
            store_metrics: metrics.store.clone(),
            github_metrics: metrics.github.clone(),
            mapping_metrics: metrics.mappings.clone(),
        };
        let (reloader, reloads) = Reloader::new();
        let reconciler = Reconciler::new(parts, Arc::clone(&settings), source, engine, reloads)?;
        let mut listeners = Vec::new();
        for address in &settings.listen {
            let failed = |error| StartError::Listen { address: address.clone(), error };
            let listener = Listener::bind(address).await.map_err(failed)?;
            let address = listener.local_addr().map_err(failed)?;
            listeners.push((listener, address));
        }
        // From the first scrape on, it is known what is to come.
        let exported: Vec<_> = settings.targets.iter().map(|one| one.target.clone()).collect();
        publisher.set_targets(&exported, settings.missing.clone());
        let app = Arc::new(App {
            registry: metrics.registry,
            metrics: metrics.web,
            github: metrics.github,
            page: Page::new(Arc::clone(&publisher), targets, runner).of_demo(settings.is_demo),
            publisher,
            daily: settings.enable_daily.then_some(daily),
            reloader,
            enable_lifecycle: settings.enable_lifecycle,
            web,
        });
        Ok(Self { listeners, app, reconciler, settings, log_metrics: metrics.log })
    }

    /// Told of every change of what `/metrics` serves.
    pub fn snapshots(&self) -> watch::Receiver<u64> {
        self.app.publisher.snapshots()
    }

    /// Requests reloads of its settings.
    pub fn reloader(&self) -> Reloader {
        self.app.reloader.clone()
    }

    /// The metrics of the log, which was set up before it.
    pub fn log_metrics(&self) -> log::Metrics {
        self.log_metrics.clone()
    }

    /// Refreshes and serves, until cancelled. It ends by itself if the settings do not fit the mappings
    /// in the directories.
    pub async fn run(self, cancel: CancellationToken) -> Result<(), StartError> {
        let Self { listeners, app, mut reconciler, settings, .. } = self;
        for (_, address) in &listeners {
            info!(%address, targets = settings.targets.len(), "listening; metrics are at /metrics");
        }
        for warning in missing_directories(&settings) {
            warn!("{warning}");
        }
        if let Some(missing) = &settings.missing {
            warn!("nothing will be exported: {missing}");
        }
        let web = Arc::clone(&app.web);
        let server = Server::new(router(app), Arc::clone(&web));
        let serving = listeners
            .into_iter()
            .map(|(listener, _)| server.clone().serve(listener, cancel.clone()));
        let serving = join_all(serving);
        let watching = web.watch(cancel.clone());
        let reconciling = async {
            let reconciled = cancel.run_until_cancelled(reconciler.run()).await;
            // If it ended by itself, there is nothing to serve.
            cancel.cancel();
            info!("stopping; waiting for running scrapes");
            reconciler.shutdown().await;
            reconciled.unwrap_or(Ok(()))
        };
        let (_, (), reconciled) = tokio::join!(serving, watching, reconciling);
        info!("stopped");
        Ok(reconciled?)
    }
}
