use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use copilot_metrics_tests::command::{Serving, exporter};
use copilot_metrics_tests::github::stand_in;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::serving::{command, metrics};

/// More responses than the buffers between the exporter and a client hold.
const REQUESTS: usize = 100;
/// How long the exporter may take to stop on a busy machine.
const STOP_LIMIT: Duration = Duration::from_secs(60);
/// How often a test starts the exporter again if the machine was too slow to show anything.
const ATTEMPTS: usize = 10;

/// A client that requests the metrics repeatedly, and reads nothing.
fn stuck(serving: &Serving) -> TcpStream {
    let mut stream = TcpStream::connect(serving.address()).unwrap();
    let request = format!("GET /metrics HTTP/1.1\r\nhost: {}\r\n\r\n", serving.address());
    stream.write_all(request.repeat(REQUESTS).as_bytes()).unwrap();
    // The first response has been started.
    stream.peek(&mut [0]).unwrap();
    stream
}

fn stop(serving: &Serving) {
    kill(Pid::from_raw(serving.id() as i32), Signal::SIGTERM).unwrap();
}

/// SIGTERM ends the exporter, long before what it must not wait for would end.
pub async fn assert_stops(mut serving: Serving) {
    stop(&serving);
    let id = Pid::from_raw(serving.id() as i32);
    let ended = tokio::task::spawn_blocking(move || serving.wait());
    let Ok(status) = tokio::time::timeout(STOP_LIMIT, ended).await else {
        // The thread that waits for it ends with it.
        kill(id, Signal::SIGKILL).unwrap();
        panic!("it still runs {STOP_LIMIT:?} after SIGTERM")
    };
    assert!(status.unwrap().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scrape_that_is_running_at_sigterm_gets_its_complete_response() {
    let mut serving = Serving::demo();
    let mut stream = stuck(&serving);
    stop(&serving);
    // From here on, no connections are accepted, and the running response can be read to its end.
    serving.wait_for("stopping; waiting for running scrapes");
    let mut text = Vec::new();
    stream.read_to_end(&mut text).unwrap();
    let text = String::from_utf8(text).unwrap();
    let responses: Vec<&str> = text.split("HTTP/1.1 200 OK\r\n").skip(1).collect();
    assert!(!responses.is_empty() && responses.len() < REQUESTS, "{}", responses.len());
    for response in responses {
        let (head, body) = response.split_once("\r\n\r\n").unwrap();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
        assert_eq!(body.len(), length.parse::<usize>().unwrap());
    }
    assert!(serving.wait().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_reads_nothing_does_not_keep_the_exporter_from_stopping() {
    let serving = Serving::demo();
    let _stream = stuck(&serving);
    assert_stops(serving).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scrape_during_the_first_refresh_returns_the_first_data() {
    let github = stand_in().await;
    let cache = tempfile::tempdir().unwrap();
    let start = || {
        let mut command = command(&github, "octodemo");
        command.env("CACHE_DIR", cache.path());
        Serving::start(command)
    };
    // What is measured is the refresh, not how long the default mapping compiles on a busy machine.
    let before = start();
    before.wait_for("refreshed");
    before.kill();
    let mut found = Vec::new();
    for _ in 0..ATTEMPTS {
        fs::remove_dir_all(cache.path().join("documents")).ok();
        // The test does not wait for the refresh: the scrape does, but not for long.
        let serving = start();
        let interactions = metrics(&serving).await.sum("github_copilot_interactions", "");
        if interactions == 2180.0 {
            return;
        }
        found.push(interactions);
        serving.kill();
    }
    panic!("no scrape had the first data: {found:?}")
}

#[test]
fn a_refresh_of_a_target_is_one_line_of_the_log_as_text_or_json() {
    for format in ["text", "json"] {
        let mut command = exporter();
        // With the default TTL, nothing is due again during the test.
        command.args(["--demo", "--log.format", format]).env("LOG_LEVEL", "info");
        let serving = Serving::start_with_own_log_level(command);
        for _ in 0..3 {
            serving.wait_for("refreshed");
        }
        let log = serving.log();
        for target in ["octodemo", "octo-legacy", "octo-enterprise"] {
            let of_target = |line: &&str| line.contains(&format!("\"{target}\""));
            let refreshed = log.lines().filter(|line| line.contains("refreshed"));
            assert_eq!(refreshed.filter(of_target).count(), 1, "{log}");
        }
        if format == "json" {
            for line in log.lines() {
                let line: serde_json::Value = serde_json::from_str(line).unwrap();
                assert!(line["level"].is_string() && line["message"].is_string(), "{line}");
                if line["message"] == "refreshed" {
                    assert!(line["org"].is_string() && line["scope"].is_string(), "{line}");
                    assert!(line.get("left_out").is_none(), "{line}");
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_stops_the_exporter() {
    let mut serving = Serving::demo();
    kill(Pid::from_raw(serving.id() as i32), Signal::SIGTERM).unwrap();
    serving.wait_for("stopped");
    assert!(serving.wait().success());
}

/// Whether a process handles a signal itself: the mask of `SigCgt` has its bit.
fn handles(id: u32, signal: Signal) -> bool {
    let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    mask & (1 << (signal as u64 - 1)) != 0
}

#[test]
fn sigterm_during_the_start_ends_with_exit_code_0() {
    let configured = |command: &mut Command| {
        // Nothing answers there.
        command.env("GHC_TOKEN", "ghp_0123456789").env("ORG", "octo-org");
        command.env("GITHUB_API_URL", "http://127.0.0.1:1");
    };
    let demo = |command: &mut Command| _ = command.arg("--demo");
    for set in [&configured as &dyn Fn(&mut Command), &demo] {
        let mut command = exporter();
        set(&mut command);
        command.args(["--web.listen-address", "127.0.0.1:0"]).stderr(Stdio::null());
        let started = Instant::now();
        let mut child = command.spawn().unwrap();
        while !handles(child.id(), Signal::SIGTERM) {
            assert!(child.try_wait().unwrap().is_none() && started.elapsed().as_secs() < 180);
            std::thread::yield_now();
        }
        kill(Pid::from_raw(child.id() as i32), Signal::SIGTERM).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(0));
    }
}
