//! Puts the exporter together.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use thiserror::Error;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::cache::Cache;
use crate::github::Client;
use crate::http::{self, App, Listener};
use crate::plugin::{DEFAULT_MAPPING, Engine, EngineError, Limits, LoadError, Mapping};
use crate::publisher::Publisher;
use crate::refresh::Refresher;
use crate::settings::Settings;
use crate::target::options_for;
use crate::telemetry::Telemetry;

/// How many mappings run at once. Each takes a core, and up to the limit of its memory.
const CONCURRENT_RUNS: usize = 2;

/// Why the exporter did not start.
#[derive(Debug, Error)]
pub enum StartError {
    /// Two metrics of its own have one name.
    #[error("the exporter's own metrics: {0}")]
    Telemetry(#[from] prometheus::Error),
    /// The engine does not work.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The default mapping does not load.
    #[error("the default mapping: {0}")]
    Mapping(#[from] LoadError),
    /// An option that the mapping does not have.
    #[error("--option: {0}")]
    Option(String),
    /// The HTTP client could not be made.
    #[error("the HTTP client: {0}")]
    Client(#[from] reqwest::Error),
    /// The address can't be listened on.
    #[error("can't listen on {address}: {error}")]
    Listen {
        /// The address.
        address: String,
        /// Why.
        error: io::Error,
    },
}

/// An exporter that listens and is ready to run.
pub struct Exporter {
    listener: Listener,
    address: SocketAddr,
    app: Arc<App>,
    refresher: Option<Arc<Refresher>>,
    settings: Settings,
}

impl Exporter {
    /// Loads the mapping and binds the address.
    pub async fn start(settings: Settings) -> Result<Self, StartError> {
        let cache = Arc::new(Cache::default());
        let telemetry = Arc::new(Telemetry::new(Arc::clone(&cache))?);
        let engine = Engine::new(Limits::default())?;
        let mapping = Arc::new(Mapping::load(&engine, DEFAULT_MAPPING)?);
        let options =
            options_for(&settings.options, mapping.manifest()).map_err(StartError::Option)?;
        mapping.check_options(&options).map_err(StartError::Option)?;
        telemetry.set_mapping(&mapping);
        let publisher = Arc::new(Publisher::new(&settings.targets, Arc::clone(&telemetry)));
        let missing = settings.missing();
        let refresher = match (&settings.token, &missing) {
            (Some(token), None) => Some(Arc::new(Refresher {
                client: Client::new(settings.api.clone(), token.clone(), Arc::clone(&telemetry))?,
                mapping,
                options,
                cache,
                publisher: Arc::clone(&publisher),
                telemetry: Arc::clone(&telemetry),
                runs: Arc::new(Semaphore::new(CONCURRENT_RUNS)),
                ttl: settings.ttl,
            })),
            _ => None,
        };
        for target in &settings.targets {
            telemetry.add_target(target);
        }
        let listen = |error| StartError::Listen { address: settings.listen.clone(), error };
        let listener = Listener::bind(&settings.listen).await.map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        let app = Arc::new(App { telemetry, publisher, missing });
        Ok(Self { listener, address, app, refresher, settings })
    }

    /// The address that it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Refreshes and serves, until cancelled.
    pub async fn run(self, cancel: CancellationToken) {
        let Self { listener, address, app, refresher, settings } = self;
        info!(%address, targets = settings.targets.len(), "listening; metrics are at /metrics");
        if let Some(missing) = &app.missing {
            warn!("there will be no data: {missing}");
        }
        let mut refreshes = JoinSet::new();
        if let Some(refresher) = refresher {
            for target in settings.targets {
                refreshes.spawn(Arc::clone(&refresher).run(target, cancel.clone()));
            }
        }
        http::serve(listener, http::router(app), cancel).await;
        refreshes.shutdown().await;
        info!("stopped");
    }
}
