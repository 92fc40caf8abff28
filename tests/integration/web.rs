use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use copilot_metrics_tests::authority::Authority;
use copilot_metrics_tests::command::{Serving, client, exporter, output};
use copilot_metrics_tests::config::Config;
use copilot_metrics_tests::transcript::keep_secret;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use reqwest::{Certificate, Client, Identity, StatusCode};

const PASSWORD: &str = "correct horse";

/// A demo with this web config file, and what is beside it.
fn demo(web: &Config) -> Serving {
    let mut command = exporter();
    command.arg("--demo").arg("--web.config.file").arg(web.path());
    let serving = Serving::start(command);
    for _ in 0..3 {
        serving.wait_for("refreshed");
    }
    serving
}

/// A web config with a certificate for this machine.
fn with_tls(more: &str) -> (Config, Authority) {
    let authority = Authority::new();
    let web = Config::new(&format!(
        "tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n{more}"
    ));
    let (certificate, key) = authority.sign(&["localhost"], 30);
    web.write("server.crt", &certificate);
    web.write("server.key", &key);
    (web, authority)
}

/// A client that trusts the authority, and shows a certificate if it has one.
fn trusting(authority: &Authority, identity: Option<(String, String)>) -> Client {
    let root = Certificate::from_pem(authority.pem().as_bytes()).unwrap();
    let builder = Client::builder().no_proxy().no_gzip().tls_certs_only([root]);
    match identity {
        Some((certificate, key)) => {
            let pem = format!("{certificate}\n{key}");
            builder.identity(Identity::from_pem(pem.as_bytes()).unwrap()).build().unwrap()
        }
        None => builder.build().unwrap(),
    }
}

fn https(serving: &Serving, path: &str) -> String {
    format!("https://localhost:{}{path}", serving.address().port())
}

fn users() -> String {
    keep_secret(PASSWORD);
    let hash = bcrypt::hash(PASSWORD, 6).unwrap();
    keep_secret(&hash);
    format!("basic_auth_users: {{prometheus: \"{hash}\"}}\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn over_tls_only_who_knows_the_password_sees_anything() {
    let (web, authority) = with_tls(&users());
    let serving = demo(&web);
    let client = trusting(&authority, None);
    let get = |path: &str| client.get(https(&serving, path));
    let right = get("/metrics").basic_auth("prometheus", Some(PASSWORD)).send().await.unwrap();
    assert_eq!(right.status(), 200);
    assert!(right.text().await.unwrap().contains("github_copilot_seats{"));
    for path in ["/metrics", "/", "/-/ready", "/nothing"] {
        let none = get(path).send().await.unwrap();
        assert_eq!(none.status(), 401, "{path}");
        assert_eq!(none.headers()["www-authenticate"], "Basic");
        assert!(!none.text().await.unwrap().contains("copilot"));
    }
    for (user, password) in [("prometheus", "wrong"), ("somebody", PASSWORD), ("", "")] {
        for _ in 0..2 {
            let wrong = get("/metrics").basic_auth(user, Some(password)).send().await.unwrap();
            assert_eq!(wrong.status(), 401, "{user}");
        }
    }
    // A probe has no password, and learns nothing.
    assert_eq!(get("/-/healthy").send().await.unwrap().text().await.unwrap(), "healthy\n");
    // Nobody gets anything without TLS, nor with the trust of another authority.
    let plain = serving.url("/-/healthy");
    assert!(copilot_metrics_tests::command::client().get(plain).send().await.is_err());
    let stranger = trusting(&Authority::new(), None);
    assert!(stranger.get(https(&serving, "/-/healthy")).send().await.is_err());
}

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
    // Each a connection of its own.
    while trusting(&other, None).get(&url).send().await.is_err() {
        tokio::task::yield_now().await;
    }
    // What is half written changes nothing; what can't be used neither.
    let bad = ["", "tls_server_config: {cert_file: server.crt}", "tls_server_config: ["];
    for (number, yaml) in (1..).zip(bad) {
        web.write("config.yaml", yaml);
        let refused = "the web side's settings can't be used";
        while serving.log().matches(refused).count() < number {
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

#[tokio::test(flavor = "multi_thread")]
async fn clients_show_certificates_where_they_must() {
    let authority = Authority::new();
    let (web, _) = with_tls(
        "  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: clients.crt\n  client_allowed_sans: [prometheus.example]\n",
    );
    let (certificate, key) = authority.sign(&["localhost"], 30);
    web.write("server.crt", &certificate);
    web.write("server.key", &key);
    web.write("clients.crt", &authority.pem());
    let serving = demo(&web);
    let shows = |identity| {
        let client = trusting(&authority, identity);
        let url = https(&serving, "/-/ready");
        async move { client.get(url).send().await.map(|response| response.status()) }
    };
    let good = authority.sign(&["prometheus.example"], 30);
    assert_eq!(shows(Some(good)).await.unwrap(), StatusCode::OK);
    let expired = authority.sign(&["prometheus.example"], -1);
    assert!(shows(Some(expired)).await.is_err());
    let other_name = authority.sign(&["somebody.example"], 30);
    assert!(shows(Some(other_name)).await.is_err());
    let other_authority = Authority::new().sign(&["prometheus.example"], 30);
    assert!(shows(Some(other_authority)).await.is_err());
    assert!(shows(None).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_healthcheck_finds_an_exporter_whatever_its_web_config_says_by_now_or_says_why_not() {
    let check = |address: &str, web: &str| {
        let mut command = exporter();
        command.arg("healthcheck").env("LISTEN_ADDRESS", address).env("WEB_CONFIG_FILE", web);
        let output = output(command);
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let healthy = (Some(0), String::new());
    let plain = Serving::demo();
    assert_eq!(check(&plain.address().to_string(), ""), healthy);
    // Behind a password, and with a certificate of nobody known.
    let (web, _) = with_tls(&users());
    let serving = demo(&web);
    let (address, file) = (serving.address().to_string(), web.path());
    let file = file.to_str().unwrap();
    assert_eq!(check(&address, file), healthy);
    // What can't be used any more changes nothing of the exporter.
    web.write("config.yaml", "tls_server_config: [");
    assert_eq!(check(&address, file), healthy);
    assert_eq!(check(&address, ""), healthy);
    // It says that it wants a certificate: so it runs.
    for version in ["TLS12", "TLS13"] {
        let (web, clients) = with_tls(&format!(
            "  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: clients.crt\n  max_version: {version}\n"
        ));
        web.write("clients.crt", &clients.pem());
        let serving = demo(&web);
        let address = serving.address().to_string();
        assert_eq!(check(&address, web.path().to_str().unwrap()), healthy, "{version}");
    }
    // Nobody listens at that port.
    let (code, error) = check("127.0.0.1:1", "");
    assert_eq!(code, Some(1));
    assert!(error.contains("no answer from http://127.0.0.1:1/-/healthy"), "{error}");
    assert!(error.contains("Connection refused"), "{error}");
    // Something else does.
    let other = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = other.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for stream in other.incoming() {
            let mut stream = stream.unwrap();
            // An answer before the question is none.
            assert!(stream.read(&mut [0; 4096]).unwrap() > 0);
            let answer = b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n";
            stream.write_all(answer).ok();
        }
    });
    let (code, error) = check(&address, "");
    assert_eq!(code, Some(1));
    assert!(error.contains("answered 404"), "{error}");
    assert_eq!(check("127.0.0.1:0", "").0, Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_1_1_is_refused() {
    let (web, _) = with_tls("");
    let serving = demo(&web);
    let mut stream = TcpStream::connect(serving.address()).unwrap();
    // The hello of a client that speaks 1.1 at the most. RFC 4346, section 7.4.1.2.
    let mut hello = vec![3, 2];
    hello.extend([7; 32]);
    hello.extend([0, 0, 4, 0xc0, 0x13, 0xc0, 0x14, 1, 0]);
    let mut record = vec![22, 3, 1, 0, hello.len() as u8 + 4, 1, 0, 0, hello.len() as u8];
    record.extend(hello);
    stream.write_all(&record).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    // A fatal alert and nothing else: "handshake failure" or "protocol version".
    assert_eq!(answer[..1], [21]);
    assert!(matches!(answer[5..], [2, 40 | 70]), "{answer:?}");
}

#[test]
fn a_mistake_in_the_web_config_is_said_with_its_place_and_what_would_be_right() {
    let authority = Authority::new();
    let (certificate, key) = authority.sign(&["localhost"], 30);
    let (_, other_key) = authority.sign(&["localhost"], 30);
    let tls = |more: &str| {
        format!("tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n{more}")
    };
    for (yaml, wanted) in [
        ("tls_server_config: {cert_file: server.crt}".to_owned(), "it has no key_file"),
        (
            "tls_server_config: {cert_file: no.crt, key_file: server.key}".to_owned(),
            "no.crt: cannot read it",
        ),
        (
            "tls_server_config: {cert_file: server.crt, key_file: other.key}".to_owned(),
            "certificate and key do not match",
        ),
        (
            "tls_server_config: {cert_file: server.key, key_file: server.key}".to_owned(),
            "no certificate in PEM format",
        ),
        (tls("  min_version: TLS10\n"), "it should be TLS12 or TLS13"),
        (tls("  min_version: SSL3\n"), "it should be TLS12 or TLS13"),
        (tls("  min_version: TLS13\n  max_version: TLS12\n"), "versions and cipher suites"),
        (tls("  cipher_suites: [RC4]\n"), "\"RC4\" is not one of TLS_"),
        (tls("  curve_preferences: [P1]\n"), "\"P1\" is not one of "),
        (tls("  client_auth_type: RequireAnyClientCert\n"), "RequireAndVerifyClientCert"),
        (tls("  client_auth_type: RequireAndVerifyClientCert\n"), "it needs a client_ca_file"),
        (tls("  certs: a\n"), "certs"),
        ("basic_auth_users: {me: secret}".to_owned(), "not a bcrypt hash"),
        (
            "http_server_config: {headers: {Server: me}}".to_owned(),
            "it should be one of Content-Security-Policy",
        ),
        ("rate_limit: {interval: often}".to_owned(), "is not a duration"),
        ("users: {}".to_owned(), "users"),
    ] {
        let web = Config::new(&yaml);
        web.write("server.crt", &certificate);
        web.write("server.key", &key);
        web.write("other.key", &other_key);
        let mut command = exporter();
        command.args(["--demo", "--web.listen-address", "127.0.0.1:0", "--web.config.file"]);
        command.arg(web.path());
        let refused = output(command);
        let error = String::from_utf8(refused.stderr).unwrap();
        let line = error.lines().last().unwrap_or_default();
        assert_eq!(refused.status.code(), Some(64), "{yaml}: {error}");
        assert!(line.contains(wanted) && line.contains("config.yaml"), "{yaml}: {line}");
        assert!(!line.contains("me: secret"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_and_the_rate_limit_of_the_web_config_are_kept() {
    let web = Config::new(
        "http_server_config: {headers: {X-Frame-Options: deny}}\nrate_limit: {interval: 1h, burst: 3}",
    );
    let serving = demo(&web);
    for status in [200, 200, 200, 429, 429] {
        let response = client().get(serving.url("/metrics")).send().await.unwrap();
        assert_eq!(response.status(), status);
        assert_eq!(response.headers()["x-frame-options"], "deny");
        assert_eq!(response.headers().contains_key("retry-after"), status == 429);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn several_addresses_are_listened_on() {
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
async fn head_answers_without_a_body_and_any_accept_gets_the_text_format() {
    let serving = Serving::demo();
    let head = client().head(serving.url("/metrics")).send().await.unwrap();
    assert_eq!(head.status(), 200);
    let length: usize = head.headers()["content-length"].to_str().unwrap().parse().unwrap();
    assert!(length > 100_000);
    assert!(head.bytes().await.unwrap().is_empty());
    for accept in ["application/openmetrics-text; version=1.0.0", "text/html", "*/*"] {
        let get = client().get(serving.url("/metrics")).header("accept", accept).send().await;
        let get = get.unwrap();
        assert_eq!(get.headers()["content-type"], "text/plain; version=0.0.4; charset=utf-8");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_idle_connections_keep_no_scrape_out() {
    const CONNECTIONS: usize = 10_000;
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    let wanted = CONNECTIONS as u64 + 1000;
    setrlimit(Resource::RLIMIT_NOFILE, wanted.max(soft).min(hard), hard).unwrap();
    let serving = Serving::demo();
    let mut open = Vec::new();
    for number in 0..CONNECTIONS {
        open.push(TcpStream::connect(serving.address()).unwrap());
        if number % 500 == 0 {
            // On a connection of its own.
            let scrape = client().get(serving.url("/metrics")).timeout(Duration::from_secs(5));
            assert_eq!(scrape.send().await.unwrap().status(), 200);
        }
    }
    let exposition = crate::serving::metrics(&serving).await;
    assert!(exposition.value("process_open_fds") < 700.0);
    assert!(exposition.sum("github_copilot_seats", "\"octodemo\"") > 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_header_of_a_megabyte_is_refused() {
    let serving = Serving::demo();
    let mut stream = TcpStream::connect(serving.address()).unwrap();
    let head = format!("GET /metrics HTTP/1.1\r\nhost: a\r\nx: {}\r\n\r\n", "x".repeat(1 << 20));
    // The exporter may close before it has read all of it.
    stream.write_all(head.as_bytes()).ok();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok();
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431 "), "{answer}");
    assert_eq!(serving.get("/metrics").await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_stops_reading_is_let_go() {
    let serving = Serving::demo();
    let before = crate::serving::metrics(&serving).await.value("process_open_fds");
    let mut stream = TcpStream::connect(serving.address()).unwrap();
    // More answers than the system keeps for it; it reads none of them.
    let request = "GET /metrics HTTP/1.1\r\nhost: a\r\n\r\n";
    stream.write_all(request.repeat(100).as_bytes()).unwrap();
    let begun = Instant::now();
    while crate::serving::metrics(&serving).await.value("process_open_fds") > before + 1.0 {
        assert!(begun.elapsed() < Duration::from_secs(60), "it is still there");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}
