use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use copilot_metrics_tests::command::{Serving, client, exporter};
use nix::sys::resource::{Resource, getrlimit, setrlimit};

use crate::serving::metrics;

#[tokio::test(flavor = "multi_thread")]
async fn the_exporter_listens_on_several_addresses() {
    let mut command = exporter();
    command.args(["--demo", "--web.listen-address", "127.0.0.1:0"]);
    let serving = Serving::start(command);
    let line = serving.wait_for("listening");
    let (_, rest) = line.split_once("address=127.0.0.1:").unwrap();
    let port = rest.split(' ').next().unwrap();
    assert_ne!(serving.address().port().to_string(), port);
    let other = format!("http://127.0.0.1:{port}/-/healthy");
    assert_eq!(client().get(other).send().await.unwrap().status(), 200);
    assert_eq!(serving.get("/-/healthy").await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn head_returns_no_body_and_clients_that_do_not_ask_for_openmetrics_get_the_text_format() {
    let serving = Serving::demo();
    let head = client().head(serving.url("/metrics")).send().await.unwrap();
    assert_eq!(head.status(), 200);
    let length: usize = head.headers()["content-length"].to_str().unwrap().parse().unwrap();
    assert!(length > 100_000);
    assert!(head.bytes().await.unwrap().is_empty());
    for accept in ["application/openmetrics-text; version=0.0.1", "text/html", "*/*"] {
        let get = client().get(serving.url("/metrics")).header("accept", accept).send().await;
        let get = get.unwrap();
        assert_eq!(get.headers()["content-type"], "text/plain; version=0.0.4; charset=utf-8");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_idle_connections_do_not_prevent_scrapes() {
    const CONNECTIONS: usize = 10_000;
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    let wanted = CONNECTIONS as u64 + 1000;
    setrlimit(Resource::RLIMIT_NOFILE, wanted.max(soft).min(hard), hard).unwrap();
    let serving = Serving::demo();
    let mut open = Vec::new();
    for number in 0..CONNECTIONS {
        open.push(TcpStream::connect(serving.address()).unwrap());
        if number % 500 == 0 {
            // On a new connection.
            let scrape = client().get(serving.url("/metrics")).timeout(Duration::from_secs(60));
            assert_eq!(scrape.send().await.unwrap().status(), 200);
        }
    }
    let exposition = metrics(&serving).await;
    assert!(exposition.value("process_open_fds") < 700.0);
    assert!(exposition.sum("github_copilot_seats", "\"octodemo\"") > 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_header_of_a_megabyte_is_rejected() {
    let serving = Serving::demo();
    let mut stream = TcpStream::connect(serving.address()).unwrap();
    let head = format!("GET /metrics HTTP/1.1\r\nhost: a\r\nx: {}\r\n\r\n", "x".repeat(1 << 20));
    // The exporter may close the connection before it has read everything.
    stream.write_all(head.as_bytes()).ok();
    let mut response = String::new();
    stream.read_to_string(&mut response).ok();
    assert!(response.is_empty() || response.starts_with("HTTP/1.1 431 "), "{response}");
    assert_eq!(serving.get("/metrics").await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_stops_reading_is_disconnected() {
    let serving = Serving::demo();
    let before = metrics(&serving).await.value("process_open_fds");
    let mut stream = TcpStream::connect(serving.address()).unwrap();
    // More responses than the system buffers; the client reads none of them.
    let request = "GET /metrics HTTP/1.1\r\nhost: a\r\n\r\n";
    stream.write_all(request.repeat(100).as_bytes()).unwrap();
    let started = Instant::now();
    while metrics(&serving).await.value("process_open_fds") > before + 1.0 {
        assert!(started.elapsed() < Duration::from_secs(60), "it is still connected");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// A client whose requests come from another address of this machine.
fn from_another_address() -> reqwest::Client {
    let address = std::net::IpAddr::from([127, 0, 0, 2]);
    let client = reqwest::Client::builder().no_proxy().no_gzip().local_address(address);
    client.timeout(Duration::from_secs(60)).build().unwrap()
}

/// Asks `/-/healthy` ten times a second over one connection, and over a new one when that is closed.
async fn keep_busy(address: std::net::SocketAddr) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    let request = format!("GET /-/healthy HTTP/1.1\r\nhost: {address}\r\n\r\n");
    let mut buffer = [0; 4096];
    loop {
        if let Ok(mut stream) = tokio::net::TcpStream::connect(address).await {
            while stream.write_all(request.as_bytes()).await.is_ok()
                && stream.read(&mut buffer).await.is_ok_and(|read| read > 0)
            {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_thousand_busy_connections_do_not_keep_out_a_scrape_from_another_address() {
    let serving = Serving::demo();
    let mut busy = tokio::task::JoinSet::new();
    for _ in 0..2000 {
        busy.spawn(keep_busy(serving.address()));
    }
    for _ in 0..10 {
        tokio::time::sleep(Duration::from_millis(200)).await;
        let scrape = from_another_address().get(serving.url("/metrics")).send().await.unwrap();
        assert_eq!(scrape.status(), 200);
        assert!(scrape.text().await.unwrap().contains("github_copilot_seats{"));
    }
}

/// Sends the bytes of a request, closes the sending side if asked to, and reads the response.
fn raw(serving: &Serving, request: &str, is_half_closed: bool) -> String {
    let mut stream = TcpStream::connect(serving.address()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    if is_half_closed {
        stream.shutdown(std::net::Shutdown::Write).unwrap();
    }
    let mut response = Vec::new();
    stream.read_to_end(&mut response).unwrap();
    String::from_utf8_lossy(&response).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_has_closed_its_sending_side_gets_its_response() {
    let serving = Serving::demo();
    let response = raw(&serving, "GET /metrics HTTP/1.1\r\nhost: localhost\r\n\r\n", true);
    assert!(response.starts_with("HTTP/1.1 200 OK\r\n"), "{response}");
    assert!(response.contains("\ncopilot_exporter_build_info"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_of_http_1_1_needs_a_host() {
    let serving = Serving::demo();
    let response = raw(&serving, "GET /-/healthy HTTP/1.1\r\nconnection: close\r\n\r\n", false);
    assert!(response.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{response}");
    assert!(response.ends_with("the Host header is missing\n"), "{response}");
    let response = raw(&serving, "GET /-/healthy HTTP/1.0\r\n\r\n", false);
    assert!(response.contains(" 200 OK\r\n"), "{response}");
}
