use std::fs;
use std::time::{Duration, Instant};

use copilot_metrics_tests::authority::Authority;
use copilot_metrics_tests::command::{exporter, output};
use copilot_metrics_tests::config::Config;
use nix::sys::signal::{Signal, kill};
use nix::sys::stat::Mode;
use nix::unistd::{Pid, mkfifo};
use reqwest::StatusCode;

use super::{demo, https, trusting, users, with_tls};

/// The log's message if the web config can't be used.
const CANNOT_RELOAD: &str = "cannot reload the web settings";

#[tokio::test(flavor = "multi_thread")]
async fn certificates_and_passwords_change_without_a_restart() {
    let (web, authority) = with_tls("");
    let serving = demo(&web);
    let url = https(&serving, "/-/ready");
    assert_eq!(trusting(&authority, None).get(&url).send().await.unwrap().status(), 200);
    let other = Authority::new();
    let (certificate, key) = other.sign(&["localhost"], 30);
    web.write("server.key", &key);
    web.write("server.crt", &certificate);
    // Each client opens a new connection.
    while trusting(&other, None).get(&url).send().await.is_err() {
        tokio::task::yield_now().await;
    }
    // A file that is incomplete or invalid changes nothing.
    for yaml in ["", "tls_server_config: {cert_file: server.crt}", "tls_server_config: ["] {
        let number_of_errors = || serving.log().matches(CANNOT_RELOAD).count();
        let before = number_of_errors();
        web.write("config.yaml", yaml);
        while number_of_errors() == before {
            assert_eq!(trusting(&other, None).get(&url).send().await.unwrap().status(), 200);
        }
    }
    let yaml =
        format!("tls_server_config: {{cert_file: server.crt, key_file: server.key}}\n{}", users());
    web.write("config.yaml", &yaml);
    while trusting(&other, None).get(&url).send().await.unwrap().status() != 401 {
        tokio::task::yield_now().await;
    }
}

/// Replaces a file with a named pipe: to open it blocks until another process opens its other end.
fn replace_with_pipe(web: &Config, name: &str) {
    mkfifo(&web.file(".new"), Mode::S_IRUSR | Mode::S_IWUSR).unwrap();
    fs::rename(web.file(".new"), web.file(name)).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_file_that_would_block_affects_neither_scrapes_nor_the_shutdown() {
    let (web, authority) = with_tls("");
    let mut serving = demo(&web);
    let scrape = || async {
        // Each client opens a new connection.
        let request = trusting(&authority, None).get(https(&serving, "/metrics"));
        let response = request.timeout(Duration::from_secs(60)).send().await.unwrap();
        let status = response.status();
        // The connection ends with the response.
        response.bytes().await.unwrap();
        status
    };
    replace_with_pipe(&web, "server.crt");
    while !serving.log().contains(CANNOT_RELOAD) {
        assert_eq!(scrape().await, StatusCode::OK);
    }
    // Over several checks for changes. The problem is reported once.
    let started = Instant::now();
    while started.elapsed() < Duration::from_secs(2) {
        assert_eq!(scrape().await, StatusCode::OK);
    }
    assert_eq!(serving.log().matches(CANNOT_RELOAD).count(), 1);
    // Reading from the pipe would take forever.
    kill(Pid::from_raw(serving.id() as i32), Signal::SIGTERM).unwrap();
    assert_eq!(serving.wait().code(), Some(0));
}

#[test]
fn a_certificate_file_that_would_block_is_reported_at_the_start() {
    for subcommand in [None, Some("check-config")] {
        let (web, _) = with_tls("");
        replace_with_pipe(&web, "server.crt");
        let mut command = exporter();
        command.args(subcommand).args(["--demo", "--web.listen-address", "127.0.0.1:0"]);
        command.arg("--web.config.file").arg(web.path());
        let output = output(command);
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(64), "{error}");
        assert!(error.contains("server.crt: not a regular file"), "{error}");
    }
}
