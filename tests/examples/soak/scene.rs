//! The exporter, its stand-in for GitHub and its files.

use std::net::{IpAddr, SocketAddr};
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::{Duration, Instant};

use copilot_metrics_tests::command::{Serving, exporter};
use copilot_metrics_tests::config::Config;
use copilot_metrics_tests::exposition::Exposition;
use copilot_metrics_tests::github::{Options, StandIn, stand_in_with};
use copilot_metrics_tests::guests::Mappings;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;
use tokio::net::{TcpSocket, TcpStream};
use tokio_util::sync::CancellationToken;

use crate::scrapers;
use crate::tally::Tally;

/// The user of the web config, and the password.
pub const USER: &str = "prometheus";
pub const PASSWORD: &str = "soak password";
/// The targets of the config file. The first is always there.
pub const TARGETS: [&str; 3] =
    ["{organization: octodemo}", "{organization: octo-legacy}", "{enterprise: octo-enterprise}"];

/// Everything that the tasks share.
pub struct Scene {
    pub github: StandIn,
    pub mappings: Mappings,
    pub config: Config,
    /// The address of the exporter, and its process.
    pub address: SocketAddr,
    pub process: u32,
    pub tally: Tally,
    /// Cancelled at the end.
    pub stop: CancellationToken,
    _web: Config,
    cache: TempDir,
}

/// How the exporter ended.
pub struct End {
    /// Its exit status.
    pub status: ExitStatus,
    /// How long it took after SIGTERM.
    pub took: Duration,
    /// What it logged.
    pub log: String,
    /// The number of files in its cache directory.
    pub stored_files: usize,
    /// Its metrics when all clients were gone.
    pub metrics: Exposition,
    /// What it said about its targets then.
    pub ready: String,
}

impl Scene {
    /// Starts the exporter and waits until all targets have data.
    pub async fn start() -> (Self, Serving) {
        // GitHub's own limit would be used up within minutes, and nothing would be refreshed any more.
        let options = Options { is_unlimited: true, ..Options::default() };
        let (github, mappings) = (stand_in_with(options).await, Mappings::default());
        let hash = bcrypt::hash(PASSWORD, 6).unwrap_or_else(|error| panic!("{error}"));
        let web = Config::new(&format!("basic_auth_users: {{{USER}: \"{hash}\"}}"));
        let cache = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
        let config = Config::new(&yaml(&mappings, &TARGETS));
        let mut command = exporter();
        command
            .env("GHC_TOKEN", github.token())
            .env("GITHUB_API_URL", github.api().as_str())
            .env("CONFIG_FILE", config.path())
            .env("CACHE_DIR", cache.path())
            .arg("--web.config.file")
            .arg(web.path());
        let serving = Serving::start_with_own_log_level(command);
        // The first may be refreshed again before the last has data.
        serving.wait_for_all([
            " refreshed org=\"octodemo\"",
            " refreshed org=\"octo-legacy\"",
            " refreshed org=\"octo-enterprise\"",
        ]);
        let (tally, stop) = (Tally::default(), CancellationToken::new());
        let (address, process) = (serving.address(), serving.id());
        let scene =
            Self { github, mappings, config, address, process, tally, stop, _web: web, cache };
        (scene, serving)
    }

    /// Writes the config file with these targets.
    pub fn set_targets(&self, targets: &[&str]) {
        self.config.write("config.yaml", &yaml(&self.mappings, targets));
    }

    /// The URL of a path of the exporter.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// An HTTP client at an address of this machine.
    pub fn client_at(address: [u8; 4]) -> reqwest::ClientBuilder {
        reqwest::Client::builder().no_proxy().local_address(IpAddr::from(address))
    }

    /// A connection from an address of this machine.
    pub async fn connect_from(&self, address: [u8; 4]) -> std::io::Result<TcpStream> {
        let socket = TcpSocket::new_v4()?;
        socket.bind(SocketAddr::from((address, 0)))?;
        socket.connect(self.address).await
    }

    /// Waits, but not beyond the end. Returns whether it is not the end yet.
    pub async fn pause(&self, millis: usize) -> bool {
        let sleep = tokio::time::sleep(Duration::from_millis(millis as u64));
        self.stop.run_until_cancelled(sleep).await.is_some()
    }

    /// Asks the exporter for a path when nothing disturbs it any more.
    fn get(&self, path: &str) -> reqwest::RequestBuilder {
        let client = Self::client_at([127, 0, 0, 1]).build();
        client.unwrap_or_else(|error| panic!("{error}")).get(self.url(path))
    }

    async fn metrics(&self) -> Exposition {
        let text = scrapers::text(self.get("/metrics")).await;
        Exposition::parse(&text.unwrap_or_else(|error| panic!("{error}")))
    }

    /// The number of targets whose last refresh succeeded.
    pub async fn targets_up(&self) -> f64 {
        self.metrics().await.sum("copilot_exporter_up", "")
    }

    /// Ends the exporter with SIGTERM.
    pub async fn end(scene: Arc<Self>, mut serving: Serving) -> End {
        let scene = Arc::into_inner(scene).unwrap_or_else(|| panic!("a task is still running"));
        let metrics = scene.metrics().await;
        let ready = scene.get("/-/ready").send().await;
        let ready = ready.unwrap_or_else(|error| panic!("{error}")).text().await;
        let ready = ready.unwrap_or_else(|error| panic!("{error}"));
        let Self { github, cache, .. } = scene;
        let started = Instant::now();
        let id = Pid::from_raw(serving.id() as i32);
        kill(id, Signal::SIGTERM).unwrap_or_else(|error| panic!("{error}"));
        // The stand-in continues to answer.
        let waited = tokio::task::spawn_blocking(move || (serving.wait(), serving));
        let (status, serving) = waited.await.unwrap_or_else(|error| panic!("{error}"));
        drop(github);
        let stored_files = files(cache.path());
        End { status, took: started.elapsed(), log: serving.log(), stored_files, metrics, ready }
    }
}

/// The number of files below a directory.
fn files(directory: &std::path::Path) -> usize {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    entries.map(|entry| if entry.path().is_dir() { files(&entry.path()) } else { 1 }).sum()
}

fn yaml(mappings: &Mappings, targets: &[&str]) -> String {
    format!(
        "defaults: {{ttl: 1s, options: {{users: true}}}}
github: {{retries: 1, retry_delay: 50ms, response_timeout: 2s, request_timeout: 5s, max_document_mib: 8}}
mapping: {{dir: {}, run_time: 1s, memory_mib: 32, result_mib: 16, compile_time: 3s}}
targets: [{}]
",
        mappings.path().display(),
        targets.join(", ")
    )
}
