//! Tests of the config file as a whole: values, precedence, and the texts of errors.

use std::path::PathBuf;
use std::time::Duration;

use tempfile::TempDir;

use super::*;

/// A directory with a config file.
struct ConfigFile(TempDir);

impl ConfigFile {
    fn new(yaml: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("config.yaml"), yaml).unwrap();
        Self(directory)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    fn args(&self) -> ServeArgs {
        ServeArgs {
            config: Some(self.path("config.yaml").display().to_string()),
            token: Some("ghp_x".into()),
            ..ServeArgs::default()
        }
    }

    fn settings(&self) -> Settings {
        Settings::new(&self.args()).unwrap()
    }

    /// The error, without the directory.
    fn error(&self) -> String {
        let error = Settings::new(&self.args()).unwrap_err().to_string();
        error.replace(&format!("{}/", self.0.path().display()), "")
    }
}

fn settings(yaml: &str) -> Settings {
    ConfigFile::new(yaml).settings()
}

fn error(yaml: &str) -> String {
    let file = ConfigFile::new(yaml);
    file.write("text", "neither a key nor a certificate");
    file.error()
}

const DIGEST: &str = "9EBA4F0F9EBA4F0F9EBA4F0F9EBA4F0F9EBA4F0F9EBA4F0F9EBA4F0F9EBA4F0F";

#[test]
fn every_setting_of_the_sections_github_and_mapping_is_read() {
    let read = settings(&format!(
        "github:
  concurrency: 4
  connect_timeout: 500ms
  response_timeout: 1m
  request_timeout: 30m
  retries: 0
  retry_delay: ' 2s '
  max_document_mib: 1024
  document_memory_mib: 8
  api_version: 2026-03-10
  download_hosts: ['*.CDN.example']
mapping:
  dir: mappings
  default: false
  sha256: [{DIGEST}]
  memory_mib: 256
  run_time: 10s
  result_mib: 128
  series: 50000
  max_file_mib: 16
  rollback_after: 5
"
    ));
    let github = GithubOptions {
        concurrency: 4,
        connect_timeout: Duration::from_millis(500),
        response_timeout: Duration::from_secs(60),
        request_timeout: Duration::from_secs(1800),
        retries: 0,
        retry_delay: Duration::from_secs(2),
        max_document_bytes: 1 << 30,
        document_memory_bytes: 8 << 20,
        ca_certificates: Vec::new(),
        api_version: "2026-03-10".to_owned(),
        download_hosts: vec!["*.cdn.example".to_owned()],
    };
    assert_eq!(read.github, github);
    assert_eq!(read.policy.limits.memory_bytes, 256 << 20);
    assert_eq!(read.policy.limits.run_time, Duration::from_secs(10));
    assert_eq!(read.policy.limits.result_bytes, 128 << 20);
    assert_eq!(read.policy.limits.series, 50_000);
    assert_eq!(read.policy.max_file_bytes, 16 << 20);
    assert_eq!(read.policy.rollback_after, 5);
    let directory = read.source.directory.unwrap();
    assert!(directory.is_absolute() && directory.ends_with("mappings"));
    assert_eq!((read.source.default, read.source.sha256), (false, vec![DIGEST.to_lowercase()]));
}

#[test]
fn settings_that_are_missing_or_empty_have_their_defaults() {
    for yaml in ["", "# nothing yet\n", "github: {}\nmapping: {}\ndefaults: {ttl: }\n"] {
        let read = settings(yaml);
        assert_eq!(read.github, GithubOptions::default());
        assert_eq!(read.policy, MappingPolicy::default());
        assert_eq!(read.source, MappingSource::default());
        assert_eq!(read.ttl, Duration::from_secs(3600));
        assert!(read.missing.unwrap().starts_with("set ORG or ENTERPRISE"));
    }
}

#[test]
fn a_target_takes_precedence_over_flags_and_they_over_the_defaults() {
    let file = ConfigFile::new(
        "defaults:
  ttl: 2h
  api_url: https://api.b.ghe.com
  options: {users: true, teams: a}
  documents: {billing: false}
mapping: {dir: all, sha256: []}
targets:
  - organization: a
  - organization: b
    name: B
    ttl: 3h
    document_ttl: {seats: 6h}
    options: {users: false}
    documents: {billing: true}
    mapping: {dir: own, default: false}
",
    );
    let flags = ServeArgs {
        cache_ttl_seconds: Some("7".to_owned()),
        mapping_dir: Some("/flag".to_owned()),
        options: vec!["users=maybe".parse().unwrap()],
        ..file.args()
    };
    let [a, b] = Settings::new(&flags).unwrap().targets.try_into().unwrap();
    let option = |target: &TargetSettings, name: &str| {
        target.mapping.options.get(name).map(|option| option.value.clone())
    };
    assert_eq!((a.ttl, b.ttl), (Duration::from_secs(7), Duration::from_secs(3 * 3600)));
    assert_eq!(a.target.github(), "api.b.ghe.com");
    assert_eq!(b.target.name(), "B");
    assert_eq!(option(&a, "users").as_deref(), Some("maybe"));
    assert_eq!(option(&b, "users").as_deref(), Some("false"));
    assert_eq!(option(&b, "teams").as_deref(), Some("a"));
    assert!(!a.wants("billing") && b.wants("billing") && a.wants("seats"));
    assert_eq!((a.ttl_of("seats"), b.ttl_of("seats")), (a.ttl, Duration::from_secs(6 * 3600)));
    assert_eq!(a.source.directory, Some("/flag".into()));
    assert_eq!(b.source.directory, Some(file.path("own")));
    assert_eq!((a.source.default, b.source.default), (true, false));
    let place = &b.mapping.document_ttl.get("seats").unwrap().place;
    assert!(place.ends_with("config.yaml:12: targets[1].document_ttl.seats"), "{place}");
}

#[test]
fn credentials_are_read_from_variables_files_and_apps() {
    let file = ConfigFile::new(
        "credentials:
  env: {token_env: PATH}
  default: {token_file: token}
targets:
  - organization: a
  - {organization: b, credential: env}
",
    );
    file.write("token", "ghp_y\n");
    let targets = file.settings().targets;
    let sources: Vec<_> = targets.iter().map(|target| target.credential.source.clone()).collect();
    let path = std::env::var("PATH").unwrap();
    let of_env = CredentialSource::Token(path.as_str().into());
    assert_eq!(sources, [CredentialSource::TokenFile(file.path("token")), of_env]);
}

#[test]
fn errors_name_file_line_key_and_what_would_be_right() {
    for (yaml, expected) in [
        (
            "history: {prefix: ''}",
            "config.yaml:1: history.prefix: it is empty, so live and daily series would be the same; it should be a prefix such as daily_",
        ),
        (
            "history:\n  prefix: scrape_",
            "config.yaml:2: history.prefix: \"scrape_\" is not a prefix such as daily_: the prefix scrape_ is reserved for Prometheus",
        ),
        (
            "history: {keep_days: 3}",
            "config.yaml:1: history.keep_days: \"3\" is not a whole number from 4 to 1200, such as 400",
        ),
        (
            "github:\n  retries: 11",
            "config.yaml:2: github.retries: \"11\" is not a whole number from 0 to 10, such as 3",
        ),
        (
            "github: {connect_timeout: 1}",
            "config.yaml:1: github.connect_timeout: \"1\" is not a duration from 1ms to a day, such as 500ms, 30s or 10m",
        ),
        (
            "github:\n  download_hosts:\n    - a\n    - https://b",
            "config.yaml:4: github.download_hosts[1]: \"https://b\" is not a host name, such as reports.example.com or *.blob.core.windows.net",
        ),
        (
            "github: {max_document_mib: 0}",
            "config.yaml:1: github.max_document_mib: \"0\" is not a whole number from 1 to 65536, such as 4096",
        ),
        (
            "github:\n  ca_file: text",
            "config.yaml:2: github.ca_file: text: it contains no certificate; it should contain certificates in PEM format",
        ),
        (
            "github:\n  retries:",
            "config.yaml:2: github.retries: it has no value: set one, or remove the key",
        ),
        (
            "mapping:\n\n  sha256: [abc]",
            "config.yaml:3: mapping.sha256[0]: \"abc\" is not a SHA-256: it should be 64 hexadecimal digits, as printed by `mapping show`",
        ),
        ("mapping: {dir: text}", "config.yaml:1: mapping.dir: text: not a directory"),
        ("mapping: {default: 3}", "config.yaml:1: mapping.default: it should be true or false"),
        (
            "defaults:\n  document_ttl:\n    seats: 5ms",
            "config.yaml:3: defaults.document_ttl.seats: \"5ms\" is not a duration from 1s to a year, such as 90s, 30m or 1h 30m",
        ),
        (
            "defaults: {api_url: 'http://a.example'}",
            "config.yaml:1: defaults.api_url: not https: it should be a URL such as https://api.github.com or https://HOST/api/v3",
        ),
        (
            "targets:\n  - organization: a\n    name: ''",
            "config.yaml:3: targets[0].name: invalid label value \"\": use 1 to 100 characters on one line",
        ),
        (
            "targets:\n  - enterprise: a/b",
            "config.yaml:2: targets[0].enterprise: invalid enterprise name \"a/b\": use the name from its GitHub URL, such as octo-org",
        ),
        (
            "targets:\n  - name: a",
            "config.yaml:2: targets[0]: it needs either organization or enterprise",
        ),
        (
            "targets:\n  - organization: a\n    credential: b",
            "config.yaml:3: targets[0].credential: \"b\" is not one of the credentials default",
        ),
        (
            "targets:\n  - organization: a\n  - organization: A",
            "config.yaml:3: targets[1]: \"A\" is listed twice",
        ),
        (
            "targets:\n  - organization: a\n    mapping:\n      dir: text",
            "config.yaml:4: targets[0].mapping.dir: text: not a directory",
        ),
        (
            "credentials:\n  a:\n    app_id: 1",
            "config.yaml:3: credentials.a: it has no private_key_file, which a GitHub App needs",
        ),
        (
            "credentials:\n  a: {installation_id: 1}",
            "config.yaml:2: credentials.a: it has no app_id, which a GitHub App needs",
        ),
        (
            "credentials:\n  a: {}",
            "config.yaml:2: credentials.a: it needs exactly one of token_env, token_file and app_id",
        ),
        (
            "credentials:\n  a: {token_env: X_NOT_SET}",
            "config.yaml:2: credentials.a.token_env: the environment variable \"X_NOT_SET\" is not set: it should contain a token",
        ),
    ] {
        assert_eq!(error(yaml), expected, "{yaml}");
    }
}

#[test]
fn an_error_behind_an_alias_is_reported_where_the_alias_is() {
    let yaml = "github:\n  connect_timeout: &t 10s\n  retry_delay: 1s\n  retries: *t";
    let expected =
        "config.yaml:4: github.retries: \"10s\" is not a whole number from 0 to 10, such as 3";
    assert_eq!(error(yaml), expected);
}

#[test]
fn unknown_keys_are_reported_with_the_known_ones() {
    let text = error("targets:\n  - organisation: a");
    let known = "organization, enterprise, name, mapping, credential, api_url, ttl, document_ttl, documents, options";
    assert!(text.starts_with("config.yaml:2: targets[0].organisation: unknown field"), "{text}");
    assert!(text.ends_with(&format!("expected one of {known}")), "{text}");
}

#[test]
fn a_fifo_in_place_of_a_file_is_refused_without_blocking() {
    let file = ConfigFile::new("credentials:\n  a: {token_file: fifo}");
    let fifo = file.path("fifo");
    assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let expected = "config.yaml:2: credentials.a.token_file: fifo: not a regular file";
    assert_eq!(file.error(), expected);
    let config = Some(fifo.display().to_string());
    let error = Settings::new(&ServeArgs { config, ..ServeArgs::default() }).unwrap_err();
    assert_eq!(error.setting, "--config.file (CONFIG_FILE)");
    assert!(error.problem.ends_with("fifo: not a regular file"), "{error}");
    assert!(web::WebConfig::read(&fifo).is_err());
}
