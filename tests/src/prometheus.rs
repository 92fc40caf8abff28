//! A real Prometheus server.

use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

use crate::database::{Database, free_address, new_directory, unpacked, write_config};

const RETENTION: &str = "--storage.tsdb.retention.time";

/// A version of Prometheus and its tools.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// The distribution's, which is on the `PATH`: 2.42 in Debian 12.
    Installed,
    /// 2.53.3, which `make test` unpacks.
    Later,
}

impl Version {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Installed, Self::Later];

    /// A command of its `promtool`.
    pub fn promtool(self) -> Command {
        Command::new(self.program("promtool"))
    }

    fn program(self, name: &str) -> PathBuf {
        match self {
            Self::Installed => PathBuf::from(name),
            Self::Later => unpacked(name),
        }
    }
}

/// How to start a server.
pub struct Prometheus {
    version: Version,
    config: Option<String>,
    flags: Vec<String>,
    directory: TempDir,
}

impl Prometheus {
    /// A server without a configuration, which keeps samples for a century unless a flag tells otherwise.
    pub fn new(version: Version) -> Self {
        let directory = new_directory();
        Self { version, config: None, flags: Vec::new(), directory }
    }

    /// Starts a server that scrapes `target` every second.
    pub fn start(target: &str) -> Database {
        let scrape = format!(
            "scrape_configs:\n- job_name: copilot\n  scrape_interval: 1s\n  static_configs:\n  - targets: ['{target}']\n"
        );
        Self::new(Version::Installed).config(&scrape).run()
    }

    /// Sets the configuration, instead of the file `prometheus.yml` in the directory. `SELF` stands for its
    /// own address.
    pub fn config(mut self, config: &str) -> Self {
        self.config = Some(config.to_owned());
        self
    }

    /// Sets the configuration: it scrapes itself and the daily samples of `target` every second, and accepts
    /// samples from within the window, such as `30d`.
    ///
    /// With an empty head, Prometheus takes samples of any age, so a server that doesn't scrape itself
    /// proves nothing.
    pub fn scraping_daily(self, target: &str, window: &str) -> Self {
        let scrape = daily_scrape(target);
        self.config(&format!(
            "storage: {{tsdb: {{out_of_order_time_window: {window}}}}}
scrape_configs:
- {{job_name: prometheus, scrape_interval: 1s, static_configs: [{{targets: [SELF]}}]}}
{scrape}"
        ))
    }

    /// Sets how long samples are kept, such as `2y`.
    pub fn retention(self, time: &str) -> Self {
        self.flag(&format!("{RETENTION}={time}"))
    }

    /// Accepts remote write at `/api/v1/write`.
    pub fn receiving(self) -> Self {
        self.flag("--web.enable-remote-write-receiver")
    }

    /// Adds a flag.
    pub fn flag(mut self, flag: &str) -> Self {
        self.flags.push(flag.to_owned());
        self
    }

    /// Sets its directory, which may contain blocks in the subdirectory `data`.
    pub fn directory(mut self, directory: TempDir) -> Self {
        self.directory = directory;
        self
    }

    /// Starts it.
    pub fn run(self) -> Database {
        let address = free_address();
        let path = self.directory.path().join("prometheus.yml");
        let config = self.config.or_else(|| std::fs::read_to_string(&path).ok());
        write_config(&path, config.as_deref().unwrap_or("global: {}\n"), address);
        let mut command = Command::new(self.version.program("prometheus"));
        command
            .arg(format!("--config.file={}", path.display()))
            .arg(format!("--storage.tsdb.path={}", self.directory.path().join("data").display()))
            .arg(format!("--web.listen-address={address}"));
        if !self.flags.iter().any(|flag| flag.starts_with(RETENTION)) {
            command.arg(format!("{RETENTION}=100y"));
        }
        command.args(self.flags);
        Database::start(command, address, "/-/ready", self.directory)
    }
}

/// The scrape job for `/metrics/daily`, in the format that VictoriaMetrics shares.
pub(crate) fn daily_scrape(target: &str) -> String {
    format!(
        "- job_name: github-copilot-daily
  scrape_interval: 1s
  metrics_path: /metrics/daily
  honor_timestamps: true
  static_configs: [{{targets: ['{target}']}}]
"
    )
}
