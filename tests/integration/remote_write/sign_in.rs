//! Passwords, TLS and proxies.

use std::time::Duration;

use copilot_metrics_exporter::remote_write::{Deadline, WriteError, hint};
use copilot_metrics_tests::authority::Authority;
use copilot_metrics_tests::proxy::Proxy;
use copilot_metrics_tests::receiver::{Receiver, Reply, TlsFront};
use copilot_metrics_tests::transcript::keep_secret;

use super::{Tested, patient, samples};

const HOSTS: &[&str] = &["prometheus.test"];

#[tokio::test]
async fn a_password_in_a_file_is_read_again_for_each_request() {
    let receiver = Receiver::start([]).await;
    let keys = "basic_auth: {username: me, password_file: password}";
    let tested = Tested::new(&receiver.url("/w"), keys, &[("password", "one\n")]);
    let requests = tested.encode(&samples(&[("daily_a", "x", 1.0, 7)]));
    tested.endpoint.write(&requests, patient()).await.unwrap();
    tested.config.write("password", "two\n");
    tested.endpoint.write(&requests, patient()).await.unwrap();
    std::fs::remove_file(tested.config.file("password")).unwrap();
    let error = tested.endpoint.write(&requests, patient()).await.unwrap_err();
    assert!(matches!(error, WriteError::Setup(_)));
    assert!(error.to_string().contains("password: cannot read it"), "{error}");
    let sent: Vec<_> =
        receiver.received().iter().map(|r| r.header("authorization").to_owned()).collect();
    // me:one and me:two
    assert_eq!(sent, ["Basic bWU6b25l", "Basic bWU6dHdv"]);
}

#[tokio::test]
async fn another_scheme_of_authorization_is_sent_as_it_is_and_a_refusal_has_a_hint() {
    let receiver = Receiver::start([Reply::new(401, "")]).await;
    let keys = "authorization: {type: Token, credentials_file: token}";
    let tested = Tested::new(&receiver.url("/w"), keys, &[("token", "hunter2hunter2")]);
    keep_secret("hunter2hunter2");
    let requests = tested.encode(&samples(&[("daily_a", "x", 1.0, 7)]));
    let error = tested.endpoint.write(&requests, patient()).await.unwrap_err();
    assert_eq!(error.to_string(), "the server refused the samples with status 401");
    assert!(hint(&error).unwrap().contains("authorization"));
    assert_eq!(receiver.received()[0].header("authorization"), "Token hunter2hunter2");
}

#[tokio::test]
async fn an_endpoint_behind_a_proxy_is_trusted_by_its_certificate_authority_only() {
    let receiver = Receiver::start([]).await;
    let proxy = Proxy::start(HOSTS, vec![receiver.address()]).await;
    let tested = |tls: &str| {
        let keys = format!("proxy_url: {}\n  tls_config: {{{tls}}}", proxy.url());
        let files = [("ca.crt", proxy.authority())];
        Tested::new("https://prometheus.test/w", &keys, &files)
    };
    let trusting = tested("ca_file: ca.crt, min_version: TLS13");
    let requests = trusting.encode(&samples(&[("daily_a", "x", 1.0, 7)]));
    trusting.endpoint.write(&requests, patient()).await.unwrap();
    let careless = tested("insecure_skip_verify: true");
    careless.endpoint.write(&requests, patient()).await.unwrap();
    assert_eq!(proxy.requested_hosts(), ["prometheus.test", "prometheus.test"]);
    let deadline = Deadline::after(Duration::ZERO);
    let error = tested("").endpoint.write(&requests, deadline).await.unwrap_err().to_string();
    assert!(error.contains("certificate"), "{error}");
    assert_eq!(receiver.received().len(), 2);
}

#[tokio::test]
async fn a_new_certificate_authority_is_used_without_a_restart() {
    let receiver = Receiver::start([]).await;
    let one = Proxy::start(HOSTS, vec![receiver.address()]).await;
    let two = Proxy::start(HOSTS, vec![receiver.address()]).await;
    let keys = format!("proxy_url: {}\n  tls_config: {{ca_file: ca.crt}}", one.url());
    let tested = Tested::new("https://prometheus.test/w", &keys, &[("ca.crt", two.authority())]);
    let requests = tested.encode(&samples(&[("daily_a", "x", 1.0, 7)]));
    let now = Deadline::after(Duration::ZERO);
    assert!(tested.endpoint.write(&requests, now).await.is_err());
    tested.config.write("ca.crt", one.authority());
    tested.endpoint.write(&requests, patient()).await.unwrap();
}

#[tokio::test]
async fn a_server_that_requests_a_certificate_is_sent_the_configured_one() {
    let receiver = Receiver::start([]).await;
    let authority = Authority::new();
    let front = TlsFront::start(&authority, receiver.address()).await;
    let (certificate, key) = authority.sign(&["exporter"], 30);
    let ca = authority.pem();
    let files = [("ca.crt", ca.as_str()), ("client.crt", &certificate), ("client.key", &key)];
    let tested = |tls: &str| {
        let keys = format!("tls_config: {{ca_file: ca.crt{tls}}}");
        Tested::new(&front.url("/w"), &keys, &files)
    };
    let known = tested(", cert_file: client.crt, key_file: client.key");
    let requests = known.encode(&samples(&[("daily_a", "x", 1.0, 7)]));
    known.endpoint.write(&requests, patient()).await.unwrap();
    let now = Deadline::after(Duration::ZERO);
    let error = tested("").endpoint.write(&requests, now).await.unwrap_err();
    assert!(error.can_pass(), "{error}");
    assert_eq!(receiver.received().len(), 1);
}
