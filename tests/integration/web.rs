/// Clients that misbehave, and several addresses.
mod clients;
/// The command that checks a running exporter.
mod healthcheck;
/// Who may start a reload over HTTP.
mod lifecycle;
/// Where the endpoints are, and the formats of the metrics.
mod paths;
/// Changes of the web config while the exporter runs.
mod reload;
/// Sockets that systemd passes.
mod systemd;

use std::io::{Read, Write};
use std::net::{IpAddr, TcpStream};
use std::time::Duration;

use copilot_metrics_tests::authority::Authority;
use copilot_metrics_tests::command::{Serving, client, exporter, output};
use copilot_metrics_tests::config::Config;
use copilot_metrics_tests::transcript::keep_secret;
use reqwest::{Certificate, Client, Identity, StatusCode};

pub const PASSWORD: &str = "correct horse";

/// A demo with this web config file, and the files next to it.
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

/// A client that trusts the authority, with a certificate of its own if one is given.
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

pub fn users() -> String {
    keep_secret(PASSWORD);
    let hash = bcrypt::hash(PASSWORD, 6).unwrap();
    keep_secret(&hash);
    format!("basic_auth_users: {{prometheus: \"{hash}\"}}\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn only_users_with_the_password_see_anything_over_tls() {
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
    for (user, password) in [("prometheus", "wrong"), ("someone", PASSWORD), ("", "")] {
        for _ in 0..2 {
            let wrong = get("/metrics").basic_auth(user, Some(password)).send().await.unwrap();
            assert_eq!(wrong.status(), 401, "{user}");
        }
    }
    // A probe has no password, and the response reveals nothing.
    assert_eq!(get("/-/healthy").send().await.unwrap().text().await.unwrap(), "healthy\n");
    // Neither plain HTTP nor a client that trusts another authority gets a response.
    let plain = serving.url("/-/healthy");
    assert!(copilot_metrics_tests::command::client().get(plain).send().await.is_err());
    let stranger = trusting(&Authority::new(), None);
    assert!(stranger.get(https(&serving, "/-/healthy")).send().await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_need_a_certificate_if_the_web_config_requires_one() {
    let authority = Authority::new();
    let (web, _) = with_tls(
        "  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: clients.crt\n  client_allowed_sans: [prometheus.example]\n",
    );
    let (certificate, key) = authority.sign(&["localhost"], 30);
    web.write("server.crt", &certificate);
    web.write("server.key", &key);
    web.write("clients.crt", &authority.pem());
    let serving = demo(&web);
    let status_with = |identity| {
        let client = trusting(&authority, identity);
        let url = https(&serving, "/-/ready");
        async move { client.get(url).send().await.map(|response| response.status()) }
    };
    let good = authority.sign(&["prometheus.example"], 30);
    assert_eq!(status_with(Some(good)).await.unwrap(), StatusCode::OK);
    let expired = authority.sign(&["prometheus.example"], -1);
    assert!(status_with(Some(expired)).await.is_err());
    let other_name = authority.sign(&["someone.example"], 30);
    assert!(status_with(Some(other_name)).await.is_err());
    let other_authority = Authority::new().sign(&["prometheus.example"], 30);
    assert!(status_with(Some(other_authority)).await.is_err());
    assert!(status_with(None).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_1_1_is_refused() {
    let (web, _) = with_tls("");
    let serving = demo(&web);
    let mut stream = TcpStream::connect(serving.address()).unwrap();
    // The hello of a client that supports at most 1.1. RFC 4346, section 7.4.1.2.
    let mut hello = vec![3, 2];
    hello.extend([7; 32]);
    hello.extend([0, 0, 4, 0xc0, 0x13, 0xc0, 0x14, 1, 0]);
    let mut record = vec![22, 3, 1, 0, hello.len() as u8 + 4, 1, 0, 0, hello.len() as u8];
    record.extend(hello);
    stream.write_all(&record).unwrap();
    let mut response = Vec::new();
    stream.read_to_end(&mut response).unwrap();
    // Only a fatal alert: "handshake failure" or "protocol version".
    assert_eq!(response[..1], [21]);
    assert!(matches!(response[5..], [2, 40 | 70]), "{response:?}");
}

#[test]
fn a_mistake_in_the_web_config_is_reported_with_its_place_and_a_remedy() {
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
async fn headers_and_the_rate_limit_of_the_web_config_are_applied() {
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
async fn a_flood_of_wrong_passwords_does_not_keep_out_a_new_scraper_from_another_address() {
    keep_secret(PASSWORD);
    let hash = bcrypt::hash(PASSWORD, 12).unwrap();
    let web = Config::new(&format!("basic_auth_users: {{prometheus: \"{hash}\"}}\n"));
    let serving = demo(&web);
    let url = serving.url("/metrics");
    let mut flood = tokio::task::JoinSet::new();
    for guesser in 0..100 {
        let (client, url) = (client(), url.clone());
        flood.spawn(async move {
            for guess in 0.. {
                let password = format!("{guesser} {guess}");
                let request = client.get(&url).basic_auth("prometheus", Some(password));
                request.send().await.ok();
            }
        });
    }
    for last in 2..6 {
        let scraper = Client::builder().no_proxy().local_address(IpAddr::from([127, 0, 0, last]));
        let request = scraper.build().unwrap().get(&url).basic_auth("prometheus", Some(PASSWORD));
        let scrape = request.timeout(Duration::from_secs(60)).send().await.unwrap();
        assert_eq!(scrape.status(), 200);
    }
}
