//! The exporter that serves.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use futures_util::future::join_all;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};
use url::Url;

use super::check::missing_directories;
use super::error::{READ_TIMEOUT, StartError};
use super::metrics::Metrics;
use super::open::{engine, spool, store};
use crate::config::{SettingError, Settings};
use crate::log;
use crate::oci::Kept;
use crate::output::DailyExposition;
use crate::push::{Environment, Pusher};
use crate::refresh::{Parts, Reconciler, Reloader, Source, Targets};
use crate::runner::Runner;
use crate::web::{App, Listener, Page, Server, Web, router};

/// An exporter that listens and is ready to run.
pub struct Exporter {
    listeners: Vec<(Listener, SocketAddr)>,
    app: Arc<App>,
    reconciler: Reconciler,
    pusher: Pusher,
    settings: Arc<Settings>,
    log_metrics: log::Metrics,
}

impl Exporter {
    /// Reads the settings and binds the addresses.
    /// `sockets` are listened on in addition to the addresses.
    pub async fn start(source: Source, sockets: Vec<TcpListener>) -> Result<Self, StartError> {
        let metrics = Metrics::new()?;
        let source = Arc::new(source);
        let (reading, valkey_metrics) = (Arc::clone(&source), metrics.valkey.clone());
        let read = tokio::task::spawn_blocking(move || {
            let settings = reading()?;
            let spool = spool(&settings);
            let store = store(&settings, &spool, &valkey_metrics)?;
            Ok::<_, SettingError>((settings, spool, store))
        });
        let read = tokio::time::timeout(READ_TIMEOUT, read);
        let read = read.await.map_err(|_| StartError::ReadTimeout)?;
        let (settings, spool, store) = read.map_err(|_| StartError::ReadTimeout)??;
        let settings = Arc::new(settings);
        let web = Arc::new(Web::new(settings.web_config.clone()).await?);
        let engine = engine(&settings, metrics.store.clone())?;
        metrics.refresh.set_reloaded(true);
        if settings.is_demo {
            metrics.demo.set(1);
        }
        let publisher = metrics.publisher()?;
        let (targets, runner) =
            (Arc::new(Targets::default()), Arc::new(Runner::new(metrics.runner.clone())));
        let daily = Arc::new(DailyExposition::default());
        let (remote_write, endpoints) = watch::channel(Vec::new());
        let environment = Environment {
            targets: Arc::clone(&targets),
            runner: Arc::clone(&runner),
            store: Arc::clone(&store),
            metrics: metrics.push.clone(),
            request_metrics: metrics.remote_write.clone(),
        };
        let pusher = Pusher::new(environment, endpoints);
        let kept_days = Arc::clone(&store);
        let parts = Parts {
            store,
            spool,
            runner: Arc::clone(&runner),
            publisher: Arc::clone(&publisher),
            daily: Arc::clone(&daily),
            targets: Arc::clone(&targets),
            remote_write,
            metrics: metrics.refresh.clone(),
            store_metrics: metrics.store.clone(),
            github_metrics: metrics.github.clone(),
            mapping_metrics: metrics.mappings.clone(),
            kept: settings.cache_dir.as_ref().map(|directory| Kept::new(directory)),
            oci_metrics: metrics.oci.clone(),
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
        for socket in sockets {
            let failed =
                |error| StartError::Listen { address: "a passed socket".to_owned(), error };
            let listener = Listener::from_std(socket).map_err(failed)?;
            let address = listener.local_addr().map_err(failed)?;
            listeners.push((listener, address));
        }
        // From the first scrape on, it is known what is to come.
        let exported: Vec<_> = settings.targets.iter().map(|one| one.target.clone()).collect();
        publisher.set_targets(&exported, settings.missing.clone());
        if settings.valkey.is_some() {
            publisher.require_all_data();
        }
        let app = Arc::new(App {
            registry: metrics.registry,
            metrics: metrics.web,
            github: metrics.github,
            page: Page::new(Arc::clone(&publisher), targets, runner, kept_days)
                .of_demo(settings.is_demo)
                .with_paths(settings.paths.clone())
                .with_grafana(settings.grafana.as_ref().map(Url::to_string)),
            paths: settings.paths.clone(),
            publisher,
            daily: settings.enable_daily.then_some(daily),
            reloader,
            enable_lifecycle: settings.enable_lifecycle,
            web,
        });
        Ok(Self { listeners, app, reconciler, pusher, settings, log_metrics: metrics.log })
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
        let Self { listeners, app, mut reconciler, pusher, settings, .. } = self;
        for (_, address) in &listeners {
            let targets = settings.targets.len();
            info!(%address, targets, "listening; metrics are at {}", app.paths.metrics());
        }
        for warning in missing_directories(&settings) {
            warn!("{warning}");
        }
        if let Some(missing) = &settings.missing {
            warn!("nothing will be exported: {missing}");
        }
        let web = Arc::clone(&app.web);
        let paths = app.paths.clone();
        let server = Server::new(router(app), &paths, Arc::clone(&web));
        let serving = listeners
            .into_iter()
            .map(|(listener, _)| server.clone().serve(listener, cancel.clone()));
        let serving = join_all(serving);
        let watching = web.watch(cancel.clone());
        let pushing = pusher.run(cancel.clone());
        let reconciling = async {
            let reconciled = cancel.run_until_cancelled(reconciler.run()).await;
            // If it ended by itself, there is nothing to serve.
            cancel.cancel();
            info!("stopping; waiting for running scrapes");
            reconciler.shutdown().await;
            reconciled.unwrap_or(Ok(()))
        };
        let (_, (), (), reconciled) = tokio::join!(serving, watching, pushing, reconciling);
        info!("stopped");
        Ok(reconciled?)
    }
}
