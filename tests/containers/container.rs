//! A running container.

use std::path::Path;
use std::time::{Duration, Instant};

use copilot_metrics_tests::command::client;
use copilot_metrics_tests::database::free_address;
use copilot_metrics_tests::github::StandIn;
use copilot_metrics_tests::transcript::record;

use crate::image::IMAGE;
use crate::podman::{done, output, podman};

/// The timeout of everything that tests wait for.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running container. It is removed when it is dropped.
pub struct Container {
    id: String,
    address: String,
    started: Instant,
}

impl Container {
    /// Runs the image with as few rights as possible: no capabilities, a read-only file system except for
    /// the cache, and limits for files and processes.
    pub fn run(github: &StandIn, cache: &Path, mappings: &Path) -> Self {
        let address = free_address().to_string();
        let started = Instant::now();
        let mut run = podman();
        run.args(["run", "--detach", "--net=host", "--read-only", "--cap-drop=ALL"])
            .args(["--security-opt=no-new-privileges"])
            .args(["--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024"])
            .arg(format!("--volume={}:/var/cache/copilot-metrics-exporter", cache.display()))
            .arg(format!(
                "--volume={}:/etc/copilot-metrics-exporter/mappings:ro",
                mappings.display()
            ))
            .args(["--env", &format!("GHC_TOKEN={}", github.token())])
            .args(["--env", "ORG=octodemo", "--env", &format!("GITHUB_API_URL={}", github.api())])
            .args(["--env", &format!("LISTEN_ADDRESS={address}")]);
        Self { id: done(run.arg(IMAGE)), address, started }
    }

    /// Waits until it serves data. Returns the time since it was started.
    pub async fn ready(&self) -> Duration {
        self.wait_for("/-/ready", |status, _| status == 200).await;
        self.started.elapsed()
    }

    /// Sends GET requests until a response satisfies a condition: the log of a container can't be awaited.
    pub async fn wait_for(&self, path: &str, is_satisfied: impl Fn(u16, &str) -> bool) -> String {
        let url = format!("http://{}{path}", self.address);
        let until = Instant::now() + PATIENCE;
        loop {
            if let Ok(response) = client().get(&url).send().await {
                let status = response.status().as_u16();
                let text = response.text().await.unwrap_or_default();
                if is_satisfied(status, &text) {
                    record(&text);
                    return text;
                }
            }
            assert!(
                Instant::now() < until,
                "{url} did not return the expected response: {}",
                self.log()
            );
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Waits until the image's health check succeeds.
    pub fn is_healthy(&self) {
        let until = Instant::now() + PATIENCE;
        // It gives up after three seconds, which a busy machine may need.
        while !output(podman().args(["healthcheck", "run", &self.id])).status.success() {
            assert!(Instant::now() < until, "it is not healthy: {}", self.log());
        }
    }

    /// A field of the output of `podman container inspect`.
    pub fn inspect(&self, field: &str) -> String {
        done(podman().args(["container", "inspect", "--format", field, &self.id]))
    }

    pub fn log(&self) -> String {
        let output = output(podman().args(["logs", &self.id]));
        let log = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        record(&log);
        log
    }

    /// Stops it as an orchestrator does. Returns its exit code.
    pub fn stop(&self) -> String {
        done(podman().args(["stop", "--time", "30", &self.id]));
        self.inspect("{{.State.ExitCode}}")
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        output(podman().args(["rm", "--force", &self.id]));
    }
}
