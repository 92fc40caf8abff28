use std::process::Command;

use copilot_metrics_tests::command::Serving;
use copilot_metrics_tests::config::Config;
use copilot_metrics_tests::github::{Options, StandIn, stand_in_with};
use copilot_metrics_tests::proxy::Proxy;

use tokio::net::{TcpSocket, TcpStream};

use crate::serving::{command, metrics};

const HOSTS: &[&str] = &["api.github.test", "copilot-reports.github.test"];

/// A stand-in for GitHub that can only be reached with TLS, through a proxy.
async fn behind_a_proxy() -> (StandIn, Proxy) {
    let seen_at = Some((format!("https://{}", HOSTS[0]), format!("https://{}", HOSTS[1])));
    let github = stand_in_with(Options { seen_at, ..Options::default() }).await;
    let api = github.api().socket_addrs(|| None).unwrap();
    let proxy = Proxy::start(HOSTS, vec![api[0], github.files()]).await;
    (github, proxy)
}

/// The exporter's command for such a stand-in.
fn proxied(github: &StandIn, proxy: &Proxy, config: &Config) -> Command {
    let mut command = command(github, "octodemo");
    command
        .env("CONFIG_FILE", config.path())
        .env("GITHUB_API_URL", "https://api.github.test")
        .env("HTTPS_PROXY", proxy.url());
    command
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_is_fetched_through_a_proxy_with_its_own_certificate_authority() {
    let (github, proxy) = behind_a_proxy().await;
    let config = Config::new("github: {ca_file: corporate.pem}");
    config.write("corporate.pem", proxy.authority());
    let serving = Serving::start(proxied(&github, &proxy, &config));
    serving.wait_for("refreshed");
    let exposition = metrics(&serving).await;
    assert_eq!(exposition.sum("copilot_exporter_up", ""), 1.0);
    assert_eq!(exposition.sum("github_copilot_seats", ""), 340.0);
    assert_eq!(exposition.sum("copilot_exporter_document_failures_total", ""), 0.0);
    for host in HOSTS {
        let requested = proxy.requested_hosts();
        assert!(requested.iter().any(|known| known == host), "{requested:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_authority_that_is_not_configured_is_not_trusted() {
    let (github, proxy) = behind_a_proxy().await;
    let config = Config::new("github: {retries: 0}");
    let serving = Serving::start(proxied(&github, &proxy, &config));
    let failed = serving.wait_for("refresh failed");
    assert!(failed.contains("certificate"), "{failed}");
    assert_eq!(github.requests().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn hosts_in_no_proxy_are_not_requested_through_the_proxy() {
    let (github, proxy) = behind_a_proxy().await;
    let config = Config::new("github: {retries: 0, connect_timeout: 5s}");
    let mut command = proxied(&github, &proxy, &config);
    command.env("NO_PROXY", "github.test");
    let serving = Serving::start(command);
    // The name only exists at the proxy, so the connection fails.
    serving.wait_for("refresh failed");
    assert!(proxy.requested_hosts().is_empty(), "{:?}", proxy.requested_hosts());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_accepts_no_connection_fails_after_the_connect_timeout() {
    // Its queue is full and is never emptied, so that the system drops further connections.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(([127, 0, 0, 1], 0).into()).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    let queue: Vec<_> = (0..8).map(|_| tokio::spawn(TcpStream::connect(address))).collect();
    let github = stand_in_with(Options::default()).await;
    let config = Config::new("github: {retries: 0, connect_timeout: 500ms, response_timeout: 1h}");
    let mut command = command(&github, "octodemo");
    command.env("CONFIG_FILE", config.path()).env("GITHUB_API_URL", format!("http://{address}"));
    let serving = Serving::start(command);
    // The other timeouts are too long to be the cause.
    let failed = serving.wait_for("refresh failed");
    assert!(failed.contains("no complete response"), "{failed}");
    drop(queue);
}
