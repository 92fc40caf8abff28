use std::net::TcpListener;

use copilot_metrics_tests::command::{Serving, exporter, output, printed, run};
use copilot_metrics_tests::fixtures::path;

/// The setting is refused: exit code 64 and one line that has every text.
#[track_caller]
fn refused(arguments: &[&str], texts: &[&str]) {
    let output = run(arguments);
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(64), "{error}");
    assert_eq!(error.lines().count(), 1, "{error}");
    for text in texts {
        assert!(error.contains(text), "{error:?} has no {text:?}");
    }
}

#[test]
fn a_malformed_setting_exits_with_64_and_one_line_that_says_what_would_be_right() {
    refused(&["--cache-ttl-seconds", "soon"], &["CACHE_TTL_SECONDS", "\"soon\"", "such as 3600"]);
    refused(&["--cache-ttl-seconds", "0"], &["CACHE_TTL_SECONDS", "\"0\""]);
    refused(&["--github-api-url", "api.github.com"], &["GITHUB_API_URL", "https://api.github.com"]);
    refused(&["--github-api-url", "http://api.github.com"], &["GITHUB_API_URL", "not https"]);
    refused(&["--web.listen-address", "8000"], &["LISTEN_ADDRESS", "0.0.0.0:8000"]);
    refused(&["--org", "a/b"], &["ORG", "\"a/b\"", "octo-org"]);
    refused(&["--org", "a,b,a"], &["ORG", "\"a\" is listed twice"]);
    refused(
        &["--org", "a", "--enterprise", "a"],
        &["ENTERPRISE", "also the name of another target, an organization"],
    );
    refused(&["--option", "users"], &["NAME=VALUE"]);
    refused(&["--option", "users=maybe"], &["--option", "true or false"]);
    refused(&["--option", "teams=1"], &["--option", "\"teams\"", "users, user-breakdowns"]);
    refused(&["--no-such-flag"], &["--no-such-flag"]);
    refused(&["--log.level", "loud"], &["loud", "debug"]);
    refused(&["--demo=maybe"], &["DEMO", "maybe", "auto"]);
}

#[test]
fn a_malformed_token_is_refused_without_being_shown() {
    let mut command = exporter();
    command.env("GHC_TOKEN", "ghp_secret part");
    let refused = output(command);
    let error = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(64));
    assert!(error.contains("GHC_TOKEN") && !error.contains("secret"), "{error}");
    let mut help = exporter();
    help.env("GHC_TOKEN", "ghp_secret").args(["--help"]);
    let output = output(help);
    assert!(!String::from_utf8(output.stdout).unwrap().contains("ghp_secret"));
}

#[test]
fn an_address_in_use_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = run(["--web.listen-address", &address]);
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(error.contains(&format!("can't listen on {address}")), "{error}");
}

#[test]
fn help_says_how_to_start_and_every_setting() {
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
        assert!(help.contains(text), "--help has no {text}");
    }
    assert!(help.lines().all(|line| line.len() <= 140));
    assert!(printed(["map", "--help"]).contains("organization-28-day"));
    assert!(printed(["--version"]).starts_with("copilot-metrics-exporter 0."));
}

#[test]
fn map_says_which_documents_and_options_there_are() {
    let billing = format!("billing={}", path("small/billing.json").display());
    refused(&["map", "--org", "acme", "bills=x"], &["\"bills\"", "billing", "organization-28-day"]);
    refused(
        &["map", "--enterprise", "acme", &billing],
        &["billing", "enterprise", "enterprise-28-day"],
    );
    refused(&["map", "--org", "acme", "--option", "x=1", &billing], &["\"x\"", "users"]);
    refused(&["map", "--org", "acme"], &["DOCUMENT=FILE"]);
    refused(&["map", &billing], &["--org"]);
    refused(&["map", "--org", "acme", "billing"], &["DOCUMENT=FILE"]);
    refused(
        &["map", "--org", "acme", "--option", "users=maybe", &billing],
        &["users must be true or false, not \"maybe\""],
    );
}

#[test]
fn map_names_a_file_that_is_missing_or_no_mapping() {
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
fn the_demo_is_served_by_itself_only_where_nothing_else_is_given() {
    let targets = |set: &[(&str, &str)]| {
        let mut command = exporter();
        command.env("GITHUB_API_URL", "http://127.0.0.1:1");
        command.env("DEMO", "auto").envs(set.iter().copied());
        let serving = Serving::start(command);
        let log = serving.log();
        let line = log.lines().find(|line| line.contains("listening")).unwrap().to_owned();
        line.split("targets=").nth(1).unwrap().to_owned()
    };
    // As compose passes on what nobody set.
    assert_eq!(targets(&[("GHC_TOKEN", ""), ("ORG", ""), ("ENTERPRISE", "")]), "3");
    assert_eq!(targets(&[("GHC_TOKEN", "ghp_0123456789"), ("ORG", "octo-org")]), "1");
    // And whoever only asks is told so.
    let mut check = exporter();
    check.env("DEMO", "auto").arg("check-config");
    assert!(String::from_utf8(output(check).stdout).unwrap().starts_with("the demo would be"));
    let mut check = exporter();
    check.env("DEMO", "maybe").arg("check-config");
    assert_eq!(output(check).status.code(), Some(64));
    // A mistake is not hidden behind invented numbers.
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
