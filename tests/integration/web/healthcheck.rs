use std::io::{Read, Write};

use copilot_metrics_tests::command::{Serving, exporter, output};

use super::{demo, users, with_tls};

#[tokio::test(flavor = "multi_thread")]
async fn the_healthcheck_finds_an_exporter_whatever_its_web_config_is_or_reports_why_not() {
    let check = |address: &str, web: &str| {
        let mut command = exporter();
        command.arg("healthcheck").env("LISTEN_ADDRESS", address).env("WEB_CONFIG_FILE", web);
        let output = output(command);
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    // It gives up after three seconds, which a busy machine may need.
    let is_healthy = |address: &str, web: &str| {
        let mut checks = (0..20).map(|_| check(address, web));
        checks.any(|(code, error)| code == Some(0) && error.is_empty())
    };
    let plain = Serving::demo();
    assert!(is_healthy(&plain.address().to_string(), ""));
    // With a password, and a certificate of an unknown authority.
    let (web, _) = with_tls(&users());
    let serving = demo(&web);
    let (address, file) = (serving.address().to_string(), web.path());
    let file = file.to_str().unwrap();
    assert!(is_healthy(&address, file));
    // An invalid file does not affect the running exporter.
    web.write("config.yaml", "tls_server_config: [");
    assert!(is_healthy(&address, file));
    assert!(is_healthy(&address, ""));
    // An exporter that demands a client certificate runs.
    for version in ["TLS12", "TLS13"] {
        let (web, clients) = with_tls(&format!(
            "  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: clients.crt\n  max_version: {version}\n"
        ));
        web.write("clients.crt", &clients.pem());
        let serving = demo(&web);
        let address = serving.address().to_string();
        assert!(is_healthy(&address, web.path().to_str().unwrap()), "{version}");
    }
    // Nothing listens on that port.
    let (code, error) = check("127.0.0.1:1", "");
    assert_eq!(code, Some(1));
    assert!(error.contains("no response from http://127.0.0.1:1/-/healthy"), "{error}");
    assert!(error.contains("Connection refused"), "{error}");
    // Another server does.
    let other = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = other.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for stream in other.incoming() {
            let mut stream = stream.unwrap();
            // A response before the request would not count.
            assert!(stream.read(&mut [0; 4096]).unwrap() > 0);
            let response = b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n";
            stream.write_all(response).ok();
        }
    });
    let (code, error) = check(&address, "");
    assert_eq!(code, Some(1));
    assert!(error.contains("responded with status 404"), "{error}");
    assert_eq!(check("127.0.0.1:0", "").0, Some(1));
}
