//! CPU time and memory use by the number of targets: from the start of the process until the samples of
//! all of them are served.

use std::process::Command;
use std::time::{Duration, Instant};

use copilot_metrics_tests::command::{Serving, client, exporter};
use copilot_metrics_tests::config::Config;
use copilot_metrics_tests::exposition::Exposition;
use copilot_metrics_tests::organizations::Organizations;
use tokio::runtime::Runtime;

use crate::process::{self, Memory};

/// The numbers of targets. The first and the last are compared.
const TARGETS: [usize; 3] = [10, 50, 200];
/// The memory that may be used in addition to a multiple of the exposition.
const BASE_BYTES: usize = 40_000_000;
/// The multiple.
const EXPOSITIONS: usize = 3;
/// The time between two scrapes: they are not what is measured.
const SCRAPE_INTERVAL: Duration = Duration::from_millis(500);

/// The time between two looks at how many are refreshed.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// What a number of targets costs.
pub struct Cost {
    pub targets: usize,
    /// From the start of the process until everything is served.
    pub cpu_seconds: f64,
    pub memory: Memory,
    pub exposition_bytes: usize,
    /// From the start until the first target is served, and all of them.
    pub first: Duration,
    pub all: Duration,
}

impl Cost {
    /// The memory that may be resident.
    pub fn most_resident(&self) -> usize {
        EXPOSITIONS * self.exposition_bytes + BASE_BYTES
    }
}

pub fn measure() {
    let costs = TARGETS.map(|targets| cost_of(targets, |_| {}));
    for cost in &costs {
        let Cost { targets, cpu_seconds, memory, exposition_bytes, .. } = cost;
        let megabytes = |bytes: u64| bytes / 1_000_000;
        println!(
            "{targets} targets, {:.1} MB of metrics: {cpu_seconds:.2} s of CPU ({:.0} ms per target), {} MB resident (at most {}), peak {} MB",
            *exposition_bytes as f64 / 1e6,
            cpu_seconds / *targets as f64 * 1e3,
            megabytes(memory.resident),
            cost.most_resident() / 1_000_000,
            megabytes(memory.peak),
        );
    }
    for pair in costs.windows(2) {
        if let [few, many] = pair {
            let added = (many.targets - few.targets) as f64;
            println!(
                "each target from {} to {}: {:.0} ms of CPU",
                few.targets,
                many.targets,
                (many.cpu_seconds - few.cpu_seconds) / added * 1e3
            );
        }
    }
    let [few, .., many] = &costs;
    let factor = many.targets / few.targets;
    println!(
        "CPU of {} targets / {factor} times the CPU of {}: {:.2} (linear: at most 1)",
        many.targets,
        few.targets,
        many.cpu_seconds / few.cpu_seconds / factor as f64
    );
}

/// A config file with a number of targets. Each has about 0.2 MB of metrics.
pub fn config_of(targets: usize) -> Config {
    let sections = (0..targets).map(|number| format!("  - organization: org-{number:03}\n"));
    Config::new(&format!("targets:\n{}", sections.collect::<String>()))
}

/// An exporter of the targets of a config file.
pub fn exporter_of(config: &Config, github: &Organizations) -> Command {
    let mut command = exporter();
    command
        .env("CONFIG_FILE", config.path())
        .env("GITHUB_API_URL", &github.api)
        .env("GHC_TOKEN", &github.token);
    command
}

/// Starts an exporter of a number of targets, with further settings, and measures until all are served.
pub fn cost_of(targets: usize, set: impl FnOnce(&mut Command)) -> Cost {
    let runtime = Runtime::new().unwrap();
    let github = runtime.block_on(Organizations::start_unlimited()).unwrap();
    let config = config_of(targets);
    let mut command = exporter_of(&config, &github);
    set(&mut command);
    let started = Instant::now();
    let serving = Serving::start_with_own_log_level(command);
    let first = runtime.block_on(refreshed(&serving, 1)) - started;
    runtime.block_on(refreshed(&serving, targets));
    let exposition_bytes = runtime.block_on(complete_exposition(&serving.url("/metrics")));
    Cost {
        targets,
        cpu_seconds: process::cpu_seconds(serving.id()),
        memory: process::memory(serving.id()).unwrap(),
        exposition_bytes,
        first,
        all: started.elapsed(),
    }
}

/// Returns once that many targets have been refreshed. The log does not name all of many targets.
pub async fn refreshed(serving: &Serving, targets: usize) -> Instant {
    loop {
        let own = serving.get("/metrics/self").await.1;
        if Exposition::parse(&own).sum("copilot_exporter_up", "") >= targets as f64 {
            return Instant::now();
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

/// Scrapes until the published samples are all served, and returns the size of the exposition.
async fn complete_exposition(url: &str) -> usize {
    let client = client();
    loop {
        let text = client.get(url).send().await.unwrap().text().await.unwrap();
        let exposition = Exposition::parse(&text);
        let published = exposition.sum("copilot_exporter_series", "");
        let is_own = |line: &&str| {
            ["#", "copilot_exporter_", "process_"].iter().any(|prefix| line.starts_with(prefix))
        };
        if text.lines().filter(|line| !is_own(line)).count() as f64 >= published {
            return text.len();
        }
        tokio::time::sleep(SCRAPE_INTERVAL).await;
    }
}
