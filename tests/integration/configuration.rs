use copilot_metrics_tests::app::private_key;
use copilot_metrics_tests::command::{exporter, output, printed};
use copilot_metrics_tests::config::Config;
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;

/// The config file is rejected: exit code 64, and an error of one line that contains the file, the line
/// and every text.
#[track_caller]
fn rejected(yaml: &str, line: usize, texts: &[&str]) {
    let config = Config::new(yaml);
    config.write("text", "neither a key nor a certificate");
    rejected_file(&config, line, texts);
}

/// The same for a config file that refers to other files in its directory.
#[track_caller]
fn rejected_file(config: &Config, line: usize, texts: &[&str]) {
    rejected_with(config, line, texts, false);
}

/// The same for options and documents of the mappings. They are compiled after the exporter has started
/// to serve stored data, so that the log comes before the error. `check-config` prints only the error.
#[track_caller]
fn rejected_by_mappings(yaml: &str, line: usize, texts: &[&str]) {
    rejected_with(&Config::new(yaml), line, texts, true);
}

#[track_caller]
fn rejected_with(config: &Config, line: usize, texts: &[&str], is_logged: bool) {
    for check in [true, false] {
        let mut command = exporter();
        command.env("GHC_TOKEN", "ghp_x").env("CONFIG_FILE", config.path());
        command.env("LISTEN_ADDRESS", "127.0.0.1:0");
        if check {
            command.arg("check-config");
        }
        let output = output(command);
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(64), "{stderr}");
        let is_error = |line: &&str| line.starts_with("copilot-metrics-exporter: ");
        let errors: Vec<_> = stderr.lines().filter(is_error).collect();
        assert_eq!(errors.len(), 1, "{stderr}");
        if check || !is_logged {
            assert_eq!(stderr.lines().count(), 1, "{stderr}");
        }
        let error = errors[0];
        assert_eq!(stderr.lines().last(), Some(error));
        let place = format!("config.yaml:{line}: ");
        for text in texts.iter().chain(&[place.as_str()]) {
            assert!(error.contains(text), "{error:?} does not contain {text:?}");
        }
        assert!(!stderr.contains("ghp_"), "{stderr}");
    }
}

#[test]
fn unknown_duplicate_and_malformed_keys_are_rejected_with_file_line_and_key() {
    rejected(
        "target: []",
        1,
        &["target", "unknown field", "defaults, credentials, targets, github"],
    );
    rejected(
        "targets:\n  - organisation: a",
        2,
        &["targets[0].organisation", "expected one of organization, enterprise, name"],
    );
    rejected("credentials:\n  a: {token: ghp_secret}", 2, &["credentials.a.token", "token_env"]);
    rejected("credentials:\n  a: ghp_secret", 2, &["credentials.a", "keys with values"]);
    rejected(
        "targets:\n  - organization: a\n    organization: b",
        3,
        &["targets[0]", "duplicate mapping key: organization"],
    );
    rejected("targets: {organization: a}", 1, &["targets", "a list"]);
    rejected("targets: [", 1, &["unclosed bracket"]);
    rejected("defaults:\n  documents:\n    seats: maybe", 3, &["documents.seats", "true or false"]);
    rejected("targets: []\n---\ntargets: []", 3, &["one YAML document"]);
}

#[test]
fn invalid_values_are_rejected_with_what_is_valid() {
    rejected("targets:\n  - organization: a/b", 2, &["targets[0].organization", "octo-org"]);
    rejected("targets:\n  - {organization: a, enterprise: b}", 2, &["targets[0]", "either"]);
    rejected("targets:\n  - {name: a}", 2, &["targets[0]", "either"]);
    rejected(
        "targets:\n  - {organization: a, name: ''}",
        2,
        &["targets[0].name", "100 characters"],
    );
    rejected("targets:\n  - {organization: a, ttl: 5}", 2, &["targets[0].ttl", "\"5\"", "1h 30m"]);
    rejected("targets:\n  - {organization: a, ttl: 5ms}", 2, &["targets[0].ttl", "1s to a year"]);
    rejected(
        "targets:\n  - {organization: a, api_url: 'http://a.example'}",
        2,
        &["targets[0].api_url", "not https", "https://api.github.com"],
    );
    rejected(
        "defaults: {api_url: 'https://ghp_x@a.example'}",
        1,
        &["defaults.api_url", "password"],
    );
    rejected_by_mappings(
        "defaults:\n  options: {teams: 1}",
        2,
        &["defaults.options.teams", "it has: users"],
    );
    rejected_by_mappings(
        "defaults:\n  options: {users: maybe}",
        2,
        &["options.users", "true or false"],
    );
    rejected_by_mappings(
        "defaults:\n  documents: {seat: false}",
        2,
        &["documents.seat", "it has: organization-28-day"],
    );
    rejected_by_mappings(
        "defaults:\n  document_ttl: {seat: 1h}",
        2,
        &["document_ttl.seat", "seats"],
    );
    rejected("github: {concurrency: 0}", 1, &["github.concurrency", "1 to 100"]);
    rejected("github: {retries: many}", 1, &["github.retries", "such as 3"]);
    rejected("github: {connect_timeout: 1}", 1, &["github.connect_timeout", "500ms"]);
    rejected(
        "github: {download_hosts: ['https://a']}",
        1,
        &["github.download_hosts[0]", "example.com"],
    );
}

#[test]
fn duplicate_targets_are_rejected() {
    rejected(
        "targets:\n  - organization: a\n  - organization: A",
        3,
        &["targets[1]", "\"A\" is listed twice"],
    );
    rejected(
        "targets:\n  - organization: a\n    name: x\n  - enterprise: b\n    name: x",
        4,
        &["targets[1]", "\"x\" is also the name of another target", "`name`"],
    );
    // The same organization on another GitHub server, with another name, is another target.
    let config = Config::new(
        "targets:\n  - organization: a\n  - {organization: a, name: b, api_url: 'https://api.b.ghe.com'}",
    );
    let mut command = exporter();
    command.env("GHC_TOKEN", "ghp_x").args(["check-config", "--config"]).arg(config.path());
    assert!(output(command).status.success());
}

#[test]
fn unusable_credentials_are_rejected() {
    rejected("credentials:\n  a: {}", 2, &["credentials.a", "exactly one of token_env"]);
    rejected(
        "credentials:\n  a: {token_env: X_NOT_SET}",
        2,
        &["token_env", "\"X_NOT_SET\" is not set"],
    );
    rejected(
        "credentials:\n  a: {token_file: nowhere}",
        2,
        &["token_file", "nowhere", "cannot read it"],
    );
    rejected("credentials:\n  a: {token_file: text}", 2, &["token_file", "not a token"]);
    rejected("credentials:\n  a: {app_id: 1}", 2, &["credentials.a", "private_key_file"]);
    let config = Config::new("credentials:\n  a: {private_key_file: key.pem}");
    config.write("key.pem", &private_key());
    rejected_file(&config, 2, &["credentials.a", "no app_id"]);
    rejected(
        "credentials:\n  a: {app_id: 1, private_key_file: text}",
        2,
        &["credentials.a.private_key_file", "RSA key in PEM format"],
    );
    rejected(
        "targets:\n  - {organization: a, credential: b}",
        2,
        &["targets[0].credential", "\"b\" is not one of the credentials default"],
    );
    rejected("github: {ca_file: text}", 1, &["github.ca_file", "PEM format"]);
}

#[test]
fn a_fifo_instead_of_a_file_is_rejected_and_blocks_nothing() {
    for (yaml, key) in [
        ("credentials: {a: {token_file: fifo}}", "credentials.a.token_file"),
        ("credentials: {a: {app_id: 1, private_key_file: fifo}}", "credentials.a.private_key_file"),
        ("github: {ca_file: fifo}", "github.ca_file"),
    ] {
        let config = Config::new(yaml);
        mkfifo(&config.file("fifo"), Mode::S_IRWXU).unwrap();
        rejected_file(&config, 1, &[key, "fifo: not a regular file"]);
    }
    let config = Config::new("");
    mkfifo(&config.file("fifo"), Mode::S_IRWXU).unwrap();
    for flag in ["--config.file", "--token-file", "--web.config.file"] {
        let mut command = exporter();
        command.arg(flag).arg(config.file("fifo")).args(["--web.listen-address", "127.0.0.1:0"]);
        let output = output(command);
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(64), "{flag}: {error}");
        assert!(error.contains(flag) && error.contains("not a regular file"), "{error}");
    }
}

#[test]
fn a_token_in_the_wrong_place_is_not_shown() {
    rejected("credentials:\n  a: {token_env: ghp_abc123}", 2, &["token_env", "\"***\" is not set"]);
    rejected("credentials:\n  a: {token_file: ghp_abc123}", 2, &["token_file", "***"]);
    rejected(
        "credentials:\n  a: {app_id: github_pat_abc_123}",
        2,
        &["credentials.a.app_id", "\"***\" is not the ID"],
    );
    rejected("targets:\n  - {organization: a, credential: ghp_abc123}", 2, &["\"***\""]);
    rejected("targets:\n  - {organization: ghp_/abc123}", 2, &["\"***/abc123\""]);
}

#[test]
fn a_target_without_a_credential_is_rejected_in_the_config_file() {
    let config = Config::new("targets:\n  - organization: a");
    let path = config.path().display().to_string();
    let mut command = exporter();
    command.args(["check-config", "--config", &path]);
    let output = output(command);
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(64));
    assert!(error.contains("config.yaml:2: targets[0]") && error.contains("GHC_TOKEN"), "{error}");
}

#[test]
fn credential_flags_are_mutually_exclusive() {
    for (variables, wanted) in [
        (&["GHC_TOKEN", "GITHUB_APP_ID"][..], "--token (GHC_TOKEN) is set too"),
        (&["GITHUB_APP_ID"][..], "GITHUB_APP_PRIVATE_KEY_FILE"),
        (&["GITHUB_APP_INSTALLATION_ID"][..], "GITHUB_APP_ID"),
        (&["GHC_TOKEN_FILE"][..], "cannot read it"),
    ] {
        let mut command = exporter();
        for variable in variables {
            command.env(variable, "1");
        }
        let output = output(command);
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(64), "{error}");
        assert!(error.contains(wanted), "{error}");
    }
}

#[test]
fn an_unreadable_config_file_is_named_and_an_empty_one_exports_nothing() {
    let mut command = exporter();
    command.args(["--config", "nowhere.yaml"]);
    let output = output(command);
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(64));
    assert!(error.contains("CONFIG_FILE") && error.contains("nowhere.yaml"), "{error}");
    for yaml in ["", "# nothing yet\n"] {
        let path = Config::new(yaml);
        let path = path.path().display().to_string();
        let report = printed(["check-config", "--config", &path]);
        assert!(report.contains("nothing would be exported: set GHC_TOKEN"), "{report}");
        assert_eq!(report.lines().count(), 1, "{report}");
    }
}

#[test]
fn flags_override_the_defaults_in_the_file_and_targets_override_both() {
    let config = Config::new(
        "defaults: {ttl: 1h, api_url: 'https://api.b.ghe.com'}\ntargets:\n  - organization: a\n  - {organization: b, ttl: 2h}",
    );
    let check = |arguments: &[&str]| {
        let mut command = exporter();
        command.env("GHC_TOKEN", "ghp_x").args(["check-config", "--config"]).arg(config.path());
        String::from_utf8(
            output({
                command.args(arguments);
                command
            })
            .stdout,
        )
        .unwrap()
    };
    let report = check(&[]);
    assert!(report.contains("organization a at api.b.ghe.com, every 3600 s"), "{report}");
    assert!(report.contains("organization b at api.b.ghe.com, every 7200 s"), "{report}");
    let report = check(&["--cache-ttl-seconds", "7", "--github-api-url", "https://api.c.ghe.com"]);
    assert!(report.contains("organization a at api.c.ghe.com, every 7 s"), "{report}");
    assert!(report.contains("organization b at api.c.ghe.com, every 7200 s"), "{report}");
}
