use std::net::TcpListener;

use copilot_metrics_tests::command::{Serving, exporter, output, printed, run};
use copilot_metrics_tests::fixtures::path;

/// The setting is rejected: exit code 64, and an error of one line that contains every text.
#[track_caller]
fn rejected(arguments: &[&str], texts: &[&str]) {
    let output = run(arguments);
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(64), "{error}");
    assert_eq!(error.lines().count(), 1, "{error}");
    for text in texts {
        assert!(error.contains(text), "{error:?} does not contain {text:?}");
    }
}

/// The same for an option of the mappings. They are compiled after the exporter has started to serve
/// stored data, so that the log comes before the error. `check-config` prints only the error.
#[track_caller]
fn rejected_option(option: &str, texts: &[&str]) {
    rejected(&["check-config", "--option", option], texts);
    let mut command = exporter();
    command.args(["--option", option]).env("LISTEN_ADDRESS", "127.0.0.1:0");
    let output = output(command);
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(64), "{text}");
    let errors = text.lines().filter(|line| line.starts_with("copilot-metrics-exporter: "));
    let errors: Vec<_> = errors.collect();
    assert_eq!(errors.len(), 1, "{text}");
    assert_eq!(text.lines().last(), errors.first().copied(), "{text}");
    for text in texts {
        assert!(errors[0].contains(text), "{errors:?} does not contain {text:?}");
    }
}

#[test]
fn an_invalid_setting_exits_with_64_and_one_line_that_says_what_is_valid() {
    rejected(&["--cache-ttl-seconds", "soon"], &["CACHE_TTL_SECONDS", "\"soon\"", "such as 3600"]);
    rejected(&["--cache-ttl-seconds", "0"], &["CACHE_TTL_SECONDS", "\"0\""]);
    rejected(
        &["--github-api-url", "api.github.com"],
        &["GITHUB_API_URL", "https://api.github.com"],
    );
    rejected(&["--github-api-url", "http://api.github.com"], &["GITHUB_API_URL", "not https"]);
    rejected(&["--web.listen-address", "8000"], &["LISTEN_ADDRESS", "0.0.0.0:8000"]);
    rejected(&["--org", "a/b"], &["ORG", "\"a/b\"", "octo-org"]);
    rejected(&["--org", "a,b,a"], &["ORG", "\"a\" is listed twice"]);
    rejected(
        &["--org", "a", "--enterprise", "a"],
        &["ENTERPRISE", "also the name of another target, an organization"],
    );
    rejected(&["--option", "users"], &["NAME=VALUE"]);
    rejected_option("users=maybe", &["--option", "true or false"]);
    rejected_option("teams=1", &["--option", "\"teams\"", "users, user-breakdowns"]);
    rejected(&["--no-such-flag"], &["--no-such-flag"]);
    rejected(&["--log.level", "loud"], &["loud", "debug"]);
    rejected(&["--demo=maybe"], &["DEMO", "maybe", "auto"]);
}

#[test]
fn an_error_of_the_command_line_is_one_line_that_refers_to_help() {
    for (arguments, texts) in [
        (
            ["--orgs", "octo-org"].as_slice(),
            ["unexpected argument '--orgs'", "a similar argument exists: '--org'"],
        ),
        (&["--org"], ["a value is required for '--org", "none was supplied"]),
        (
            &["map", "--org", "a", "--span", "week", "billing=x"],
            ["invalid value 'week'", "[possible values: latest, history]"],
        ),
        (&["mapping"], ["a subcommand is missing", "see --help"]),
        (&["serve"], ["unrecognized subcommand 'serve'", "see --help"]),
    ] {
        let output = run(arguments);
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(64), "{error}");
        assert_eq!(error.lines().count(), 1, "{error}");
        assert!(error.starts_with("copilot-metrics-exporter: "), "{error}");
        assert!(error.ends_with("; see --help\n"), "{error}");
        assert!(!error.contains("  ") && !error.contains("Usage:"), "{error}");
        for text in texts {
            assert!(error.contains(text), "{error:?} does not contain {text:?}");
        }
    }
}

#[test]
fn a_malformed_token_is_rejected_without_being_shown() {
    let mut command = exporter();
    command.env("GHC_TOKEN", "ghp_secret part");
    let rejected = output(command);
    let error = String::from_utf8(rejected.stderr).unwrap();
    assert_eq!(rejected.status.code(), Some(64));
    assert!(error.contains("GHC_TOKEN") && !error.contains("secret"), "{error}");
    let mut help = exporter();
    help.env("GHC_TOKEN", "ghp_secret").args(["--help"]);
    let output = output(help);
    assert!(!String::from_utf8(output.stdout).unwrap().contains("ghp_secret"));
}

#[test]
fn an_address_that_is_in_use_is_named_in_the_error() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = run(["--web.listen-address", &address]);
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(error.contains(&format!("cannot listen on {address}")), "{error}");
}

#[test]
fn help_shows_how_to_start_and_every_setting() {
    let help = printed(["--help"]);
    for text in [
        "--demo",
        "GHC_TOKEN",
        "ORG",
        "ENTERPRISE",
        "CACHE_TTL_SECONDS",
        "GITHUB_API_URL",
        "LISTEN_ADDRESS",
        "--web.listen-address",
        "read:org",
        "Copilot usage metrics",
        "64",
        "map",
    ] {
        assert!(help.contains(text), "--help does not contain {text}");
    }
    assert!(help.lines().all(|line| line.len() <= 140));
    assert!(printed(["map", "--help"]).contains("organization-28-day"));
}

#[test]
fn version_shows_what_the_exporter_was_built_from() {
    let short = format!("copilot-metrics-exporter {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(printed(["-V"]), short);
    let long = printed(["--version"]);
    let (first, rest) = long.split_at(short.len());
    assert_eq!(first, short);
    let fields: Vec<_> = rest.lines().map(|line| line.split_once(": ").unwrap()).collect();
    let names: Vec<_> = fields.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, ["revision", "build date", "platform", "features"]);
    assert!(fields.iter().all(|(_, value)| !value.is_empty()), "{long}");
    let platform = fields[2].1;
    assert!(platform.starts_with(std::env::consts::ARCH), "{platform}");
}

#[test]
fn errors_of_map_list_the_documents_and_options() {
    let billing = format!("billing={}", path("small/billing.json").display());
    rejected(
        &["map", "--org", "acme", "bills=x"],
        &["\"bills\"", "billing", "organization-28-day"],
    );
    rejected(
        &["map", "--enterprise", "acme", &billing],
        &["billing", "enterprise", "enterprise-28-day"],
    );
    rejected(&["map", "--org", "acme", "--option", "x=1", &billing], &["\"x\"", "users"]);
    rejected(&["map", "--org", "acme"], &["DOCUMENT=FILE"]);
    rejected(&["map", &billing], &["--org"]);
    rejected(&["map", "--org", "acme", "billing"], &["DOCUMENT=FILE"]);
    rejected(
        &["map", "--org", "acme", "--option", "users=maybe", &billing],
        &["users must be true or false, not \"maybe\""],
    );
}

#[test]
fn a_new_mapping_needs_a_valid_name_and_an_empty_directory() {
    rejected(&["mapping", "new", "Acme", "--lang", "rust"], &["\"Acme\"", "such as acme-seats"]);
    rejected(
        &["mapping", "new", "github-copilot", "--lang", "rust"],
        &["would replace the default mapping"],
    );
    rejected(&["mapping", "new", "acme"], &["--lang"]);
    rejected(&["mapping", "new", "acme", "--lang", "cobol"], &["rust, js, python, go"]);
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("file"), "mine").unwrap();
    let path = directory.path().to_str().unwrap();
    rejected(
        &["mapping", "new", "acme", "--lang", "rust", "--dir", path],
        &[path, "not an empty directory: choose another one with --dir"],
    );
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
    // An empty one is fine.
    std::fs::remove_file(directory.path().join("file")).unwrap();
    printed(["mapping", "new", "acme", "--lang", "rust", "--dir", path]);
    assert!(directory.path().join("wit/mapping.wit").exists());
    // A file in its place is an error, not a panic.
    let below = directory.path().join("Makefile/below");
    let output = run(["mapping", "new", "acme", "--lang", "js", "--dir", below.to_str().unwrap()]);
    assert_ne!(output.status.code(), Some(0));
    assert!(String::from_utf8(output.stderr).unwrap().contains("Makefile/below"));
}

#[test]
fn map_names_a_file_that_is_missing_or_not_a_mapping() {
    let output = run(["map", "--org", "acme", "billing=no-such-file"]);
    assert_eq!(output.status.code(), Some(66));
    assert!(String::from_utf8(output.stderr).unwrap().contains("no-such-file"));
    let text = path("small/billing.json");
    let billing = format!("billing={}", text.display());
    let output = run(["map", "--org", "acme", "--mapping", text.to_str().unwrap(), &billing]);
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(65), "{error}");
    assert!(error.contains("not a WebAssembly component"), "{error}");
}

#[test]
fn an_empty_setting_means_the_default() {
    let mut command = exporter();
    for variable in
        ["CACHE_TTL_SECONDS", "GITHUB_API_URL", "LOG_LEVEL", "LOG_FORMAT", "GHC_TOKEN", "DEMO"]
    {
        command.env(variable, "");
    }
    Serving::start(command);
}

#[test]
fn automatic_demo_mode_serves_the_demo_only_if_nothing_is_configured() {
    let targets = |set: &[(&str, &str)]| {
        let mut command = exporter();
        command.env("GITHUB_API_URL", "http://127.0.0.1:1");
        command.env("DEMO", "auto").envs(set.iter().copied());
        let serving = Serving::start(command);
        let log = serving.log();
        let line = log.lines().find(|line| line.contains("listening")).unwrap().to_owned();
        line.split("targets=").nth(1).unwrap().to_owned()
    };
    // Compose passes variables that are not set as empty ones.
    assert_eq!(targets(&[("GHC_TOKEN", ""), ("ORG", ""), ("ENTERPRISE", "")]), "3");
    assert_eq!(targets(&[("GHC_TOKEN", "ghp_0123456789"), ("ORG", "octo-org")]), "1");
    // `check-config` reports it.
    let mut check = exporter();
    check.env("DEMO", "auto").arg("check-config");
    assert!(String::from_utf8(output(check).stdout).unwrap().starts_with("the demo would be"));
    let mut check = exporter();
    check.env("DEMO", "maybe").arg("check-config");
    assert_eq!(output(check).status.code(), Some(64));
    // An incomplete configuration is not hidden behind invented numbers.
    assert_eq!(targets(&[("GHC_TOKEN", "ghp_0123456789")]), "0");
    assert_eq!(targets(&[("ORG", "octo-org")]), "0");
}

#[test]
fn a_secret_in_a_url_is_not_shown() {
    for url in
        ["https://u:ghp_x@host:99999", "https://u:ghp_x@host", "https://host?token=ghp_x", "ghp_x"]
    {
        let mut command = exporter();
        command.env("GITHUB_API_URL", url);
        let output = output(command);
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(64), "{error}");
        assert!(error.contains("GITHUB_API_URL") && !error.contains("ghp_x"), "{error}");
    }
}
