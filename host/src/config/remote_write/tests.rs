//! Tests of the section as a whole.

use std::time::Duration;

use reqwest::tls::Version;

use super::*;
use crate::config::{ServeArgs, Settings};

/// A directory with a config file and the files that it names.
struct ConfigFile(tempfile::TempDir);

impl ConfigFile {
    fn new(yaml: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let authority = [("config.yaml", yaml), ("secret", " hunter2hunter2 \n"), ("text", "x")];
        for (name, text) in authority {
            std::fs::write(directory.path().join(name), text).unwrap();
        }
        Self(directory)
    }

    fn read(&self) -> Result<Vec<RemoteWriteSettings>, String> {
        let path = self.0.path().join("config.yaml").display().to_string();
        let settings = Settings::new(&ServeArgs { config: Some(path), ..ServeArgs::default() });
        let directory = format!("{}/", self.0.path().display());
        settings.map(|s| s.remote_write).map_err(|e| e.to_string().replace(&directory, ""))
    }
}

fn endpoints(yaml: &str) -> Vec<RemoteWriteSettings> {
    ConfigFile::new(yaml).read().unwrap()
}

fn error(yaml: &str) -> String {
    ConfigFile::new(yaml).read().unwrap_err()
}

#[test]
fn every_key_is_read() {
    let file = ConfigFile::new(
        "remote_write:
- url: https://mimir/api/v1/push?tenant=hunter2
  name: Mimir
  remote_timeout: 1m
  headers: {X-Scope-OrgID: hunter2}
  basic_auth: {username: me, password_file: secret}
  tls_config: {insecure_skip_verify: true, min_version: TLS13}
  proxy_url: http://me:hunter2@proxy:3128
  queue_config: {max_samples_per_send: 500, min_backoff: 1s, max_backoff: 10s, retry_on_http_429: true}
  external_labels: {cluster: a}
  write_relabel_configs:
  - {source_labels: [__name__, org], regex: 'daily_(.*);x', action: Keep}
  - {regex: team_id, action: labeldrop}
  protobuf_message: io.prometheus.write.v2.Request
  query_url: https://mimir/prometheus
",
    );
    let [read] = file.read().unwrap().try_into().unwrap();
    assert_eq!(read.name, "Mimir");
    assert_eq!(read.url.expose().as_str(), "https://mimir/api/v1/push?tenant=hunter2");
    assert_eq!(read.remote_timeout, Duration::from_secs(60));
    assert_eq!(read.headers.get("x-scope-orgid").unwrap().expose(), "hunter2");
    let Authentication::Basic { username, password } = &read.authentication else {
        panic!("{:?}", read.authentication)
    };
    assert_eq!(username.read().unwrap().expose(), "me");
    assert_eq!(password.read().unwrap().expose(), "hunter2hunter2");
    assert!(read.tls.insecure_skip_verify);
    assert_eq!(read.tls.min_version, Some(Version::TLS_1_3));
    assert_eq!(read.proxy_url.as_ref().unwrap().expose(), "http://me:hunter2@proxy:3128/");
    assert_eq!(read.queue.max_samples_per_send, 500);
    assert_eq!(read.queue.min_backoff, Duration::from_secs(1));
    assert_eq!(read.queue.max_backoff, Duration::from_secs(10));
    assert_eq!(read.external_labels.get("cluster").unwrap(), "a");
    assert_eq!(read.relabel[0].action, RelabelAction::Keep);
    assert!(read.relabel[0].regex.regex().is_match("daily_a\nb;x"));
    assert!(!read.relabel[0].regex.regex().is_match("a daily_a;x"));
    assert_eq!(read.message, ProtobufMessage::V2);
    assert_eq!(read.query_url.as_ref().unwrap().to_string(), "https://mimir/prometheus");
    // Whatever prints the settings prints no secret.
    assert!(!format!("{read:?}").contains("hunter2"), "{read:?}");
}

#[test]
fn an_endpoint_needs_only_a_url_and_is_named_by_its_host() {
    let read = endpoints(
        "remote_write: [{url: 'http://a:9090/api/v1/write'}, {url: 'http://a:9090/w'}, {url: 'http://b/w'}, {name: b-2, url: 'http://c'}, {url: 'http://b/x'}]",
    );
    let names: Vec<&str> = read.iter().map(|endpoint| endpoint.name.as_str()).collect();
    assert_eq!(names, ["a:9090", "a:9090-2", "b", "b-2", "b-3"]);
    let url = read[0].url.clone();
    assert_eq!(read[0], RemoteWriteSettings::new("a:9090", url));
    assert!(endpoints("").is_empty());
}

#[test]
fn errors_name_file_line_key_and_what_would_be_right_and_quote_no_secret() {
    let mut wrong = Vec::new();
    for (keys, expected) in [
        ("name: a", ": it has no url"),
        (
            "url: ftp://a",
            ".url: not a URL over http or https: it should be a URL such as http://prometheus:9090/api/v1/write",
        ),
        (
            "url: http://me:hunter2@a/w",
            ".url: it contains a user or password (use basic_auth instead): it should be a URL such as http://prometheus:9090/api/v1/write",
        ),
        (
            "url: http://me:hunter2@a:99999",
            ".url: not a URL (invalid port number): it should be a URL such as http://prometheus:9090/api/v1/write",
        ),
        (
            "query_url: http://a/api/v1/query",
            ".query_url: it contains /api/v1, which is added to it: it should be a URL such as http://prometheus:9090 or https://mimir/prometheus",
        ),
        (
            "remote_timeout: 30",
            ".remote_timeout: \"30\" is not a duration from 1ms to a day, such as 500ms, 30s or 10m",
        ),
        (
            "headers: {Authorization: hunter2}",
            ".headers.Authorization: the header \"Authorization\" cannot be set: use authorization or basic_auth",
        ),
        (
            "headers: {Content-Type: x}",
            ".headers.Content-Type: the header \"Content-Type\" cannot be set: the exporter sets it itself",
        ),
        (
            "headers: {X-A: \"hunter2\\n\\u00e9\"}",
            ".headers.X-A: not the value of a header: it should be printable ASCII",
        ),
        ("basic_auth: {password: hunter2}", ".basic_auth: it has no username or username_file"),
        ("basic_auth: {username: me}", ".basic_auth: it has no password or password_file"),
        (
            "basic_auth: {username: me, password: hunter2, password_file: secret}",
            ".basic_auth: password and password_file are both set: it should have only one of them",
        ),
        (
            "basic_auth: {username: me, password_file: missing}",
            ".basic_auth.password_file: missing: cannot read it: No such file or directory (os error 2)",
        ),
        (
            "authorization: {type: Basic, credentials: hunter2}",
            ".authorization: type: use basic_auth for user and password",
        ),
        ("authorization: {}", ".authorization: it has no credentials or credentials_file"),
        (
            "tls_config: {ca_file: text}",
            ".tls_config: ca_file: text: it contains no certificate in PEM format",
        ),
        (
            "tls_config: {cert: x, key: hunter2}",
            ".tls_config: cert and key: not a certificate and its private key in PEM format",
        ),
        ("tls_config: {cert: x}", ".tls_config: it has a cert, but no key or key_file"),
        (
            "tls_config: {min_version: TLS10}",
            ".tls_config.min_version: TLS10 is not secure and not supported: it should be TLS12 or TLS13",
        ),
        (
            "proxy_url: socks5://hunter2@a",
            ".proxy_url: SOCKS proxies are not supported: it should be a URL such as http://proxy:3128",
        ),
        (
            "queue_config: {capacity: 5}",
            ".queue_config.capacity: not supported: there is no queue, the requests of a day are sent one after the other as soon as it is due (remove the key)",
        ),
        (
            "queue_config: {retry_on_http_429: false}",
            ".queue_config.retry_on_http_429: not supported: a request that is refused with 429 is always retried (remove the key)",
        ),
        (
            "queue_config: {sample_age_limit: 1h}",
            ".queue_config.sample_age_limit: not supported: the samples of past days would never be sent (remove the key)",
        ),
        (
            "queue_config: {min_backoff: 1m}",
            ".queue_config: min_backoff is longer than max_backoff: it should be shorter",
        ),
        (
            "external_labels: {a-b: c}",
            ".external_labels.a-b: \"a-b\" is not the name of a label: it should be of the form [a-zA-Z_][a-zA-Z0-9_]*",
        ),
        (
            "write_relabel_configs: [{action: remove}]",
            ".write_relabel_configs[0].action: \"remove\" is not one of replace, keep, drop, hashmod, labelmap, labeldrop, labelkeep, lowercase, uppercase, keepequal, dropequal",
        ),
        (
            "write_relabel_configs: [{regex: '(a'}]",
            ".write_relabel_configs[0].regex: \"(a\" is not a regular expression in the syntax of RE2: unclosed group",
        ),
        (
            "write_relabel_configs: [{source_labels: [a]}]",
            ".write_relabel_configs[0]: it has no target_label, which the action replace needs",
        ),
        (
            "write_relabel_configs: [{target_label: a, action: hashmod}]",
            ".write_relabel_configs[0]: it has no modulus, which the action hashmod needs",
        ),
        (
            "write_relabel_configs: [{regex: a, target_label: b, action: labeldrop}]",
            ".write_relabel_configs[0]: target_label has no meaning for the action labeldrop: remove it",
        ),
        (
            "write_relabel_configs: [{regex: a, replacement: 'b-$1', action: labelmap}]",
            ".write_relabel_configs[0]: replacement: \"b-$1\" is not the name of a label",
        ),
        (
            "protobuf_message: v2",
            ".protobuf_message: \"v2\" is not one of prometheus.WriteRequest, io.prometheus.write.v2.Request",
        ),
    ] {
        let url = if keys.starts_with("url") || keys.starts_with("name") {
            ""
        } else {
            "url: http://a, "
        };
        let text = error(&format!("remote_write:\n- {{{url}{keys}}}"));
        let expected = format!("config.yaml:2: remote_write[0]{expected}");
        if text != expected {
            wrong.push(format!("{keys}\n  is {text}\n  not {expected}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_workspace_of_amazon_is_refused_since_it_takes_no_sample_of_a_past_day() {
    for url in [
        "https://aps-workspaces.eu-west-1.amazonaws.com/workspaces/ws-1/api/v1/remote_write",
        "http://signer:8080/workspaces/ws-1/api/v1/remote_write",
    ] {
        let error = error(&format!("remote_write: [{{url: '{url}'}}]"));
        assert!(error.contains("samples of the last 600 seconds only"), "{error}");
    }
    endpoints("remote_write: [{url: 'http://prometheus/workspaces/api/v1/write'}]");
}

#[test]
fn two_ways_to_sign_in_and_two_equal_names_are_refused() {
    let url = "url: http://a/w";
    let both = format!(
        "remote_write:\n- {url}\n  basic_auth: {{username: a, password: b}}\n  authorization: {{credentials: c}}"
    );
    assert_eq!(
        error(&both),
        "config.yaml:2: remote_write[0]: basic_auth and authorization are both set: it should have only one of them"
    );
    let same = format!("remote_write:\n- {{name: a, {url}}}\n- {{name: a, {url}}}");
    assert_eq!(
        error(&same),
        "config.yaml:3: remote_write[1]: there are two endpoints with the name \"a\": it should be unique"
    );
    let unknown = error("remote_write:\n- uri: http://a");
    assert!(unknown.starts_with("config.yaml:2: remote_write[0].uri: unknown field"), "{unknown}");
}

#[test]
fn the_parts_of_a_target_label_may_come_from_groups() {
    let read = endpoints(
        "remote_write: [{url: 'http://a', write_relabel_configs: [{source_labels: [x], regex: '(.+)=(?P<n>.+)', target_label: 'x_${1}_$n', replacement: '$$${n}'}]}]",
    );
    assert_eq!(read[0].relabel[0].target_label, "x_${1}_$n");
    assert_eq!(read[0].relabel[0].separator, ";");
}
