use copilot_metrics_tests::app::private_key;
use copilot_metrics_tests::command::{exporter, output, printed};
use copilot_metrics_tests::config::Config;
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;

/// The config file is refused: exit code 64, and one line with the file, the line and every text.
#[track_caller]
fn refused(yaml: &str, line: usize, texts: &[&str]) {
    let config = Config::new(yaml);
    config.write("text", "neither a key nor a certificate");
    refused_file(&config, line, texts);
}

/// The same for a config file with other files next to it.
#[track_caller]
fn refused_file(config: &Config, line: usize, texts: &[&str]) {
    for check in [true, false] {
        let mut command = exporter();
        command.env("GHC_TOKEN", "ghp_x").env("CONFIG_FILE", config.path());
        if check {
            command.arg("check-config");
        }
        let output = output(command);
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(64), "{error}");
        assert_eq!(error.lines().count(), 1, "{error}");
        let place = format!("config.yaml:{line}: ");
        for text in texts.iter().chain(&[place.as_str()]) {
            assert!(error.contains(text), "{error:?} has no {text:?}");
        }
        assert!(!error.contains("ghp_"), "{error}");
    }
}

#[test]
fn keys_that_are_unknown_twice_or_of_the_wrong_form_are_refused_with_file_line_and_key() {
    refused(
        "target: []",
        1,
        &["target", "unknown field", "defaults, credentials, targets, github"],
    );
    refused(
        "targets:\n  - organisation: a",
        2,
        &["targets[0].organisation", "expected one of organization, enterprise, name"],
    );
    refused("credentials:\n  a: {token: ghp_secret}", 2, &["credentials.a.token", "token_env"]);
    refused("credentials:\n  a: ghp_secret", 2, &["credentials.a", "keys with values"]);
    refused(
        "targets:\n  - organization: a\n    organization: b",
        3,
        &["targets[0]", "duplicate mapping key: organization"],
    );
    refused("targets: {organization: a}", 1, &["targets", "a list"]);
    refused("targets: [", 1, &["unclosed bracket"]);
    refused("defaults:\n  documents:\n    seats: maybe", 3, &["documents.seats", "true or false"]);
    refused("targets: []\n---\ntargets: []", 3, &["one YAML document"]);
}

#[test]
fn values_that_can_not_be_used_are_refused_with_what_would_be_right() {
    refused("targets:\n  - organization: a/b", 2, &["targets[0].organization", "octo-org"]);
    refused("targets:\n  - {organization: a, enterprise: b}", 2, &["targets[0]", "either"]);
    refused("targets:\n  - {name: a}", 2, &["targets[0]", "either"]);
    refused("targets:\n  - {organization: a, name: ''}", 2, &["targets[0].name", "100 characters"]);
    refused("targets:\n  - {organization: a, ttl: 5}", 2, &["targets[0].ttl", "\"5\"", "1h 30m"]);
    refused("targets:\n  - {organization: a, ttl: 5ms}", 2, &["targets[0].ttl", "1s to a year"]);
    refused(
        "targets:\n  - {organization: a, api_url: 'http://a.example'}",
        2,
        &["targets[0].api_url", "not https", "https://api.github.com"],
    );
    refused("defaults: {api_url: 'https://ghp_x@a.example'}", 1, &["defaults.api_url", "password"]);
    refused("defaults:\n  options: {teams: 1}", 2, &["defaults.options.teams", "it has: users"]);
    refused("defaults:\n  options: {users: maybe}", 2, &["options.users", "true or false"]);
    refused(
        "defaults:\n  documents: {seat: false}",
        2,
        &["documents.seat", "it has: organization-28-day"],
    );
    refused("defaults:\n  document_ttl: {seat: 1h}", 2, &["document_ttl.seat", "seats"]);
    refused("github: {concurrency: 0}", 1, &["github.concurrency", "1 to 100"]);
    refused("github: {retries: many}", 1, &["github.retries", "such as 3"]);
    refused("github: {connect_timeout: 1}", 1, &["github.connect_timeout", "500ms"]);
    refused(
        "github: {download_hosts: ['https://a']}",
        1,
        &["github.download_hosts[0]", "example.com"],
    );
}

#[test]
fn targets_that_are_twice_are_refused() {
    refused(
        "targets:\n  - organization: a\n  - organization: A",
        3,
        &["targets[1]", "\"A\" is listed twice"],
    );
    refused(
        "targets:\n  - organization: a\n    name: x\n  - enterprise: b\n    name: x",
        4,
        &["targets[1]", "\"x\" is also the name of another target", "`name`"],
    );
    // The same at another GitHub, under another name, is another one.
    let config = Config::new(
        "targets:\n  - organization: a\n  - {organization: a, name: b, api_url: 'https://api.b.ghe.com'}",
    );
    let mut command = exporter();
    command.env("GHC_TOKEN", "ghp_x").args(["check-config", "--config"]).arg(config.path());
    assert!(output(command).status.success());
}

#[test]
fn credentials_that_can_not_be_used_are_refused() {
    refused("credentials:\n  a: {}", 2, &["credentials.a", "exactly one of token_env"]);
    refused(
        "credentials:\n  a: {token_env: X_NOT_SET}",
        2,
        &["token_env", "\"X_NOT_SET\" is not set"],
    );
    refused(
        "credentials:\n  a: {token_file: nowhere}",
        2,
        &["token_file", "nowhere", "cannot read it"],
    );
    refused("credentials:\n  a: {token_file: text}", 2, &["token_file", "not a token"]);
    refused("credentials:\n  a: {app_id: 1}", 2, &["credentials.a", "private_key_file"]);
    let config = Config::new("credentials:\n  a: {private_key_file: key.pem}");
    config.write("key.pem", &private_key());
    refused_file(&config, 2, &["credentials.a", "no app_id"]);
    refused(
        "credentials:\n  a: {app_id: 1, private_key_file: text}",
        2,
        &["credentials.a.private_key_file", "RSA key in PEM format"],
    );
    refused(
        "targets:\n  - {organization: a, credential: b}",
        2,
        &["targets[0].credential", "\"b\" is not one of the credentials default"],
    );
    refused("github: {ca_file: text}", 1, &["github.ca_file", "PEM format"]);
}

#[test]
fn a_fifo_in_place_of_a_file_is_refused_and_blocks_nothing() {
    for (yaml, key) in [
        ("credentials: {a: {token_file: fifo}}", "credentials.a.token_file"),
        ("credentials: {a: {app_id: 1, private_key_file: fifo}}", "credentials.a.private_key_file"),
        ("github: {ca_file: fifo}", "github.ca_file"),
    ] {
        let config = Config::new(yaml);
        mkfifo(&config.file("fifo"), Mode::S_IRWXU).unwrap();
        refused_file(&config, 1, &[key, "fifo: not a regular file"]);
    }
    let config = Config::new("");
    mkfifo(&config.file("fifo"), Mode::S_IRWXU).unwrap();
    for flag in ["--config", "--token-file", "--web.config.file"] {
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
    refused("credentials:\n  a: {token_env: ghp_abc123}", 2, &["token_env", "\"***\" is not set"]);
    refused("credentials:\n  a: {token_file: ghp_abc123}", 2, &["token_file", "***"]);
    refused(
        "credentials:\n  a: {app_id: github_pat_abc_123}",
        2,
        &["credentials.a.app_id", "\"***\" is not the ID"],
    );
    refused("targets:\n  - {organization: a, credential: ghp_abc123}", 2, &["\"***\""]);
    refused("targets:\n  - {organization: ghp_/abc123}", 2, &["\"***/abc123\""]);
}

#[test]
fn a_target_without_any_credential_is_refused_in_the_config_file() {
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
fn credentials_of_the_flags_exclude_one_another() {
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
fn a_config_file_that_can_not_be_read_is_named_and_an_empty_one_is_in_order() {
    let mut command = exporter();
    command.args(["--config", "nowhere.yaml"]);
    let output = output(command);
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(64));
    assert!(error.contains("CONFIG_FILE") && error.contains("nowhere.yaml"), "{error}");
    for yaml in ["", "# nothing yet\n"] {
        let path = Config::new(yaml);
        let path = path.path().display().to_string();
        let said = printed(["check-config", "--config", &path]);
        assert!(said.contains("there would be no data: set GHC_TOKEN"), "{said}");
        assert!(said.ends_with("the settings are in order\n"), "{said}");
    }
}

#[test]
fn a_flag_stands_above_the_files_defaults_and_a_target_above_both() {
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
    let said = check(&[]);
    assert!(said.contains("organization a at api.b.ghe.com, every 3600 s"), "{said}");
    assert!(said.contains("organization b at api.b.ghe.com, every 7200 s"), "{said}");
    let said = check(&["--cache-ttl-seconds", "7", "--github-api-url", "https://api.c.ghe.com"]);
    assert!(said.contains("organization a at api.c.ghe.com, every 7 s"), "{said}");
    assert!(said.contains("organization b at api.c.ghe.com, every 7200 s"), "{said}");
}
