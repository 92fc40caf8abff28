//! The size of the page and the time to render it, with many targets.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use copilot_metrics_tests::command::{Serving, client, exporter};
use copilot_metrics_tests::config::Config;
use tokio::runtime::Runtime;

use crate::github::Github;

const TARGETS: usize = 500;
/// The number of requests that are measured.
const REQUESTS: usize = 50;
/// The largest page, in bytes, and the longest time.
const MAX_BYTES: usize = 200_000;
const MAX_TIME: Duration = Duration::from_millis(100);
/// The time between two looks at whether everything is on the page.
const INTERVAL: Duration = Duration::from_millis(500);

pub fn measure() {
    let runtime = Runtime::new().unwrap();
    let github = runtime.block_on(Github::start()).unwrap();
    let sections = (0..TARGETS).map(|number| format!("  - organization: org-{number:03}\n"));
    let config = Config::new(&format!("targets:\n{}", sections.collect::<String>()));
    let mut command = exporter();
    command
        .env("CONFIG_FILE", config.path())
        .env("GITHUB_API_URL", &github.api)
        .env("GHC_TOKEN", &github.token);
    let serving = Serving::start_with_own_log_level(command);
    let mut refreshed = HashSet::new();
    while refreshed.len() < TARGETS {
        let line = serving.wait_for("refreshed org=");
        let name = line.split("org=\"").nth(1).and_then(|rest| rest.split('"').next());
        refreshed.insert(name.unwrap_or_default().to_owned());
    }
    let (bytes, mut times) = runtime.block_on(load(&serving.url("/")));
    times.sort();
    let milliseconds = |time: Duration| time.as_secs_f64() * 1e3;
    println!(
        "page of {TARGETS} targets: {} kB (at most {}), {:.1} ms in the median, {:.1} ms at most (at most {:.0})",
        bytes / 1000,
        MAX_BYTES / 1000,
        milliseconds(times[times.len() / 2]),
        milliseconds(times[times.len() - 1]),
        milliseconds(MAX_TIME),
    );
}

/// Loads the page once everything is on it: its size and the times.
async fn load(url: &str) -> (usize, Vec<Duration>) {
    let client = client();
    let load = async || client.get(url).send().await.unwrap().text().await.unwrap();
    loop {
        let html = load().await;
        if !["being drawn", "being computed"].iter().any(|text| html.contains(text)) {
            break;
        }
        tokio::time::sleep(INTERVAL).await;
    }
    let (mut bytes, mut times) = (0, Vec::new());
    for _ in 0..REQUESTS {
        let started = Instant::now();
        let html = load().await;
        times.push(started.elapsed());
        bytes = html.len();
    }
    (bytes, times)
}
