//! A real time series database with Prometheus' HTTP API: what [Prometheus](crate::prometheus) and
//! [VictoriaMetrics](crate::victoria_metrics) share.

use std::fs::{self, File};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;
use tempfile::TempDir;

use crate::command::client;
use crate::fixtures::root;

/// How often a request is repeated, and the pause between: the servers have no event to wait for.
const PATIENCE: usize = 600;
const PAUSE: Duration = Duration::from_millis(100);

/// A program that `make test` unpacks.
pub(crate) fn unpacked(program: &str) -> PathBuf {
    let path = root().join("target/tools/servers/usr/bin").join(program);
    assert!(path.exists(), "{} is needed: `make setup` installs it", path.display());
    path
}

/// A free address: the servers can't choose one and report it. Its port is below the
/// system's ephemeral ports, so that no other socket gets it before the server starts.
pub fn free_address() -> SocketAddr {
    const PORTS: std::ops::Range<u16> = 20_000..32_000;
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Tests of another process begin elsewhere.
    let first = (std::process::id() % 120) as u16 * 100;
    for _ in PORTS {
        let next = NEXT.fetch_add(1, Ordering::Relaxed);
        let port = PORTS.start + (first.wrapping_add(next)) % (PORTS.end - PORTS.start);
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        if TcpListener::bind(address).is_ok() {
            return address;
        }
    }
    panic!("no port is free");
}

/// A new directory for a database.
pub(crate) fn new_directory() -> TempDir {
    tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"))
}

/// Writes the configuration of a server into its directory. `SELF` stands for its own address.
pub(crate) fn write_config(path: &Path, config: &str, address: SocketAddr) {
    let config = config.replace("SELF", &address.to_string());
    fs::write(path, config).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}

/// The samples of a series, oldest first.
#[derive(Debug, Clone)]
pub struct Series {
    /// Its labels, including `__name__`, as an object.
    pub labels: Value,
    /// The timestamps, in milliseconds since 1970, and the values.
    pub samples: Vec<(i64, f64)>,
}

impl Series {
    fn parse(series: &Value) -> Self {
        let sample = |pair: &Value| {
            let seconds = pair[0].as_f64()?;
            let value = pair[1].as_str()?.parse().ok()?;
            Some(((seconds * 1000.0).round() as i64, value))
        };
        let samples = series["values"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|pair| sample(pair).unwrap_or_else(|| panic!("not a sample: {pair}")));
        Self { labels: series["metric"].clone(), samples: samples.collect() }
    }
}

/// A running server over a directory of its own. It is stopped when it is dropped.
pub struct Database {
    command: Command,
    child: Child,
    address: SocketAddr,
    ready_path: &'static str,
    directory: TempDir,
}

impl Database {
    /// Runs a command that serves `address`. It answers 200 at `ready_path` once it is ready.
    pub(crate) fn start(
        mut command: Command,
        address: SocketAddr,
        ready_path: &'static str,
        directory: TempDir,
    ) -> Self {
        let child = spawn(&mut command, directory.path());
        Self { command, child, address, ready_path, directory }
    }

    /// Kills the server, as a crash does: what it has not yet written is lost.
    pub fn kill(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }

    /// Starts the server again after [`Self::kill`], over the same data and at the same address.
    pub async fn start_again(&mut self) {
        self.kill();
        self.child = spawn(&mut self.command, self.directory.path());
        self.ready().await;
    }

    /// The server's log since its first start.
    pub fn log(&self) -> String {
        fs::read_to_string(log_file(self.directory.path())).unwrap_or_default()
    }

    /// The URL of a path, such as `/api/v1/write`.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Waits until the server is ready to answer queries.
    pub async fn ready(&self) {
        for _ in 0..PATIENCE {
            let answer = client().get(self.url(self.ready_path)).send().await;
            if answer.is_ok_and(|answer| answer.status().is_success()) {
                return;
            }
            tokio::time::sleep(PAUSE).await;
        }
        panic!("{} is not ready:\n{}", self.address, self.log());
    }

    /// The result of a query; `None` while the server is starting. It panics if the query is invalid.
    pub async fn query(&self, query: &str) -> Option<Vec<Value>> {
        self.send("query", &[("query", query)]).await
    }

    /// The result of a query at a time (RFC 3339), as soon as the server has started.
    pub async fn query_at(&self, query: &str, time: &str) -> Vec<Value> {
        self.answer("query", &[("query", query), ("time", time)]).await
    }

    /// What a dashboard draws: the result of a query at `start` and each `step` (such as `1d`) until
    /// `end`, inclusive.
    pub async fn query_range(
        &self,
        query: &str,
        start: Timestamp,
        end: Timestamp,
        step: &str,
    ) -> Vec<Series> {
        let (start, end) = (start.to_string(), end.to_string());
        let range = [("query", query), ("start", &start), ("end", &end), ("step", step)];
        self.answer("query_range", &range).await.iter().map(Series::parse).collect()
    }

    /// The stored samples of a selector between two times, inclusive.
    pub async fn samples(&self, selector: &str, start: Timestamp, end: Timestamp) -> Vec<Series> {
        // Some servers leave the start of a range out.
        let first = start.as_millisecond();
        let length = end.as_millisecond() - first + 1;
        let query = format!("{selector}[{length}ms]");
        let result = self.answer("query", &[("query", &query), ("time", &end.to_string())]).await;
        let mut all: Vec<Series> = result.iter().map(Series::parse).collect();
        for series in &mut all {
            series.samples.retain(|(time, _)| *time >= first);
        }
        all
    }

    /// The number of stored samples of a selector between two times, inclusive.
    pub async fn count(&self, selector: &str, start: Timestamp, end: Timestamp) -> usize {
        let all = self.samples(selector, start, end).await;
        all.iter().map(|series| series.samples.len()).sum()
    }

    /// Waits until a selector has exactly this number of stored samples between two times, inclusive.
    pub async fn has_count(&self, selector: &str, start: Timestamp, end: Timestamp, count: usize) {
        let mut last = 0;
        for _ in 0..PATIENCE {
            last = self.count(selector, start, end).await;
            if last == count {
                return;
            }
            tokio::time::sleep(PAUSE).await;
        }
        panic!("{last} samples of {selector} instead of {count}:\n{}", self.log());
    }

    /// Repeats a query until it has exactly one result, and returns its value.
    pub async fn value(&self, query: &str) -> String {
        for _ in 0..PATIENCE {
            if let Some(result) = self.query(query).await
                && let [only] = result.as_slice()
            {
                return only["value"][1].as_str().unwrap_or_default().to_owned();
            }
            tokio::time::sleep(PAUSE).await;
        }
        panic!("no result for {query}");
    }

    /// Repeats a query until one of its results is a number.
    pub async fn has_data(&self, query: &str) -> Vec<Value> {
        for _ in 0..PATIENCE {
            let result = self.query(query).await.unwrap_or_default();
            let is_number = |of: &Value| of["value"][1].as_str().is_some_and(|text| text != "NaN");
            if result.iter().any(is_number) {
                return result;
            }
            tokio::time::sleep(PAUSE).await;
        }
        panic!("no data for {query}");
    }

    /// Repeats a query over a range, as [`Self::query_range`], until one of its results is a number.
    pub async fn has_range_data(
        &self,
        query: &str,
        start: Timestamp,
        end: Timestamp,
        step: &str,
    ) -> Vec<Series> {
        for _ in 0..PATIENCE {
            let result = self.query_range(query, start, end, step).await;
            let mut samples = result.iter().flat_map(|series| &series.samples);
            if samples.any(|(_, value)| !value.is_nan()) {
                return result;
            }
            tokio::time::sleep(PAUSE).await;
        }
        panic!("no data for {query} from {start} to {end}");
    }

    /// The result of an endpoint, as soon as the server has started.
    async fn answer(&self, endpoint: &str, parameters: &[(&str, &str)]) -> Vec<Value> {
        for _ in 0..PATIENCE {
            if let Some(result) = self.send(endpoint, parameters).await {
                return result;
            }
            tokio::time::sleep(PAUSE).await;
        }
        panic!("no answer to {parameters:?}:\n{}", self.log());
    }

    async fn send(&self, endpoint: &str, parameters: &[(&str, &str)]) -> Option<Vec<Value>> {
        let request = client().get(self.url(&format!("/api/v1/{endpoint}"))).query(parameters);
        let response = request.send().await.ok()?;
        let status = response.status().as_u16();
        let text = response.text().await.ok()?;
        // Prometheus answers 400 to invalid queries and 422 to those that fail, VictoriaMetrics always 422.
        assert!(status != 400 && status != 422, "{parameters:?}: {text}");
        let answer: Value = serde_json::from_str(&text).ok()?;
        Some(answer["data"]["result"].as_array()?.clone())
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        self.kill();
    }
}

fn log_file(directory: &Path) -> PathBuf {
    directory.join("server.log")
}

fn spawn(command: &mut Command, directory: &Path) -> Child {
    let log = File::options().create(true).append(true).open(log_file(directory));
    let log = log.unwrap_or_else(|error| panic!("{error}"));
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn();
    child.unwrap_or_else(|error| panic!("{command:?}: {error}: `make test` installs it"))
}
