//! A real VictoriaMetrics server (single node).

use std::process::Command;

use crate::database::{Database, free_address, new_directory, unpacked, write_config};
use crate::prometheus::daily_scrape;

/// How to start a server.
#[derive(Default)]
pub struct VictoriaMetrics {
    flags: Vec<String>,
    scrape_config: Option<String>,
}

impl VictoriaMetrics {
    /// A server with flags such as `-retentionPeriod=2y` and `-dedup.minScrapeInterval=1ms`. It accepts
    /// remote write at `/api/v1/write`.
    pub fn new(flags: &[&str]) -> Self {
        let flags = flags.iter().map(|flag| (*flag).to_owned()).collect();
        Self { flags, ..Self::default() }
    }

    /// Lets it scrape the daily samples of `target` every second.
    pub fn scraping_daily(mut self, target: &str) -> Self {
        self.scrape_config = Some(format!("scrape_configs:\n{}", daily_scrape(target)));
        self
    }

    /// Starts it.
    pub fn run(self) -> Database {
        let directory = new_directory();
        let address = free_address();
        let mut command = Command::new(unpacked("victoria-metrics"));
        command
            .arg(format!("-storageDataPath={}", directory.path().join("data").display()))
            .arg(format!("-httpListenAddr={address}"))
            // Samples of the past that arrive after a query must be in the next answer.
            .arg("-search.disableCache")
            .arg("-search.latencyOffset=0s")
            .args(self.flags);
        if let Some(config) = self.scrape_config {
            let path = directory.path().join("scrape.yml");
            write_config(&path, &config, address);
            command.arg(format!("-promscrape.config={}", path.display()));
        }
        Database::start(command, address, "/health", directory)
    }
}
