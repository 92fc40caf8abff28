//! The size of the page and the time to render it, with many targets.

use std::time::{Duration, Instant};

use copilot_metrics_tests::command::{Serving, client};
use copilot_metrics_tests::organizations::Organizations;
use tokio::runtime::Runtime;

use crate::process;
use crate::targets::{config_of, exporter_of, refreshed};

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
    let github = runtime.block_on(Organizations::start_unlimited()).unwrap();
    let config = config_of(TARGETS);
    let command = exporter_of(&config, &github);
    let serving = Serving::start_with_own_log_level(command);
    runtime.block_on(refreshed(&serving, TARGETS));
    runtime.block_on(complete(&serving.url("/")));
    let cpu = process::cpu_seconds(serving.id());
    let (bytes, mut times) = runtime.block_on(load(&serving.url("/")));
    let cpu = (process::cpu_seconds(serving.id()) - cpu) / REQUESTS as f64;
    times.sort();
    let milliseconds = |time: Duration| time.as_secs_f64() * 1e3;
    println!(
        "page of {TARGETS} targets: {} kB (at most {}), {:.1} ms in the median (at most {:.0}), {:.1} ms of CPU",
        bytes / 1000,
        MAX_BYTES / 1000,
        milliseconds(times[times.len() / 2]),
        milliseconds(MAX_TIME),
        cpu * 1e3,
    );
}

/// Returns once everything is on the page.
async fn complete(url: &str) {
    let client = client();
    loop {
        let html = client.get(url).send().await.unwrap().text().await.unwrap();
        if !["being drawn", "being computed"].iter().any(|text| html.contains(text)) {
            return;
        }
        tokio::time::sleep(INTERVAL).await;
    }
}

/// Loads the page: its size and the times.
async fn load(url: &str) -> (usize, Vec<Duration>) {
    let client = client();
    let (mut bytes, mut times) = (0, Vec::new());
    for _ in 0..REQUESTS {
        let started = Instant::now();
        let html = client.get(url).send().await.unwrap().text().await.unwrap();
        times.push(started.elapsed());
        bytes = html.len();
    }
    (bytes, times)
}
