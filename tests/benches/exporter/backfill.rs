//! How long it takes to write a year of days from the store: to Prometheus, compared with a bare client that
//! sends the same requests, and to a file, compared with what promtool takes to make blocks of it.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use copilot_metrics_tests::command::exporter;
use copilot_metrics_tests::database::Database;
use copilot_metrics_tests::organizations::Organizations;
use copilot_metrics_tests::prometheus::{Prometheus, Version};
use copilot_metrics_tests::receiver::{Received, Receiver, Reply};
use tokio::runtime::Runtime;

use crate::process;

/// How often everything is measured; the fastest run counts.
const ROUNDS: usize = 3;
/// The most memory that the command may take.
const MOST_MEGABYTES: u64 = 60;

pub fn measure() {
    let (runtime, directory) = (Runtime::new().unwrap(), tempfile::tempdir().unwrap());
    let github = runtime.block_on(Organizations::start()).unwrap();
    let run = |arguments: &[&str]| {
        let mut command = exporter();
        command
            .env("ORG", "octodemo")
            .env("GITHUB_API_URL", &github.api)
            .env("GHC_TOKEN", &github.token)
            .env("CACHE_DIR", directory.path().join("cache"))
            .env("LOG_LEVEL", "error")
            .args(["backfill", "--since", "365d"])
            .args(arguments);
        timed(command)
    };
    let file = directory.path().join("history.om");
    let to_file = ["--to", file.to_str().unwrap()];
    // From here on, everything is in the store.
    run(&to_file);
    let text = fs::read_to_string(&file).unwrap();
    let samples = text.lines().filter(|line| !line.starts_with('#')).count();
    let series = |line: &str| line.rsplitn(3, ' ').last().map(str::to_owned);
    let mut all: Vec<_> =
        text.lines().filter(|line| !line.starts_with('#')).filter_map(series).collect();
    all.dedup();
    println!("a year of one organization: {samples} samples of {} series", all.len());
    let requests = runtime.block_on(recorded(directory.path(), &run));
    let [mut to_prometheus, mut replayed, mut to_om, mut blocks] = [Duration::MAX; 4];
    let mut memory = 0;
    for round in 0..ROUNDS {
        let (took, peak) = run(&to_file);
        (to_om, memory) = (to_om.min(took), memory.max(peak));
        blocks = blocks.min(make_blocks(&file, &directory.path().join(format!("blocks-{round}"))));
        let prometheus = runtime.block_on(self::prometheus());
        let config = config_for(directory.path(), &prometheus.url("/api/v1/write"));
        let (took, peak) = run(&["--config", &config]);
        (to_prometheus, memory) = (to_prometheus.min(took), memory.max(peak));
        drop(prometheus);
        let prometheus = runtime.block_on(self::prometheus());
        replayed = replayed.min(runtime.block_on(replay(&prometheus, &requests)));
    }
    let seconds = |duration: Duration| duration.as_secs_f64();
    println!(
        "backfill to Prometheus: {:.1} s; a bare client with the same {} requests: {:.1} s; ratio {:.2} (at least 0.8)",
        seconds(to_prometheus),
        requests.len(),
        seconds(replayed),
        seconds(replayed) / seconds(to_prometheus)
    );
    println!(
        "backfill to Prometheus / promtool's blocks: {:.2} (at most 1); backfill to a file: {:.1} s; promtool: {:.1} s; ratio {:.2} (at most 1)",
        seconds(to_prometheus) / seconds(blocks),
        seconds(to_om),
        seconds(blocks),
        seconds(to_om) / seconds(blocks)
    );
    println!("peak memory of backfill: {} MB (at most {MOST_MEGABYTES})", memory / 1_000_000);
}

/// Runs a command. Returns how long it took, and its peak memory.
fn timed(mut command: Command) -> (Duration, u64) {
    let started = Instant::now();
    let mut child = command.spawn().unwrap();
    let mut peak = 0;
    let status = loop {
        if let Some(memory) = process::memory(child.id()) {
            peak = peak.max(memory.peak);
        }
        match child.try_wait().unwrap() {
            Some(status) => break status,
            None => std::thread::sleep(Duration::from_millis(10)),
        }
    };
    assert!(status.success());
    (started.elapsed(), peak)
}

/// Prometheus that scrapes itself and accepts samples of a year.
async fn prometheus() -> Database {
    let config = "storage: {tsdb: {out_of_order_time_window: 400d}}
scrape_configs: [{job_name: self, scrape_interval: 1s, static_configs: [{targets: [SELF]}]}]
";
    let database = Prometheus::new(Version::Later).config(config).receiving().run();
    database.value("up{job=\"self\"}").await;
    database
}

/// A config file with an endpoint.
fn config_for(directory: &Path, url: &str) -> String {
    let path = directory.join("config.yaml");
    fs::write(&path, format!("remote_write: [{{url: '{url}'}}]\n")).unwrap();
    path.display().to_string()
}

/// The requests of a run.
async fn recorded(directory: &Path, run: &impl Fn(&[&str]) -> (Duration, u64)) -> Vec<Received> {
    let receiver = Receiver::start(std::iter::repeat_n(Reply::new(204, ""), 10_000)).await;
    let config = config_for(directory, &receiver.url("/api/v1/write"));
    // The receiver answers on the other threads.
    tokio::task::block_in_place(|| run(&["--config", &config]));
    receiver.received()
}

/// Sends requests one after the other, as they were recorded.
async fn replay(prometheus: &Database, requests: &[Received]) -> Duration {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let url = prometheus.url("/api/v1/write");
    let started = Instant::now();
    for request in requests {
        let sent = client.post(&url).headers(headers(request)).body(request.body.clone());
        assert!(sent.send().await.unwrap().status().is_success());
    }
    started.elapsed()
}

/// The headers that belong to the content.
fn headers(request: &Received) -> reqwest::header::HeaderMap {
    let mut headers = request.headers.clone();
    for name in ["host", "content-length"] {
        headers.remove(name);
    }
    headers
}

/// Has promtool make blocks of a file.
fn make_blocks(file: &Path, blocks: &Path) -> Duration {
    let started = Instant::now();
    let made = Version::Later
        .promtool()
        .args(["tsdb", "create-blocks-from", "openmetrics", "--max-block-duration=744h"])
        .args([file, blocks])
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    started.elapsed()
}
